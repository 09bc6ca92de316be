import type { Store } from '../../core/contracts/ports.ts';
import { type Amounts, noAmounts } from '../run/accounts.ts';
import { readSessions } from '../run/log/session-records.ts';
import { type Holder, holdersOf, type Period, recordIdOf, sumOf } from './account.ts';

type Logged = Readonly<Record<Period, Amounts>>;
const nothing: Logged = { day: noAmounts, month: noAmounts };
const dayMs = 86_400_000;

/** The usage of each person and project in this day and month, by the logs of their sessions. A deleted session's log is gone. */
export async function loggedUsage(
  { events, records }: Pick<Store, 'events' | 'records'>,
  now: number,
): Promise<(holder: Holder) => Logged> {
  const today = new Date(now).toISOString().slice(0, 10);
  const sums = await events.usage(Date.parse(`${today.slice(0, 7)}-01`), Date.parse(today) + dayMs);
  const sessions = await readSessions(records, [...new Set(sums.map(({ sessionId }) => sessionId))]);
  const sumsOf = new Map<string, Logged>();
  for (const { sessionId, day, inputTokens, outputTokens, cost } of sums) {
    const session = sessions.get(sessionId);
    if (!session) continue;
    const used: Amounts = { tokens: inputTokens + outputTokens, cost };
    for (const name of holdersOf(session).map(recordIdOf)) {
      const before = sumsOf.get(name) ?? nothing;
      sumsOf.set(name, {
        day: day === today ? sumOf([before.day, used]) : before.day,
        month: sumOf([before.month, used]),
      });
    }
  }
  return (holder) => sumsOf.get(recordIdOf(holder)) ?? nothing;
}
