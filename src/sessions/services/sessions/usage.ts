import type { Store, UsageKey, UsageSum } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { UsageDimension } from '../../../core/model/runs/usage-report.ts';
import { addAmounts, noUsage } from '../../../core/model/spending.ts';
import type { UsageGroup, UsageReport, UsageService, UsageTotal } from '../../api/usage.ts';

interface Deps {
  readonly store: Pick<Store, 'events'>;
  /** People's names, by owner of their sessions. */
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projectName: (id: string) => Promise<string>;
}

const dayMs = 86_400_000;
const mostDays = 366;

export function usageService({ store, people, projectName }: Deps): UsageService {
  async function readNames(by: UsageDimension, sums: readonly UsageSum[]): Promise<ReadonlyMap<string, string>> {
    if (by === 'session') return new Map(sums.map(({ session, title }) => [session, title]));
    if (by === 'person') return await people();
    const ids = by === 'project' ? [...new Set(sums.map(({ project }) => project))].filter((id) => id !== '') : [];
    return new Map(await Promise.all(ids.map(async (id) => [id, await projectName(id)] as const)));
  }

  return {
    async report({ from, to, by, dailyGroups = 0 }, mayRead): Promise<UsageReport> {
      const [first, last] = [Date.parse(from), Date.parse(to)];
      const count = Math.round((last - first) / dayMs) + 1;
      if (!(count >= 1 && count <= mostDays)) {
        const text = `The range has to begin before it ends, and to have at most ${mostDays} days. Give other days.`;
        throw new AppError('invalid_request', text);
      }
      const keys: readonly UsageKey[] = [...keysOf[by], 'day', ...(mayRead ? (['owner', 'project'] as const) : [])];
      const all = await store.events.usage(first, last + dayMs, keys);
      const sums = mayRead
        ? all.filter(({ owner, project }) => mayRead({ ...(owner && { owner }), projectId: project || null }))
        : all;
      const names = await readNames(by, sums);
      const [key] = keysOf[by];
      const groups = [...totalsBy(sums, key)]
        .map(([id, total]) => ({ id, name: names.get(id) ?? id, ...total }))
        .sort(by === 'day' ? (a, b) => (a.id < b.id ? -1 : 1) : byWeight);
      const daily = new Set(groups.slice(0, dailyGroups).map(({ id }) => id));
      const sumsOf = daily.size > 0 ? Map.groupBy(sums, (sum) => sum[key]) : new Map<string, UsageSum[]>();
      const ofDays = totalsBy(sums, 'day');
      const days = Array.from({ length: count }, (_, n) => new Date(first + n * dayMs).toISOString().slice(0, 10));
      return {
        total: sums.reduce<UsageTotal>(addAmounts, noUsage),
        groups: groups.map((group) => ({ ...group, days: daily.has(group.id) ? daysIn(sumsOf.get(group.id)) : [] })),
        days: days.map((day) => ({ day, ...(ofDays.get(day) ?? noUsage) })),
      };
    },
  };
}

/** The first element of the key is the group's id. */
const keysOf: Readonly<Record<UsageDimension, readonly [UsageKey, ...UsageKey[]]>> = {
  person: ['owner'],
  model: ['model'],
  project: ['project'],
  session: ['session', 'title'],
  day: ['day'],
};

function totalsBy(sums: readonly UsageSum[], key: UsageKey): Map<string, UsageTotal> {
  const totals = new Map<string, UsageTotal>();
  for (const sum of sums) totals.set(sum[key], addAmounts(totals.get(sum[key]) ?? noUsage, sum));
  return totals;
}

const daysIn = (sums: readonly UsageSum[] = []): UsageGroup['days'] =>
  [...totalsBy(sums, 'day')].map(([day, total]) => ({ day, ...total })).sort((a, b) => (a.day < b.day ? -1 : 1));

const tokens = ({ inputTokens, outputTokens }: UsageTotal): number => inputTokens + outputTokens;
const byWeight = (a: UsageTotal, b: UsageTotal): number => b.cost - a.cost || tokens(b) - tokens(a);
