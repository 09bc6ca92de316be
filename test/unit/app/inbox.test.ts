import { describe, expect, test } from 'vitest';
import { createIdempotencyStore } from '../../../src/sessions/cluster/inbox.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const now = 1_000_000;

/** One store and its servers' inboxes; `living` has the names of the servers that still run. */
function servers({ shared }: { shared: boolean }) {
  const store = createInMemoryStore({ shared });
  const clock = manualClock(now);
  const living = new Set(['a', 'b', 'c']);
  const isAlive = async (name: string) => living.has(name);
  const of = (name: string) => createIdempotencyStore({ store, name, isAlive, clock });
  return { of, living, store, clock };
}

describe('a key whose command was never answered', () => {
  test('F095 is in progress for as long as its server works on it', async () => {
    const { of } = servers({ shared: true });
    const [a, b] = [of('a'), of('b')];
    expect(await a.claim('k', 'hash', now)).toEqual({ kind: 'new' });
    expect(await a.claim('k', 'hash', now)).toEqual({ kind: 'pending' });
    expect(await b.claim('k', 'hash', now)).toEqual({ kind: 'pending' });
    await a.answer('k', { is: 'done' });
    expect(await b.claim('k', 'hash', now)).toEqual({ kind: 'done', answer: { is: 'done' } });
  });

  test('F095 may be used again at once when its server died, by one of those who ask', async () => {
    const { of, living } = servers({ shared: true });
    await of('a').claim('k', 'hash', now);
    living.delete('a');
    const claims = await Promise.all(['b', 'c'].map((name) => of(name).claim('k', 'hash', now)));
    expect(claims.map(({ kind }) => kind).sort()).toEqual(['new', 'pending']);
  });

  test('F095 is in progress between its claim and the record of its server', async () => {
    const { of, store, clock } = servers({ shared: true });
    await store.inbox.claim('k', 'hash', now);
    const claimed = of('b').claim('k', 'hash', now);
    await expect.poll(clock.pending).toBe(1);
    await store.records.put({ kind: 'claim', id: 'k', doc: { by: 'a', at: now }, sort: now });
    clock.advance(200);
    expect(await claimed).toEqual({ kind: 'pending' });
  });

  test('F095 may be used again after a restart of the only server, once', async () => {
    const { of } = servers({ shared: false });
    await of('before').claim('k', 'hash', now);
    const after = of('after');
    const claims = await Promise.all([1, 2, 3].map(() => after.claim('k', 'hash', now)));
    expect(claims.map(({ kind }) => kind).sort()).toEqual(['new', 'pending', 'pending']);
  });

  test('F095 still refuses other content', async () => {
    const { of } = servers({ shared: false });
    await of('before').claim('k', 'hash', now);
    expect(await of('after').claim('k', 'other', now)).toEqual({ kind: 'conflict' });
  });
});
