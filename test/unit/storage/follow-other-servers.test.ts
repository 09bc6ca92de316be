import { expect, test } from 'vitest';
import { storeEventLog } from '../../../src/storage/log/log.ts';
import { memoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { facts, newSession } from '../../support/stores/store.ts';

test('a reader gets the last event of another server although the first read of it fails', async () => {
  const clock = manualClock();
  const end = new AbortController();
  const { events } = memoryStore();
  const id = newSession();
  let failures = 0;
  const page: typeof events.page = (session, after, limit) => {
    if (after === 1 && failures++ === 0) return Promise.reject(new Error('the store is slow'));
    return events.page(session, after, limit);
  };
  const others = { clock, signal: end.signal, onGone: () => {}, warn: () => {} };
  const log = storeEventLog({ ...events, page }, { maxLag: 100, pageSize: 100, others });
  await events.append({ sessionId: id, after: 0, at: 1, facts: facts(1) });
  const reader = log.follow(id, 0, { signal: end.signal, deltas: true })[Symbol.asyncIterator]();
  await reader.next();
  const next = reader.next();
  // The reader waits, and this server knows the head.
  await expect.poll(() => clock.pending()).toBe(1);

  await events.append({ sessionId: id, after: 1, at: 2, facts: facts(1) }); // by another server
  const heard = next.then(({ value }) => value.events.map(({ seq }: { seq: number }) => seq));
  let isHeard = false;
  void heard.then(() => {
    isHeard = true;
  });
  await expect
    .poll(() => {
      clock.advance(1_000);
      return isHeard;
    })
    .toBe(true);
  expect(await heard).toEqual([2]);
  expect(failures).toBeGreaterThan(1);
  end.abort();
});
