import type { Experiment, Row } from './measure.ts';

// The five rows that guard each change: the first event, the fan-out, a durable append, a command in a sandbox, and the
// memory of an idle session. Each has one variant or two, so that all of them fit into two minutes.

export const gateMs = 110_000;
const slowest = 'P06';

const guarded: readonly { readonly id: string; readonly variant: Experiment['variant'] }[] = [
  { id: 'P06', variant: { peerAppend: 'full' } },
  { id: 'P07', variant: { subscribers: 100, store: 'full' } },
  { id: 'P12', variant: { sessions: 1, synchronous: 'full' } },
  { id: 'P12', variant: { sessions: 100, synchronous: 'full' } },
  { id: 'P20', variant: {} },
  { id: 'P26', variant: { session: 'passivated', of: 'Pss' } },
];

export function gateRows(rows: readonly Row[]): Row[] {
  const isGuarded = (it: Experiment) =>
    guarded.some(
      ({ id, variant }) => it.id === id && Object.entries(variant).every(([name, value]) => it.variant[name] === value),
    );
  const short = rows.map((row) => ({ ...row, experiments: () => row.experiments('quick').filter(isGuarded) }));
  const chosen = short.filter((row) => row.experiments().length > 0);
  // The row with sandboxes for each round goes last: it takes longest on a busy machine.
  return chosen.sort((a, b) => Number(a.id === slowest) - Number(b.id === slowest));
}
