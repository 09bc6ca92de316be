import type { Store } from '../../core/contracts/ports.ts';
import { SessionRecord } from '../../core/model/records.ts';
import type { Amounts } from '../run/accounts.ts';
import type { Holder, Period } from './account.ts';

type Logged = Readonly<Record<Period, Amounts>>;
const nothing: Amounts = { tokens: 0, cost: 0 };
const dayMs = 86_400_000;

/** The usage of each person and project in this day and month, by the logs of their sessions. A deleted session's log is gone. */
export async function loggedUsage(
  { events, records }: Pick<Store, 'events' | 'records'>,
  now: number,
): Promise<(holder: Holder) => Logged> {
  const today = new Date(now).toISOString().slice(0, 10);
  const sums = await events.usage(Date.parse(`${today.slice(0, 7)}-01`), Date.parse(today) + dayMs);
  const holders = new Map<string, Pick<SessionRecord, 'owner' | 'projectId'>>();
  for (const { sessionId } of sums) {
    if (holders.has(sessionId)) continue;
    const found = await records.get('session', sessionId);
    if (found) holders.set(sessionId, SessionRecord.parse(found.doc));
  }
  const sumsOf = new Map<string, { day: Amounts; month: Amounts }>();
  const add = (name: string, used: Amounts, isToday: boolean) => {
    const { day, month } = sumsOf.get(name) ?? { day: nothing, month: nothing };
    sumsOf.set(name, { day: isToday ? plus(day, used) : day, month: plus(month, used) });
  };
  for (const { sessionId, day, inputTokens, outputTokens, cost } of sums) {
    const session = holders.get(sessionId);
    if (!session) continue;
    const used = { tokens: inputTokens + outputTokens, cost };
    add(`person:${session.owner ?? ''}`, used, day === today);
    if (session.projectId !== null) add(`project:${session.projectId}`, used, day === today);
  }
  return ({ of, id }) => sumsOf.get(`${of}:${id}`) ?? { day: nothing, month: nothing };
}

const plus = (a: Amounts, b: Amounts): Amounts => ({ tokens: a.tokens + b.tokens, cost: a.cost + b.cost });
