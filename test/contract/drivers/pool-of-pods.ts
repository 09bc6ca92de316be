import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Driver, isPoolable, type Poolable } from '../../../drivers/driver.ts';
import { fixedSize } from '../../../drivers/shared/pool/pool-size.ts';
import { recipeName } from '../../../drivers/shared/pool/warm-pool.ts';
import { withPool } from '../../../drivers/shared/pool/with-pool.ts';
import { randomIds, type SandboxId, sandboxIdOf, sessionIdOf } from '../../../src/core/model/ids.ts';
import { askDaemon, budget, testSpec } from '../../support/conformance/harness.ts';
import { poolOptions, testRecipe } from '../../support/sandboxes/pool.ts';

type PoolableDriver = Driver & Poolable;

export interface PoolBackend extends AsyncDisposable {
  readonly image: string;
  open(): Promise<PoolableDriver>;
}

export function poolableOf(driver: Driver): PoolableDriver {
  if (!isPoolable(driver)) throw new Error('it has no pool');
  return driver;
}

/** The behaviour of every pool of pods. `burst`: how many sessions start at once. */
export function poolOfPods(at: () => Promise<PoolBackend>, burst: number): void {
  let place: PoolBackend;
  let driver: PoolableDriver;
  let other: PoolableDriver;
  const spec = () => testSpec(place.image);
  async function warm(from = driver): Promise<SandboxId> {
    const sessionId = randomIds().sessionId();
    const own = { ...spec(), id: sandboxIdOf(sessionId), sessionId, expiresAt: Date.now() + 1_200_000 };
    return (await from.warm(own, recipeName(testRecipe(place.image)), budget())).id;
  }
  beforeAll(async () => {
    place = await at();
  });
  afterAll(() => place?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    [driver, other] = [await place.open(), await place.open()];
  });
  afterEach(async () => {
    for (const { id } of await driver.list(budget())) await driver.destroy(id, 'remove', budget());
    for (const { id } of await driver.unclaimed(budget())) await driver.discard(id, budget());
    await Promise.all([driver, other].map((it) => it[Symbol.asyncDispose]()));
  });

  test('F049 one of two concurrent claims gets the pod', async () => {
    const id = await warm();
    expect(await driver.list(budget())).toEqual([]);
    for (const it of [driver, other]) expect(await it.unclaimed(budget())).toMatchObject([{ id, phase: 'ready' }]);
    const claims = await Promise.all([driver.claim(id, spec(), budget()), other.claim(id, spec(), budget())]);
    expect(claims.filter((it) => it === 'gone')).toHaveLength(1);
    const [box] = claims.filter((it) => typeof it === 'object');
    expect(await other.list(budget())).toEqual([box]);
    await using link = await other.attach((box as { id: SandboxId }).id, budget());
    expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
    await other.discard(id, budget());
    expect(await driver.list(budget())).toEqual([box]);
  });

  test('F049 a session never has two pods, whichever server starts it and by claim or provision', async () => {
    const ids = [await warm(), await warm()] as const;
    const sandboxSpec = spec();
    await Promise.all([driver.claim(ids[0], sandboxSpec, budget()), other.claim(ids[1], sandboxSpec, budget())]);
    const box = await driver.provision(sandboxSpec, budget());
    expect([await other.provision(sandboxSpec, budget()), await driver.list(budget())]).toEqual([box, [box]]);
    const late = await warm();
    expect(await other.claim(late, sandboxSpec, budget())).not.toEqual(expect.objectContaining({ id: sandboxSpec.id }));
    expect(await driver.list(budget())).toEqual([box]);
  });

  test('a claimed pod is found by another server, and goes with its session', async () => {
    const sandboxSpec = spec();
    const id = await warm();
    const box = await driver.claim(id, sandboxSpec, budget());
    expect(box).toMatchObject({ id: sandboxSpec.id, expiresAt: sandboxSpec.expiresAt, phase: 'ready' });
    expect(await other.provision(sandboxSpec, budget())).toEqual(box);
    expect(await (other as unknown as { claimedBy: ClaimPod }).claimedBy(id, budget().signal)).toBe(sandboxSpec.id);
    await other.destroy(sandboxSpec.id, 'remove', budget());
    expect(await driver.list(budget())).toEqual([]);
    expect(sessionIdOf(sandboxSpec.id)).toBe(sandboxSpec.sessionId);
  });

  test(`F050 a burst of ${burst} on a small pool takes what is there, starts the rest, and the pool fills again`, async () => {
    const outcomes: string[] = [];
    const target = 2;
    const onClaim = (outcome: string) => void outcomes.push(outcome);
    const front = await place.open(); // this driver object knows its own pods that are still starting
    const standing = async () => (await front.unclaimed(budget())).filter(({ phase }) => phase === 'ready').length;
    {
      await using pool = withPool(front, poolOptions(place.image, { size: fixedSize(target), onClaim }));
      await expect.poll(standing).toBe(target);
      const boxes = await Promise.all(Array.from({ length: burst }, () => pool.provision(spec(), budget())));
      expect(new Set(boxes.map(({ id }) => id)).size).toBe(burst);
      expect(await other.list(budget())).toHaveLength(burst);
      expect(outcomes.filter((it) => it === 'hit').length).toBeGreaterThanOrEqual(1);
      expect(outcomes).toHaveLength(burst);
      await expect.poll(standing).toBe(target);
      await Promise.all(boxes.map(({ id }) => pool.destroy(id, 'remove', budget())));
    }
    expect(await other.unclaimed(budget())).toEqual([]);
  });
}
type ClaimPod = (id: SandboxId, signal: AbortSignal) => Promise<SandboxId | undefined>;
