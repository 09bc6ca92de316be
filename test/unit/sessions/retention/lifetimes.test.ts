import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { LifetimeEnforcer } from '../../../../src/sessions/retention/lifetimes.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const idOf = (n: number) => SessionId.parse(`${n}`.padStart(16, '0'));

async function start(...ends: (number | undefined)[]) {
  const records = new Map(ends.map((endsAt, n) => [idOf(n), { id: idOf(n), endsAt } as SessionRecord]));
  const deleted: string[] = [];
  const failing = new Set<string>();
  const following = Promise.withResolvers<void>();
  const clock = manualClock(10_000);
  const lifetimes = new LifetimeEnforcer({
    clock,
    logger: { info: () => {}, warn: () => {} },
    sessions: {
      async *watch(signal) {
        for (const session of [...records.values()]) yield { type: 'changed', session };
        following.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      async get(id) {
        const found = records.get(id);
        if (!found) throw new AppError('session_not_found', 'gone');
        return found;
      },
      async delete(id) {
        if (failing.has(id)) throw new AppError('store_unavailable', 'not now');
        records.delete(id);
        deleted.push(id);
      },
    },
  });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void lifetimes.run(stop.signal);
  await following.promise;
  return { lifetimes, records, deleted, failing };
}

test('a session is deleted once its lifetime is over, and not before', async () => {
  const { lifetimes, deleted } = await start(10_000, 10_001, undefined);
  await lifetimes.endDue();
  expect(deleted).toEqual([idOf(0)]);
});

test('one that was prolonged since stays, and one whose deletion failed is tried again', async () => {
  const { lifetimes, records, deleted, failing } = await start(1, 1);
  records.set(idOf(0), { id: idOf(0), endsAt: 20_000 } as SessionRecord);
  failing.add(idOf(1));
  await lifetimes.endDue();
  expect(deleted).toEqual([]);
  failing.clear();
  await lifetimes.endDue();
  expect(deleted).toEqual([idOf(1)]);
});
