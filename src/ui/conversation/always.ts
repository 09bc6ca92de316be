import { approve } from '../data/actions.ts';
import { onEvent } from '../data/log.ts';

// "Always in this session": while this tab is open it approves further calls of the same tool in the session. The server
// still asks, so closing the tab brings the questions back.

const key = (sessionId: string) => `corral.always.${sessionId}`;
const namesOf = (sessionId: string): string[] => JSON.parse(sessionStorage.getItem(key(sessionId)) ?? '[]') as string[];

export const isAlways = (sessionId: string, name: string): boolean => namesOf(sessionId).includes(name);

export function setAlways(sessionId: string, name: string, wanted: boolean): void {
  const others = namesOf(sessionId).filter((one) => one !== name);
  sessionStorage.setItem(key(sessionId), JSON.stringify(wanted ? [...others, name] : others));
}

export function approveWhatIsAllowed(): void {
  onEvent((event) => {
    if (event.type !== 'approval.requested' || event.data.expiresAt < Date.now()) return;
    const { callId, function: name } = event.data;
    // Old requests of the log are decided already, and the server refuses a second decision.
    if (isAlways(event.sessionId, name)) void approve(event.sessionId, callId).catch(() => {});
  });
}
