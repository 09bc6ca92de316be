import type { SessionId } from '../src/core/model/ids.ts';
import type { SlotKind } from './session.ts';

// A free slot goes to the oldest request among those whose owners hold the fewest slots.

export interface SlotRequest {
  readonly id: SessionId;
  readonly slot: SlotKind;
  /** Sessions without an owner share one implicit owner. */
  readonly owner?: string | undefined;
}
type Claim = Omit<SlotRequest, 'slot'>;
interface Pool {
  readonly held: readonly Claim[];
  readonly queue: readonly Claim[];
}
export type SlotPools = Readonly<Record<SlotKind, Pool>>;
export const emptySlotPools: SlotPools = { run: { held: [], queue: [] }, start: { held: [], queue: [] } };

type Limits = Readonly<Record<SlotKind, number>>;
interface SlotChange {
  readonly slots: SlotPools;
  readonly grants: readonly SlotRequest[];
}

export function acquireSlot(slots: SlotPools, { id, slot, owner }: SlotRequest, limits: Limits): SlotChange {
  const pool = slots[slot];
  if ([...pool.held, ...pool.queue].some((it) => it.id === id)) return { slots, grants: [] };
  return serve({ ...slots, [slot]: { ...pool, queue: [...pool.queue, { id, owner }] } }, slot, limits);
}

export function releaseSlot(slots: SlotPools, { id, slot }: SlotRequest, limits: Limits): SlotChange {
  const other = (it: Claim) => it.id !== id;
  const { held, queue } = slots[slot];
  return serve({ ...slots, [slot]: { held: held.filter(other), queue: queue.filter(other) } }, slot, limits);
}

function serve(slots: SlotPools, slot: SlotKind, limits: Limits): SlotChange {
  const held = [...slots[slot].held];
  const queue = [...slots[slot].queue];
  const grants: SlotRequest[] = [];
  while (held.length < limits[slot] && queue.length > 0) {
    const counts = queue.map(({ owner }) => held.filter((it) => it.owner === owner).length);
    const next = queue.splice(counts.indexOf(Math.min(...counts)), 1);
    held.push(...next);
    grants.push(...next.map(({ id }) => ({ id, slot })));
  }
  return grants.length === 0 ? { slots, grants } : { slots: { ...slots, [slot]: { held, queue } }, grants };
}
