import { expect, test } from 'vitest';
import type { Poolable, SandboxInfo, WarmSandbox } from '../../../drivers/driver.ts';
import { fixedSize } from '../../../drivers/shared/pool/pool-size.ts';
import { openWarmPool } from '../../../drivers/shared/pool/warm-pool.ts';
import { randomIds, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { poolOptions, testRecipe } from '../../support/sandboxes/pool.ts';

const call = { signal: new AbortController().signal };

/** A driver that starts and claims sandboxes at once. */
function fakePoolable() {
  const started: string[] = [];
  const driver: Poolable = {
    freeMemory: () => undefined,
    imageNow: async (image) => image,
    async warm({ id, image, epoch, expiresAt }, recipe) {
      started.push(id);
      return { id, recipe, content: image, epoch, phase: 'ready', expiresAt };
    },
    unclaimed: async () => [],
    claim: async (_id, spec): Promise<SandboxInfo> => ({ ...spec, phase: 'ready' }),
    async discard() {},
  };
  return { driver, started };
}

test('callers that find the pool empty start their sandboxes before the pool fills again', async () => {
  const clock = manualClock();
  const { driver, started } = fakePoolable();
  await using pool = openWarmPool(driver, poolOptions('image', { size: fixedSize(1), clock }));
  await expect.poll(() => pool.ready).toBe(1);
  const take = () => {
    const sessionId = randomIds().sessionId();
    const spec = { ...testRecipe('image'), id: sandboxIdOf(sessionId), sessionId, epoch: 1, expiresAt: 1_000_000 };
    return pool.take(spec, call);
  };
  expect(await take()).toMatchObject({ phase: 'ready' });
  await new Promise((done) => setImmediate(done)); // the pool has checked its stock by now
  expect(started).toHaveLength(1);
  clock.advance(200);
  expect(await take()).toBeUndefined();
  clock.advance(99);
  await new Promise((done) => setImmediate(done));
  expect(started).toHaveLength(1);
  clock.advance(50); // the time counts from the first take
  await expect.poll(() => started).toHaveLength(2);
});

test('a pool that has become too large ends its oldest sandboxes', async () => {
  const clock = manualClock();
  const { driver, started } = fakePoolable();
  const ended: string[] = [];
  const there: WarmSandbox[] = [];
  let count = 3;
  const watched: Poolable = {
    ...driver,
    warm: async (...args) => {
      const made = await driver.warm(...args);
      there.push(made);
      return made;
    },
    unclaimed: async () => there.filter(({ id }) => !ended.includes(id)),
    discard: async (id) => void ended.push(id),
  };
  const size = { ...fixedSize(3), now: () => count };
  await using pool = openWarmPool(watched, poolOptions('image', { size, clock }));
  await expect.poll(() => pool.ready).toBe(3);
  count = 1;
  clock.advance(10_000);
  await expect.poll(() => ended).toEqual(started.slice(0, 2));
  expect(pool.ready).toBe(1);
});
