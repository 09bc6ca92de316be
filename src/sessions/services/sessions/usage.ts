import type { Store, UsageSum } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { addAmounts, noUsage } from '../../../core/model/spending.ts';
import type { UsageDimension, UsageGroup, UsageReport, UsageService, UsageTotal } from '../../api/usage.ts';
import { readSessions } from '../../run/log/session-records.ts';

interface Deps {
  readonly store: Pick<Store, 'events' | 'records'>;
  /** The names of people by the owners of their sessions. */
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projectName: (id: string) => Promise<string>;
}
type SessionUsage = readonly [sum: UsageSum, session: SessionRecord];

const dayMs = 86_400_000;
const mostDays = 366;

export function usageService({ store, people, projectName }: Deps): UsageService {
  async function namesOf(
    ids: readonly string[],
    by: UsageDimension,
    uses: readonly SessionUsage[],
  ): Promise<Map<string, string>> {
    if (by === 'session') return new Map(uses.map(([, session]) => [session.id, session.title]));
    if (by === 'project') {
      const named = ids.map(async (id) => [id, id === '' ? '' : await projectName(id)] as const);
      return new Map(await Promise.all(named));
    }
    const known = by === 'person' ? await people() : new Map<string, string>();
    return new Map(ids.map((id) => [id, known.get(id) ?? id]));
  }

  return {
    async report({ from, to, by }, mayRead = () => true): Promise<UsageReport> {
      const [first, last] = [Date.parse(from), Date.parse(to)];
      const count = Math.round((last - first) / dayMs) + 1;
      if (!(count >= 1 && count <= mostDays)) {
        const text = `The range has to begin before it ends, and to have at most ${mostDays} days. Give other days.`;
        throw new AppError('invalid_request', text);
      }
      const sums = await store.events.usage(first, last + dayMs);
      const records = await readSessions(store.records, [...new Set(sums.map(({ sessionId }) => sessionId))]);
      const uses = sums.flatMap((sum): SessionUsage[] => {
        const session = records.get(sum.sessionId);
        return session && !session.deleting && mayRead(session) ? [[sum, session]] : [];
      });
      const grouped = totalsBy(uses, (use) => idIn(use, by));
      const names = await namesOf([...grouped.keys()], by, uses);
      const groups = [...grouped].map(([id, total]): UsageGroup => ({ id, name: names.get(id) ?? id, ...total }));
      const ofDays = totalsBy(uses, ([{ day }]) => day);
      const days = Array.from({ length: count }, (_, n) => new Date(first + n * dayMs).toISOString().slice(0, 10));
      return {
        total: uses.reduce<UsageTotal>((total, [sum]) => addAmounts(total, sum), noUsage),
        groups: groups.sort(by === 'day' ? (a, b) => (a.id < b.id ? -1 : 1) : byWeight),
        days: days.map((day) => ({ day, ...(ofDays.get(day) ?? noUsage) })),
      };
    },
  };
}

function idIn([sum, session]: SessionUsage, by: UsageDimension): string {
  switch (by) {
    case 'person':
      return session.owner ?? '';
    case 'model':
      return sum.model;
    case 'project':
      return session.projectId ?? '';
    case 'session':
      return session.id;
    case 'day':
      return sum.day;
  }
}

function totalsBy(uses: readonly SessionUsage[], idOf: (use: SessionUsage) => string): Map<string, UsageTotal> {
  const totals = new Map<string, UsageTotal>();
  for (const use of uses) totals.set(idOf(use), addAmounts(totals.get(idOf(use)) ?? noUsage, use[0]));
  return totals;
}

const tokens = ({ inputTokens, outputTokens }: UsageTotal): number => inputTokens + outputTokens;
const byWeight = (a: UsageTotal, b: UsageTotal): number => b.cost - a.cost || tokens(b) - tokens(a);
