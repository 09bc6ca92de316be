import type { Store, UsageKey, UsageSum } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { addAmounts, noUsage } from '../../../core/model/spending.ts';
import type { UsageDimension, UsageGroup, UsageReport, UsageService, UsageTotal } from '../../api/usage.ts';

interface Deps {
  readonly store: Pick<Store, 'events'>;
  /** People's names, by owner of their sessions. */
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projectName: (id: string) => Promise<string>;
}

const dayMs = 86_400_000;
const mostDays = 366;

export function usageService({ store, people, projectName }: Deps): UsageService {
  async function namesOf(by: UsageDimension, sums: readonly UsageSum[]): Promise<ReadonlyMap<string, string>> {
    if (by === 'session') return new Map(sums.map(({ session, title }) => [session, title]));
    if (by === 'person') return await people();
    const ids = by === 'project' ? [...new Set(sums.map(({ project }) => project))].filter((id) => id !== '') : [];
    return new Map(await Promise.all(ids.map(async (id) => [id, await projectName(id)] as const)));
  }

  return {
    async report({ from, to, by }, mayRead): Promise<UsageReport> {
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
      const names = await namesOf(by, sums);
      const groups = [...totalsBy(sums, keysOf[by][0])].map(
        ([id, total]): UsageGroup => ({ id, name: names.get(id) ?? id, ...total }),
      );
      const ofDays = totalsBy(sums, 'day');
      const days = Array.from({ length: count }, (_, n) => new Date(first + n * dayMs).toISOString().slice(0, 10));
      return {
        total: sums.reduce<UsageTotal>(addAmounts, noUsage),
        groups: groups.sort(by === 'day' ? (a, b) => (a.id < b.id ? -1 : 1) : byWeight),
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

const tokens = ({ inputTokens, outputTokens }: UsageTotal): number => inputTokens + outputTokens;
const byWeight = (a: UsageTotal, b: UsageTotal): number => b.cost - a.cost || tokens(b) - tokens(a);
