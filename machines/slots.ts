import type { SessionId } from '../src/core/model/ids.ts';
import type { SlotKind } from './session.ts';

// A limited number of slots of each kind, given in the order of the requests. A session has at most one of each kind.

export interface Claim {
  readonly id: SessionId;
  readonly slot: SlotKind;
}
interface Pool {
  readonly held: readonly SessionId[];
  readonly queue: readonly SessionId[];
}
export type Slots = Readonly<Record<SlotKind, Pool>>;
export const noSlots: Slots = { run: { held: [], queue: [] }, start: { held: [], queue: [] } };

type Limits = Readonly<Record<SlotKind, number>>;
interface Changed {
  readonly slots: Slots;
  /** The sessions that have just got a slot. */
  readonly grants: readonly Claim[];
}

/** Takes a slot or joins the queue. A session's second claim changes nothing. */
export function acquireSlot(slots: Slots, { id, slot }: Claim, limits: Limits): Changed {
  const pool = slots[slot];
  if (pool.held.includes(id) || pool.queue.includes(id)) return { slots, grants: [] };
  return serve({ ...slots, [slot]: { ...pool, queue: [...pool.queue, id] } }, slot, limits);
}

/** Releases the slot, or leaves the queue. Without either it changes nothing. */
export function releaseSlot(slots: Slots, { id, slot }: Claim, limits: Limits): Changed {
  const other = (it: SessionId) => it !== id;
  const { held, queue } = slots[slot];
  return serve({ ...slots, [slot]: { held: held.filter(other), queue: queue.filter(other) } }, slot, limits);
}

function serve(slots: Slots, slot: SlotKind, limits: Limits): Changed {
  const { held, queue } = slots[slot];
  const next = queue.slice(0, Math.max(0, limits[slot] - held.length));
  if (next.length === 0) return { slots, grants: [] };
  const pool = { held: [...held, ...next], queue: queue.slice(next.length) };
  return { slots: { ...slots, [slot]: pool }, grants: next.map((id) => ({ id, slot })) };
}
