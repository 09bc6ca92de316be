import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask, budget, testSpec } from '../../drivers/conformance.ts';
import { type Driver, isPoolable, type Poolable } from '../../drivers/driver.ts';
import { kubernetesDriver } from '../../drivers/kubernetes/kubernetes.ts';
import { pooled } from '../../drivers/shared/pooled.ts';
import { recipeName } from '../../drivers/shared/recipe.ts';
import { systemClock } from '../../src/core/clock.ts';
import { randomIds, type SandboxId, sandboxIdOf, sessionIdOf } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { type ClusterHarness, clusterHarness, hasCluster, testPods } from '../support/cluster.ts';
import { type KubeStub, kubeStub } from '../support/kube-stub.ts';
import { isNightly } from '../support/nightly.ts';
import { poolOptions, testRecipe } from '../support/pool.ts';

const cluster = await hasCluster();
type Both = Driver & Poolable;

interface Place extends AsyncDisposable {
  readonly image: string;
  open(): Promise<Both>;
}

describe('pool of pods before a stub of the API', () => {
  suite(onStub, 100);

  test('F049 a claim is one write, one look that is no older than it, and the way in needs one more', async () => {
    await using stub = await kubeStub();
    await using driver = poolableOf(await kubernetesDriver(stubOptions(stub, 'ephemeral')));
    const sessionId = randomIds().sessionId();
    const own = { ...testSpec('corral/sandbox'), id: sandboxIdOf(sessionId), sessionId };
    await driver.warm(own, 'recipe', budget());
    const wanted = testSpec('corral/sandbox');
    const before = stub.seen.length;
    await driver.claim(own.id, wanted, budget());
    await using _link = await driver.attach(wanted.id, budget());
    const [pod] = stub.pods();
    const asked = stub.seen.slice(before).map(({ line }) => new URLSearchParams(line.split('?')[1]));
    const lines = stub.seen.slice(before).map(({ line }) => line.split('?')[0]);
    const path = '/api/v1/namespaces/stub/pods';
    const name = `${path}/${pod?.metadata?.name}`;
    expect(lines).toEqual([`PATCH ${name}`, `GET ${path}`, `GET ${name}`]);
    expect(asked[1]?.get('resourceVersion')).toBe(pod?.metadata?.resourceVersion);
    expect(asked[1]?.get('resourceVersionMatch')).toBe('NotOlderThan');
  });

  test('where each session has a volume claim there is no pool', async () => {
    await using stub = await kubeStub();
    await using driver = await kubernetesDriver(stubOptions(stub, 'volume'));
    expect(isPoolable(driver)).toBe(false);
  });
});
if (cluster) describe('pool of pods on a cluster', () => suite(onCluster, 6));
else describe.skip('pool of pods: KUBECONFIG names no cluster that answers', () => test('skipped', () => {}));

const stubOptions = (stub: KubeStub, workspace: 'ephemeral' | 'volume') => ({
  kubeconfig: stub.kubeconfig,
  namespace: 'stub',
  instance: 'test',
  keys: [new Secret('a key of these tests')],
  ids: randomIds(),
  clock: systemClock,
  random: () => 0.5,
  reach: 'pod-ip' as const,
  port: stub.daemonPort,
  pods: { ...testPods, workspace },
  egressAddress: { host: '127.0.0.1', port: 9 },
  networkPolicies: 'given' as const,
  pendingMs: 300,
  maxInFlight: 10,
});

async function onStub(): Promise<Place> {
  const stub = await kubeStub();
  const open = async () => poolableOf(await kubernetesDriver(stubOptions(stub, 'ephemeral')));
  return { image: 'corral/sandbox', open, [Symbol.asyncDispose]: () => stub[Symbol.asyncDispose]() };
}
async function onCluster(): Promise<Place> {
  const harness: ClusterHarness = await clusterHarness();
  const over = { pods: { ...testPods, workspace: 'ephemeral' as const } };
  const open = async () => poolableOf(await harness.connect({ over }));
  return { image: harness.image, open, [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose]() };
}
function poolableOf(driver: Driver): Both {
  if (!isPoolable(driver)) throw new Error('it has no pool');
  return driver;
}

