import type { SessionEvent } from '../../../../core/model/events.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import type { OpencodexDeps } from '../context.ts';
import { derivePositionId } from '../ids.ts';

// A run's text between two user messages is one message; permission for a call does not split it.

export const isAnswerEvent = (event: SessionEvent): boolean =>
  event.type === 'run.resumed' && event.data.messageId !== undefined;

/** A run's first message has the run's id. Later ids derive from the preceding answer. */
export class MessageIdResolver {
  readonly #replies = new Map<string, string>();

  /** Call for every event of a run, or at least for its last answer. */
  of(event: SessionEvent): string {
    const run = `${event.runId}`;
    if (event.type === 'run.started') this.#replies.delete(run);
    if (isAnswerEvent(event))
      this.#replies.set(run, derivePositionId('reply', { session: event.sessionId, seq: event.seq }));
    return this.#replies.get(run) ?? run;
  }
}

const smallest = 512;

export async function readRunEventsUpTo(
  { services }: Pick<OpencodexDeps, 'services'>,
  id: SessionId,
  cursor: number,
): Promise<SessionEvent[]> {
  for (let size = smallest; ; size *= 4) {
    const from = Math.max(0, cursor - size);
    const { events } = await services.sessions.page(id, from, cursor - from);
    const before = events.filter(({ seq }) => seq <= cursor);
    const start = before.findLastIndex(({ type }) => type === 'run.started');
    if (start >= 0) return before.slice(start);
    if (from === 0) return before;
  }
}
