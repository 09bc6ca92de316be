import { z } from 'zod';
import type { Store, UsageGroupKey, UsageSum } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { maxUsageGroups, type UsageDimension } from '../../../core/model/runs/usage-report.ts';
import { addAmounts, noUsage } from '../../../core/model/spending.ts';
import { parseJsonWithinLimits } from '../../../core/text/json.ts';
import type { UsageGroup, UsageReport, UsageService, UsageTotal } from '../../api/usage.ts';

interface Deps {
  readonly store: Pick<Store, 'events' | 'records'>;
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projectName: (id: string) => Promise<string>;
}

const dayMs = 86_400_000;
const mostDays = 366;

export function createUsageService({ store, people, projectName }: Deps): UsageService {
  async function readTitle(session: string): Promise<string> {
    const found = await store.records.get('session', session);
    return found ? (found.doc as SessionRecord).title : session;
  }
  async function readNames(by: UsageDimension, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (by === 'person') return await people();
    const read = { session: readTitle, project: projectName, model: undefined, day: undefined }[by];
    if (!read) return new Map();
    return new Map(await Promise.all(ids.filter((id) => id !== '').map(async (id) => [id, await read(id)] as const)));
  }

  return {
    async report({ from, to, by, dailyGroups = 0, limit = maxUsageGroups, cursor }, mayRead): Promise<UsageReport> {
      const [first, last] = [Date.parse(from), Date.parse(to)];
      const count = Math.round((last - first) / dayMs) + 1;
      if (!(count >= 1 && count <= mostDays)) {
        const text = `The range must begin before it ends and have at most ${mostDays} days. Choose other days.`;
        throw new AppError('invalid_request', text);
      }
      const keys: readonly UsageGroupKey[] = [keysOf[by], 'day', ...(mayRead ? (['owner', 'project'] as const) : [])];
      const all = await store.events.usage(first, last + dayMs, keys);
      const sums = mayRead
        ? all.filter(({ owner, project }) => mayRead({ ...(owner && { owner }), projectId: project || null }))
        : all;
      const key = keysOf[by];
      const order = by === 'day' ? byId : byWeight;
      const after = cursor === undefined ? undefined : parseCursor(cursor);
      const sorted = [...totalsBy(sums, key)].map(([id, total]) => ({ id, ...total })).sort(order);
      const rest = sorted.filter((group) => !after || order(after, group) < 0);
      const groups = rest.slice(0, limit);
      const end = rest.length > limit ? groups.at(-1) : undefined;
      const names = await readNames(
        by,
        groups.map(({ id }) => id),
      );
      const daily = new Set(groups.slice(0, dailyGroups).map(({ id }) => id));
      const sumsOf = daily.size > 0 ? Map.groupBy(sums, (sum) => sum[key]) : new Map<string, UsageSum[]>();
      const ofDays = totalsBy(sums, 'day');
      const days = Array.from({ length: count }, (_, n) => new Date(first + n * dayMs).toISOString().slice(0, 10));
      return {
        total: [...ofDays.values()].reduce<UsageTotal>(addAmounts, noUsage),
        groups: groups.map((group) => ({
          ...group,
          name: names.get(group.id) ?? group.id,
          days: daily.has(group.id) ? daysIn(sumsOf.get(group.id)) : [],
        })),
        nextCursor: end ? JSON.stringify(placeOf(end)) : null,
        days: days.map((day) => ({ day, ...(ofDays.get(day) ?? noUsage) })),
      };
    },
  };
}

const keysOf: Readonly<Record<UsageDimension, UsageGroupKey>> = {
  person: 'owner',
  model: 'model',
  project: 'project',
  session: 'session',
  day: 'day',
};

function totalsBy(sums: readonly UsageSum[], key: UsageGroupKey): Map<string, UsageTotal> {
  const totals = new Map<string, UsageTotal>();
  for (const sum of sums) totals.set(sum[key], addAmounts(totals.get(sum[key]) ?? noUsage, sum));
  return totals;
}

const daysIn = (sums: readonly UsageSum[] = []): UsageGroup['days'] =>
  [...totalsBy(sums, 'day')].map(([day, total]) => ({ day, ...total })).sort((a, b) => (a.day < b.day ? -1 : 1));

const tokens = ({ inputTokens, outputTokens }: Pick<UsageTotal, 'inputTokens' | 'outputTokens'>): number =>
  inputTokens + outputTokens;
type GroupPlace = Pick<UsageTotal, 'cost' | 'inputTokens' | 'outputTokens'> & Pick<UsageGroup, 'id'>;
const placeOf = ({ cost, inputTokens, outputTokens, id }: GroupPlace) => [cost, inputTokens, outputTokens, id];
const GroupCursor = z.tuple([z.number(), z.number(), z.number(), z.string()]);
const cursorLimits = { maxBytes: 1_000, maxDepth: 1, maxValues: 5 };
function parseCursor(cursor: string): GroupPlace {
  const place = GroupCursor.safeParse(parseJsonWithinLimits(cursor, cursorLimits)).data;
  if (!place) throw new AppError('invalid_request', 'cursor: must be the `nextCursor` of an earlier report.');
  const [cost, inputTokens, outputTokens, id] = place;
  return { cost, inputTokens, outputTokens, id };
}
const byId = (a: GroupPlace, b: GroupPlace): number => (a.id < b.id ? -1 : Number(a.id > b.id));
const byWeight = (a: GroupPlace, b: GroupPlace): number => b.cost - a.cost || tokens(b) - tokens(a) || byId(a, b);
