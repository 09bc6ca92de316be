import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acquireSlot, emptySlotPools, releaseSlot, type SlotPools, type SlotRequest } from '../../../machines/slots.ts';
import { sessionIdOf } from '../../support/machines/machines.ts';

const limits = { run: 2, start: 1 };
const claim = (n: number, slot: 'run' | 'start' = 'run'): SlotRequest => ({ id: sessionIdOf(n), slot });

function book() {
  let slots: SlotPools = emptySlotPools;
  const granted: number[] = [];
  const note = (changed: ReturnType<typeof acquireSlot>) => {
    slots = changed.slots;
    granted.push(...changed.grants.map(({ id }) => Number.parseInt(id, 16)));
  };
  return {
    granted,
    take: (n: number, slot?: 'run' | 'start') => note(acquireSlot(slots, claim(n, slot), limits)),
    give: (n: number, slot?: 'run' | 'start') => note(releaseSlot(slots, claim(n, slot), limits)),
    slots: () => slots,
  };
}

describe('slots', () => {
  test('come first, served first', () => {
    const { take, give, granted } = book();
    for (const n of [1, 2, 3, 4]) take(n);
    expect(granted).toEqual([1, 2]);
    give(2);
    give(1);
    expect(granted).toEqual([1, 2, 3, 4]);
  });

  test("an owner's burst does not keep another owner waiting", () => {
    const owners = ['a', 'a', 'a', 'a', 'b', 'c'];
    let { slots } = acquireSlot(emptySlotPools, { ...claim(1), owner: 'a' }, limits);
    owners.slice(1).forEach((owner, n) => {
      slots = acquireSlot(slots, { ...claim(n + 2), owner }, limits).slots;
    });
    const served: number[] = [];
    for (let next = 1; next !== 0; ) {
      const released = releaseSlot(slots, claim(next), limits);
      slots = released.slots;
      next = Number.parseInt(released.grants[0]?.id ?? '0', 16);
      if (next !== 0) served.push(next);
    }
    expect(served).toEqual([5, 6, 3, 4]);
  });

  test('a waiter that gave up is passed over', () => {
    const { take, give, granted } = book();
    for (const n of [1, 2, 3, 4]) take(n);
    give(3);
    give(1);
    expect(granted).toEqual([1, 2, 4]);
  });

  test('claiming twice neither takes two places nor moves in the queue', () => {
    const { take, give, granted } = book();
    for (const n of [1, 1, 2, 3, 4, 3]) take(n);
    give(1);
    give(2);
    expect(granted).toEqual([1, 2, 3, 4]);
  });

  test('requests of one kind do not wait for requests of the other', () => {
    const { take, granted } = book();
    for (const n of [1, 2]) take(n);
    take(3, 'start');
    expect(granted).toEqual([1, 2, 3]);
  });

  test('after any claims and releases, no more slots are in use than exist, and no one waits while a slot is free', () => {
    const act = fc.record({ id: fc.integer({ min: 1, max: 6 }), kind: fc.constantFrom('take', 'give') });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const { take, give, slots } = book();
        for (const { id, kind } of acts) {
          if (kind === 'take') take(id);
          else give(id);
          const { held, queue } = slots().run;
          expect(held.length).toBeLessThanOrEqual(limits.run);
          expect(held.length === limits.run || queue.length === 0).toBe(true);
          expect(new Set([...held, ...queue].map(({ id }) => id)).size).toBe(held.length + queue.length);
        }
      }),
      { numRuns: 200 },
    );
  });
});
