import type { SessionId } from '../src/core/model/ids.ts';
import type { SlotKind } from './session.ts';

// A limited number of slots of each kind, granted in request order. A session holds at most one of each kind.

export interface SlotRequest {
  readonly id: SessionId;
  readonly slot: SlotKind;
}
interface Pool {
  readonly held: readonly SessionId[];
  readonly queue: readonly SessionId[];
}
export type SlotPools = Readonly<Record<SlotKind, Pool>>;
export const noSlots: SlotPools = { run: { held: [], queue: [] }, start: { held: [], queue: [] } };

type Limits = Readonly<Record<SlotKind, number>>;
interface SlotChange {
  readonly slots: SlotPools;
  /** Sessions that have just been granted a slot. */
  readonly grants: readonly SlotRequest[];
}

/** Takes a slot or joins the queue. A session's second claim changes nothing. */
export function acquireSlot(slots: SlotPools, { id, slot }: SlotRequest, limits: Limits): SlotChange {
  const pool = slots[slot];
  if (pool.held.includes(id) || pool.queue.includes(id)) return { slots, grants: [] };
  return serve({ ...slots, [slot]: { ...pool, queue: [...pool.queue, id] } }, slot, limits);
}

/** Releases the slot or leaves the queue. Without either, nothing changes. */
export function releaseSlot(slots: SlotPools, { id, slot }: SlotRequest, limits: Limits): SlotChange {
  const other = (it: SessionId) => it !== id;
  const { held, queue } = slots[slot];
  return serve({ ...slots, [slot]: { held: held.filter(other), queue: queue.filter(other) } }, slot, limits);
}

function serve(slots: SlotPools, slot: SlotKind, limits: Limits): SlotChange {
  const { held, queue } = slots[slot];
  const next = queue.slice(0, Math.max(0, limits[slot] - held.length));
  if (next.length === 0) return { slots, grants: [] };
  const pool = { held: [...held, ...next], queue: queue.slice(next.length) };
  return { slots: { ...slots, [slot]: pool }, grants: next.map((id) => ({ id, slot })) };
}