function suite(at: () => Promise<Place>, burst: number): void {
  let place: Place;
  let driver: Both;
  let other: Both;
  const spec = () => testSpec(place.image);
  async function warm(from = driver): Promise<SandboxId> {
    const sessionId = randomIds().sessionId();
    const own = { ...spec(), id: sandboxIdOf(sessionId), sessionId, expiresAt: Date.now() + 1_200_000 };
    return (await from.warm(own, recipeName(testRecipe(place.image)), budget())).id;
  }
  beforeAll(async () => {
    place = await at();
  }, 600_000);
  afterAll(() => place?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    [driver, other] = [await place.open(), await place.open()];
  });
  afterEach(async () => {
    for (const { id } of await driver.list(budget())) await driver.destroy(id, 'remove', budget());
    for (const { id } of await driver.unclaimed(budget())) await driver.discard(id, budget());
    await Promise.all([driver, other].map((it) => it[Symbol.asyncDispose]()));
  });

  test('F049 of two that claim one pod at once, from what they saw before, one has it', async () => {
    const id = await warm();
    expect(await driver.list(budget())).toEqual([]);
    for (const it of [driver, other]) expect(await it.unclaimed(budget())).toMatchObject([{ id, phase: 'ready' }]);
    const claims = await Promise.all([driver.claim(id, spec(), budget()), other.claim(id, spec(), budget())]);
    expect(claims.filter((it) => it === 'gone')).toHaveLength(1);
    const [box] = claims.filter((it) => typeof it === 'object');
    expect(await other.list(budget())).toEqual([box]);
    await using link = await other.attach((box as { id: SandboxId }).id, budget());
    expect(await ask(link, 'GET', '/health')).toMatchObject({ status: 200 });
    await other.discard(id, budget());
    expect(await driver.list(budget())).toEqual([box]);
  });

  test('F049 one session never has two pods, whoever starts it and however', async () => {
    const ids = [await warm(), await warm()] as const;
    const wanted = spec();
    await Promise.all([driver.claim(ids[0], wanted, budget()), other.claim(ids[1], wanted, budget())]);
    const box = await driver.provision(wanted, budget());
    expect(await other.provision(wanted, budget())).toEqual(box);
    expect(await driver.list(budget())).toEqual([box]);
    const late = await warm();
    expect(await other.claim(late, wanted, budget())).not.toEqual(expect.objectContaining({ id: wanted.id }));
    expect(await driver.list(budget())).toEqual([box]);
  });

  test('a claimed pod is found by another server, and goes with its session', async () => {
    const wanted = spec();
    const id = await warm();
    const box = await driver.claim(id, wanted, budget());
    expect(box).toMatchObject({ id: wanted.id, expiresAt: wanted.expiresAt, phase: 'ready' });
    expect(await other.provision(wanted, budget())).toEqual(box);
    expect(await (other as unknown as { claimedBy: Claimed }).claimedBy(id, budget().signal)).toBe(wanted.id);
    await other.destroy(wanted.id, 'remove', budget());
    expect(await driver.list(budget())).toEqual([]);
    expect(sessionIdOf(wanted.id)).toBe(wanted.sessionId);
  });

  const isShort = burst === 100; // a real cluster needs a long time for 100
  test.runIf(isShort || isNightly)(
    `F050 a burst of ${burst} on a small pool takes what is there, starts the rest, and the pool fills again`,
    async () => {
      const outcomes: string[] = [];
      const target = 2;
      const onClaim = (outcome: string) => void outcomes.push(outcome);
      const front = await place.open(); // this driver object knows its own pods that are still starting
      const standing = async () => (await front.unclaimed(budget())).filter(({ phase }) => phase === 'ready').length;
      {
        await using pool = pooled(front, poolOptions(place.image, { target, onClaim }));
        await expect.poll(standing, { timeout: 30_000 }).toBe(target);
        const boxes = await Promise.all(Array.from({ length: burst }, () => pool.provision(spec(), budget())));
        expect(new Set(boxes.map(({ id }) => id)).size).toBe(burst);
        expect(await other.list(budget())).toHaveLength(burst);
        expect(outcomes.filter((it) => it === 'hit').length).toBeGreaterThanOrEqual(1);
        expect(outcomes).toHaveLength(burst);
        await expect.poll(standing, { timeout: 30_000 }).toBe(target);
        await Promise.all(boxes.map(({ id }) => pool.destroy(id, 'remove', budget())));
      }
      expect(await other.unclaimed(budget())).toEqual([]);
    },
    180_000,
  );
}
type Claimed = (id: SandboxId, signal: AbortSignal) => Promise<SandboxId | undefined>;
