import { describe, expect, test } from 'vitest';
import type { Store } from '../../../../src/core/contracts/ports.ts';

let names = 0;
const newName = () => `name${++names}`;

export function inboxAndLeaseContract(store: () => Store): void {
  describe('inbox', () => {
    test('one of many concurrent claims of a key is new, the others are pending', async () => {
      const key = newName();
      const claims = await Promise.all(Array.from({ length: 10 }, () => store().inbox.claim(key, 'hash', 1)));
      expect(claims.filter(({ kind }) => kind === 'new')).toHaveLength(1);
      expect(claims.filter(({ kind }) => kind === 'pending')).toHaveLength(9);
    });

    test('once it is done its answer is repeated, and other content under its key is refused', async () => {
      const key = newName();
      await store().inbox.claim(key, 'hash', 1);
      await store().inbox.answer(key, { body: ['a'], status: 201 });
      expect(await store().inbox.claim(key, 'hash', 2)).toEqual({ kind: 'done', answer: { body: ['a'], status: 201 } });
      expect(await store().inbox.claim(key, 'other', 2)).toEqual({ kind: 'conflict' });
      await store().inbox.release(key);
      expect(await store().inbox.claim(key, 'hash', 2)).toMatchObject({ kind: 'done' });
    });

    test('an answer of nothing is an answer', async () => {
      const key = newName();
      await store().inbox.claim(key, 'hash', 1);
      await store().inbox.answer(key, undefined);
      expect(await store().inbox.claim(key, 'hash', 1)).toEqual({ kind: 'done', answer: null });
    });

    test('a released key may be used again, with other content', async () => {
      const key = newName();
      await store().inbox.claim(key, 'hash', 1);
      expect(await store().inbox.claim(key, 'other', 1)).toEqual({ kind: 'conflict' });
      await store().inbox.release(key);
      expect(await store().inbox.claim(key, 'other', 1)).toEqual({ kind: 'new' });
    });

    test('keys claimed before a time are forgotten, later ones are not', async () => {
      const [old, young] = [newName(), newName()];
      await store().inbox.claim(old, 'hash', -20);
      await store().inbox.claim(young, 'hash', -10);
      expect(await store().inbox.expire(-10)).toBe(1);
      expect(await store().inbox.claim(young, 'hash', 1)).toEqual({ kind: 'pending' });
      expect(await store().inbox.claim(old, 'hash', 1)).toEqual({ kind: 'new' });
    });
  });

  describe('leases', () => {
    test('a lease has one holder at a time, and its own acquire renews it with the same epoch', async () => {
      const name = newName();
      expect(await store().leases.acquire(name, 'a', 100, 50)).toEqual({ name, holder: 'a', epoch: 1, expiresAt: 150 });
      expect(await store().leases.acquire(name, 'b', 149, 50)).toBeUndefined();
      expect(await store().leases.acquire(name, 'a', 140, 50)).toEqual({ name, holder: 'a', epoch: 1, expiresAt: 190 });
      expect(await store().leases.acquire(name, 'b', 160, 50)).toBeUndefined();
    });

    test('taking over a lapsed lease gives the next epoch, and the old holder cannot renew', async () => {
      const name = newName();
      await store().leases.acquire(name, 'a', 100, 50);
      expect(await store().leases.acquire(name, 'b', 150, 50)).toMatchObject({ holder: 'b', epoch: 2 });
      expect(await store().leases.acquire(name, 'a', 160, 50)).toBeUndefined();
      await store().leases.release(name, 'a');
      expect(await store().leases.acquire(name, 'a', 160, 50)).toBeUndefined();
    });

    test('a released lease is free at once, and its epoch continues rising', async () => {
      const name = newName();
      await store().leases.acquire(name, 'a', 100, 50);
      await store().leases.release(name, 'a');
      expect(await store().leases.acquire(name, 'b', 101, 50)).toMatchObject({ epoch: 2 });
      await store().leases.release(name, 'b');
      expect(await store().leases.acquire(name, 'b', 102, 50)).toMatchObject({ epoch: 3 });
    });

    test('a holder renews many leases at once, and learns which of them it no longer has', async () => {
      const [kept, lapsed, lost, free] = [newName(), newName(), newName(), newName()];
      const { leases } = store();
      await leases.acquire(lost, 'b', 90, 50);
      for (const name of [kept, lapsed, free]) await leases.acquire(name, 'a', 100, name === lapsed ? 1 : 50);
      await leases.acquire(lost, 'a', 140, 1);
      await leases.acquire(lost, 'b', 150, 50);
      await leases.release(free, 'a');
      const renewed = await leases.renew([kept, lapsed, lost, free, newName()], 'a', 300);
      expect(new Map(renewed)).toEqual(
        new Map([
          [kept, 1],
          [lapsed, 1],
        ]),
      );
      expect(await leases.get(kept)).toEqual({ name: kept, holder: 'a', epoch: 1, expiresAt: 300 });
      expect(await leases.get(lost)).toMatchObject({ holder: 'b', expiresAt: 200 });
    });

    test('any caller can read the holder of a lease, expired or not', async () => {
      const name = newName();
      expect(await store().leases.get(name)).toBeUndefined();
      const lease = await store().leases.acquire(name, 'a', 100, 50);
      expect(await store().leases.get(name)).toEqual(lease);
      await store().leases.release(name, 'a');
      expect(await store().leases.get(name)).toEqual({ name, holder: '', epoch: 1, expiresAt: 0 });
    });

    test('one of many concurrent callers acquires a lease', async () => {
      const name = newName();
      const tries = ['a', 'b', 'c', 'd'].map((holder) => store().leases.acquire(name, holder, 100, 50));
      expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    });
  });
}
