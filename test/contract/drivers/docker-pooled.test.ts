// @module-tag all
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver, Poolable, SandboxSpec } from '../../../drivers/driver.ts';
import { createFixedPoolSizer } from '../../../drivers/shared/pool/pool-size.ts';
import { computeRecipeHash } from '../../../drivers/shared/pool/warm-pool.ts';
import { withLocalPool } from '../../../drivers/shared/pool/with-pool.ts';
import { createIdSource, type SandboxId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { askDaemon, budget, sh, testSpec } from '../../support/conformance/harness.ts';
import { driverConformance } from '../../support/conformance/suite.ts';
import { nightly } from '../../support/runner/tags.ts';
import { type DockerHarness, docker, dockerHarness, hasDocker } from '../../support/sandboxes/docker.ts';
import { poolOptions, testRecipe } from '../../support/sandboxes/pool.ts';

const available = await hasDocker();

/** Every driver object gets its own pool. */
async function pooledHarness(): Promise<DockerHarness> {
  const harness = await dockerHarness();
  const connect: DockerHarness['connect'] = async (as) => {
    const driver = (await harness.connect(as)) as Driver & Poolable;
    return withLocalPool(
      driver,
      poolOptions(harness.image, { shared: as?.replica !== undefined, size: createFixedPoolSizer(1) }),
    );
  };
  return { ...harness, connect };
}

if (available) {
  // Every run tries the driver without its pool, and the pool on its own.
  describe('in a nightly run', nightly, () =>
    driverConformance('docker, pooled', pooledHarness, { real: true, isolated: true }),
  );
  describe('docker pool', pool);
} else describe.skip('docker pool: no Docker engine answers', () => test('skipped', () => {}));

function pool(): void {
  let harness: DockerHarness;
  let driver: Driver & Poolable;
  const connect = async (as?: { replica: string }) => (await harness.connect(as)) as Driver & Poolable;
  const ours = () => `name=${harness.nameOf(spec().id).slice(0, -16)}`;
  const names = async () => {
    const all = await docker('ps', '-a', '--filter', ours(), '--format', '{{.Names}}');
    return all.split('\n').filter(Boolean);
  };
  const spec = () => testSpec(harness.image);
  const recipe = () => computeRecipeHash(testRecipe(harness.image));
  const warm = async (as = recipe()) => {
    const sessionId = createIdSource().sessionId();
    const made = await driver.warm({ ...spec(), id: sandboxIdOf(sessionId), sessionId }, as, budget());
    return made.id;
  };
  const isHealthy = async (from: Driver, { id }: SandboxSpec) => {
    await using link = await from.attach(id, budget());
    expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
  };
  const end = async (it: Driver & Poolable) => {
    for (const { id } of await it.list(budget())) await it.destroy(id, 'remove', budget());
    for (const { id } of await it.unclaimed(budget())) await it.discard(id, budget());
  };

  beforeAll(async () => {
    harness = await dockerHarness();
    driver = await connect();
  });
  afterAll(async () => {
    await end(driver);
    await driver[Symbol.asyncDispose]();
    expect(await names()).toEqual([]);
    expect(await docker('volume', 'ls', '-q', '--filter', ours())).toBe('');
    await harness[Symbol.asyncDispose]();
  });

  test('F049 one of two concurrent claims gets the container, and the other must take another', async () => {
    await using other = await connect({ replica: 'other' });
    const id = await warm();
    const specs = [spec(), spec()];
    const claims = await Promise.all([driver, other].map((it, at) => it.claim(id, specs[at] ?? spec(), budget())));
    expect(claims.filter((it) => it === 'gone')).toHaveLength(1);
    const [winner] = claims.filter((it) => typeof it === 'object');
    expect([await driver.list(budget()), await driver.claim(id, spec(), budget())]).toEqual([[winner], 'gone']);
    await end(driver);
  });

  test('F049 two that claim for one session at once give it one container', async () => {
    await using other = await connect({ replica: 'other' });
    const ids = [await warm(), await warm()];
    const sandboxSpec = spec();
    const claiming = [driver, other].map((it, at) => it.claim(ids[at] as SandboxId, sandboxSpec, budget()));
    const claims = await Promise.all(claiming);
    expect(claims).toContain('known');
    expect(await driver.list(budget())).toHaveLength(1);
    expect(await driver.unclaimed(budget())).toHaveLength(1);
    await other.provision(sandboxSpec, budget());
    await isHealthy(other, sandboxSpec);
    await end(driver);
  });

  test('files in a claimed sandbox outlive the forced end of its container', { tags: ['nightly'] }, async () => {
    const sandboxSpec = { ...spec(), egress: { kind: 'web' as const } };
    const box = await driver.claim(await warm(), sandboxSpec, budget());
    {
      await using link = await driver.attach(sandboxSpec.id, budget());
      await askDaemon(link, 'PUT', '/files/content?path=kept.txt', 'kept');
      expect(await sh(link, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3'")).toBe(sandboxSpec.id);
    }
    await docker('rm', '-f', harness.nameOf(sandboxSpec.id));
    expect(await driver.list(budget())).toEqual([{ ...(box as object), phase: 'stopped' }]);
    expect(await driver.provision(sandboxSpec, budget())).toEqual(box);
    await using link = await driver.attach(sandboxSpec.id, budget());
    expect(await askDaemon(link, 'GET', '/files/content?path=kept.txt')).toEqual({ status: 200, body: '"kept"' });
    await end(driver);
  });

  test('a session that has files starts on them', async () => {
    const sandboxSpec = spec();
    await driver.provision(sandboxSpec, budget());
    await driver.destroy(sandboxSpec.id, 'keep', budget());
    const id = await warm();
    expect(await driver.claim(id, sandboxSpec, budget())).toBe('known');
    expect(await driver.unclaimed(budget())).toMatchObject([{ id, recipe: recipe(), phase: 'ready' }]);
    expect((await driver.list(budget())).map((it) => it.id)).toEqual([sandboxSpec.id]); // without the unclaimed one
    await end(driver);
  });

  test('a claim that was cut after the renaming is completed by the next start, also of another server', async () => {
    const id = await warm();
    const sandboxSpec = spec();
    const name = harness.nameOf(sandboxSpec.id);
    await docker('rename', name.replace(/.{16}$/, `warm-${id.slice(4)}`), name);
    await using other = await connect({ replica: 'other' });
    expect(await other.list(budget())).toMatchObject([{ id: sandboxSpec.id, phase: 'ready' }]);
    const expected = { id: sandboxSpec.id, expiresAt: sandboxSpec.expiresAt };
    expect(await other.provision(sandboxSpec, budget())).toMatchObject(expected);
    await isHealthy(other, sandboxSpec);
    await end(other);
  });

  test('after a crash the pool takes over what stands ready', { tags: ['nightly'] }, async () => {
    const id = await warm();
    const stale = await warm('another');
    await driver[Symbol.asyncDispose]();
    driver = await connect();
    const outcomes: string[] = [];
    const onClaim = (outcome: string) => void outcomes.push(outcome);
    {
      const options = poolOptions(harness.image, { size: createFixedPoolSizer(1), onClaim });
      await using next = withLocalPool(await connect(), options);
      // Listing through another driver object would take over the control sockets.
      await expect.poll(names).toEqual([expect.stringContaining(`warm-${id.slice(4)}`)]);
      expect(stale).not.toBe(id);
      const claimed = async () => {
        const { id: made } = await next.provision(spec(), budget());
        await next.destroy(made, 'remove', budget());
        return outcomes.at(-1);
      };
      await expect.poll(claimed).toBe('hit');
    }
    expect([await driver.unclaimed(budget()), await names()]).toEqual([[], []]);
  });
}
