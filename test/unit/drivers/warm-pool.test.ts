import { expect, test } from 'vitest';
import type { Driver, Poolable, PoolHost, SandboxInfo, SandboxRecipe, WarmSandbox } from '../../../drivers/driver.ts';
import { withHostedPool } from '../../../drivers/shared/pool/hosted-pool.ts';
import { createFixedPoolSizer } from '../../../drivers/shared/pool/pool-size.ts';
import { openWarmPool } from '../../../drivers/shared/pool/warm-pool.ts';
import { createIdSource, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { poolOptions, testRecipe } from '../../support/sandboxes/pool.ts';

const call = { signal: new AbortController().signal };

/** A driver that starts and claims sandboxes immediately. */
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
  await using pool = openWarmPool(driver, poolOptions('image', { size: createFixedPoolSizer(1), clock }));
  await expect.poll(() => pool.ready).toBe(1);
  const take = () => {
    const sessionId = createIdSource().sessionId();
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
  const size = { ...createFixedPoolSizer(3), now: () => count };
  await using pool = openWarmPool(watched, poolOptions('image', { size, clock }));
  await expect.poll(() => pool.ready).toBe(3);
  count = 1;
  clock.advance(10_000);
  await expect.poll(() => ended).toEqual(started.slice(0, 2));
  expect(pool.ready).toBe(1);
});

test('a pool of the backend gets its size once its parts are there, again when it changes, and is emptied at the end', async () => {
  const clock = manualClock();
  const told: number[] = [];
  const claims: string[] = [];
  let isUp = false;
  const driver = {
    keepReady: async (_recipe: unknown, { count }: { count: number }) => void told.push(count),
    provision: async (_spec: unknown, _call: unknown, news: (it: object) => void) => news({ fromPool: true }),
    [Symbol.asyncDispose]: async () => {},
  } as unknown as Driver & PoolHost;
  let count = 2;
  const recipe = () => {
    if (!isUp) throw new Error('the server is still starting');
    return { limits: { memoryBytes: 1 } } as SandboxRecipe;
  };
  const size = { ...createFixedPoolSizer(2), now: () => count };
  const onClaim = (outcome: string) => void claims.push(outcome);
  const pooled = withHostedPool(driver, { recipe, size, epoch: 1, clock, shared: false, onClaim });
  isUp = true;
  await clock.pass(1);
  expect(told).toEqual([2]);
  count = 3;
  await clock.pass(20_000);
  expect(told).toEqual([2, 3]);
  await pooled.provision({} as never, {} as never);
  await pooled[Symbol.asyncDispose]();
  expect([told, claims]).toEqual([[2, 3, 0], ['hit']]);
});
