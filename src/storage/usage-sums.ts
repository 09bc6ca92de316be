import type { UsageGroupKey, UsageSum } from '../core/contracts/ports.ts';
import type { SessionFact } from '../core/model/events.ts';
import type { SessionRecord } from '../core/model/records.ts';
import { addAmounts } from '../core/model/spending.ts';

export type UsageSession = Pick<SessionRecord, 'id' | 'owner' | 'projectId' | 'deleting' | 'forkedFrom'>;
interface UsageEvent {
  readonly session: UsageSession | undefined;
  readonly seq: number;
  readonly at: number;
  readonly data: Extract<SessionFact, { type: 'usage' }>['data'];
}

const noKeys: Readonly<Record<UsageGroupKey, string>> = {
  owner: '',
  project: '',
  session: '',
  model: '',
  day: '',
};

export function addUsageSum(sums: Map<string, UsageSum>, more: UsageSum): void {
  const { owner, project, session, model, day } = more;
  const keys = JSON.stringify([owner, project, session, model, day]);
  const sum = sums.get(keys);
  sums.set(keys, sum ? addAmounts(sum, more) : more);
}

export function addUsageEvent(sums: Map<string, UsageSum>, event: UsageEvent, by: readonly UsageGroupKey[]): void {
  const { session, seq, at, data } = event;
  if (!session || session.deleting || seq <= (session.forkedFrom?.seq ?? 0)) return;
  const { model, inputTokens, cachedTokens, outputTokens, cost } = data;
  const keys: Readonly<Record<UsageGroupKey, string>> = {
    ...{ owner: session.owner ?? '', project: session.projectId ?? '', session: session.id },
    ...{ model, day: new Date(at).toISOString().slice(0, 10) },
  };
  const chosen = Object.fromEntries(by.map((key) => [key, keys[key]]));
  const amounts = { inputTokens, cachedTokens: cachedTokens ?? 0, outputTokens, cost: cost ?? 0 };
  addUsageSum(sums, { ...noKeys, ...chosen, ...amounts, turns: 1, unpriced: cost === undefined ? 1 : 0 });
}
