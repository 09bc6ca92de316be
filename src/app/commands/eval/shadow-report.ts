import type { AssistantMessage } from '../../../agents/models/model.ts';
import type { Store } from '../../../core/contracts/ports.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { plainTable } from '../../../core/text/plain-table.ts';
import { beginningOf } from '../../../core/text/text.ts';
import { eventsFrom } from '../../../sessions/engine/run-fold.ts';
import { storeEventLog } from '../../../storage/log/log.ts';
import { type Difference, differences } from './difference.ts';

type Reply = Pick<AssistantMessage, 'text' | 'calls'>;
interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost?: number | undefined;
}
/** One recorded turn, and what another model made of its request. */
export interface ShadowTurn {
  readonly turn: number;
  readonly phase: string;
  readonly recorded: Reply;
  readonly other: Reply;
  readonly difference: Difference | 'failed';
  readonly failure?: string;
  readonly recordedUsage: (TokenUsage & { readonly model: string }) | null;
  readonly otherUsage: TokenUsage | null;
}

/** The usage of each turn when it was recorded. */
export async function usageByTurn({ events }: Store, id: SessionId) {
  const found = new Map<number, NonNullable<ShadowTurn['recordedUsage']>>();
  for await (const { type, data } of eventsFrom(storeEventLog(events, { maxLag: 5_000, pageSize: 500 }), id, 1))
    if (type === 'usage' && data.turn !== undefined) found.set(data.turn, data);
  return found;
}

interface ShadowComparison {
  readonly turns: readonly ShadowTurn[];
  /** Turns without a reply to compare with. */
  readonly others: number;
  readonly model: string;
}

export function shadowReport({ turns: requests, others, model }: ShadowComparison): string {
  const rows = requests.map((it) => [
    String(it.turn),
    it.phase,
    shown(it.recorded),
    it.failure ?? shown(it.other),
    it.difference === 'none' ? '' : it.difference,
  ]);
  const count = (difference: ShadowTurn['difference']) => requests.filter((it) => it.difference === difference).length;
  const counts = [...differences, 'failed' as const].map((it) => `${it} ${count(it)}`).join(', ');
  const recorded = [...new Set(requests.flatMap(({ recordedUsage: it }) => it?.model ?? []))].join(', ') || 'recorded';
  return [
    plainTable([['turn', 'phase', 'recorded', model, 'difference'], ...rows]),
    '',
    `differences: ${counts}${others > 0 ? `; ${others} turns have no reply to compare with` : ''}`,
    spentLine(
      recorded,
      requests.map(({ recordedUsage }) => recordedUsage),
    ),
    spentLine(
      model,
      requests.map(({ otherUsage }) => otherUsage),
    ),
  ].join('\n');
}

const shownLength = 48;
const cut = (text: string): string => (text.length > shownLength ? `${beginningOf(text, shownLength - 1)}…` : text);

/** A reply in one line that a terminal can show. */
function shown({ text, calls }: Reply): string {
  const called = calls.map(({ name, args }) => `${name} ${JSON.stringify(args)}`).join('; ');
  return cut((called || JSON.stringify(text)).replace(/\p{C}/gu, ' '));
}

function spentLine(model: string, spent: readonly (TokenUsage | null)[]): string {
  const known = spent.filter((it) => it !== null);
  const sum = (of: (it: TokenUsage) => number) => known.reduce((all, it) => all + of(it), 0);
  const cost = known.some((it) => it.cost === undefined) ? 'unknown' : sum((it) => it.cost ?? 0).toFixed(6);
  return `${model}: ${sum((it) => it.inputTokens)} tokens in, ${sum((it) => it.outputTokens)} out, price ${cost}`;
}
