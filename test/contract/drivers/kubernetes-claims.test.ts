import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProvisionProgress } from '../../../drivers/driver.ts';
import { kubernetesDriver } from '../../../drivers/kubernetes/kubernetes.ts';
import type { KubernetesOptions } from '../../../drivers/kubernetes/options.ts';
import { testPods } from '../../support/cluster/cluster.ts';
import { type KubeStub, kubeStub } from '../../support/cluster/kube-stub.ts';
import { askDaemon, budget, testSpec } from '../../support/conformance/harness.ts';
import { stubOptions } from '../../support/servers/stub-options.ts';

describe('claims before a stub of the API', () => {
  let stub: KubeStub;
  beforeEach(async () => {
    stub = await kubeStub();
    Object.assign(stub, { claims: true, prints: 'done' });
  });
  afterEach(() => stub[Symbol.asyncDispose]());
  const open = (over: Partial<KubernetesOptions> = {}) =>
    kubernetesDriver(stubOptions(stub, { engine: 'auto', pendingMs: 20_000, ...over }));
  const spec = () => testSpec('corral/sandbox');
  const linesSince = (from: number) =>
    stub.seen
      .slice(from)
      .map(({ line }) => line.replace(/\?.*/, '').replace(/\/apis?\/.*?(\/namespaces\/stub)?\//, ''));
  const recipe = () => {
    const { id: _, sessionId: __, epoch: ___, expiresAt: ____, ...rest } = spec();
    return rest;
  };
  const names = () => stub.pods().map(({ metadata }) => metadata?.name ?? '');

  test('F049 F050 a claim takes a ready pod and costs at most five requests; an empty pool starts a pod', async () => {
    await using driver = await open();
    await driver.keepReady?.(recipe(), { count: 1, epoch: 1 }, budget());
    const [warm = ''] = names();
    const [first, second] = [spec(), spec()];
    const took: (boolean | undefined)[] = [];
    const news = ({ fromPool }: ProvisionProgress) => fromPool !== undefined && took.push(fromPool);
    await driver.provision(first, budget(), news);
    const before = stub.seen.length;
    await driver.provision(second, budget(), news);
    const requests = linesSince(before).filter((line) => !line.includes('watch'));
    expect(took).toEqual([true, false]);
    expect(requests.length).toBeLessThanOrEqual(5);
    expect(names().sort()).toEqual([warm, `corral-test-${second.sessionId}`].sort());
    for (const { id } of [first, second]) {
      await using link = await driver.attach(id, budget());
      expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
    }
    expect((await driver.list(budget())).map(({ id, phase }) => [id, phase]).sort()).toEqual(
      [first, second].map(({ id }) => [id, 'ready']).sort(),
    );
  });

  test('F049 servers that start the same sessions at once: no pod has two sessions, no session two pods', async () => {
    await using one = await open();
    await using other = await open();
    await one.keepReady?.(recipe(), { count: 3, epoch: 1 }, budget());
    const specs = Array.from({ length: 5 }, spec);
    const starts = specs.flatMap((it) => [one, other].map((driver) => driver.provision(it, budget())));
    expect(new Set((await Promise.all(starts)).map(({ id }) => id)).size).toBe(5);
    expect([names().length, (await other.list(budget())).length]).toEqual([5, 5]);
  });

  test('a pod that the controller replaced is lost to its session, and the next start accepts the new one', async () => {
    await using driver = await open();
    const own = spec();
    await driver.provision(own, budget());
    await using link = await driver.attach(own.id, budget());
    const [name = ''] = names();
    const pod = structuredClone(stub.pods()[0] ?? {});
    stub.drop(name);
    await expect.poll(() => link.lost.aborted).toBe(true);
    stub.put(pod);
    await expect(driver.attach(own.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
    expect(await driver.list(budget())).toMatchObject([{ phase: 'exited' }]);
    await driver.provision(own, budget());
    expect(await driver.list(budget())).toMatchObject([{ phase: 'ready' }]);
  });

  test('members of a pool for other settings are not claimed, and end when the new pool is set', async () => {
    {
      await using older = await open({ pods: { ...testPods, workspace: 'ephemeral', priorityClass: 'old' } });
      await older.keepReady?.(recipe(), { count: 2, epoch: 1 }, budget());
    }
    const old = names();
    await using driver = await open();
    await driver.provision(spec(), budget());
    expect(names().filter((name) => !old.includes(name))).toHaveLength(1);
    await driver.keepReady?.(recipe(), { count: 1, epoch: 2 }, budget());
    expect(names().filter((name) => old.includes(name))).toEqual([]);
  });

  test.each([
    ['no agents.x-k8s.io', { claims: false }, /no extensions.agents.x-k8s.io/],
    [
      'a missing right',
      { rules: [{ verbs: ['get', 'list'], apiGroups: ['*'], resources: ['*'] }] },
      /create sandboxclaims/,
    ],
  ])('with %s sandboxes are pods, and a demand for claims says why they cannot be', async (_what, cluster, why) => {
    Object.assign(stub, cluster);
    await using driver = await open();
    await driver.provision(spec(), budget());
    expect(driver.capabilities.engine).toMatch(why);
    await expect(driver.keepReady?.(recipe(), { count: 1, epoch: 1 }, budget())).rejects.toMatchObject({
      code: 'unsupported',
    });
    await using strict = await open({ engine: 'agent-sandbox' });
    await expect(strict.provision(spec(), budget())).rejects.toMatchObject({
      code: 'driver_unavailable',
      publicMessage: expect.stringMatching(why),
    });
  });

  test('without a controller a start fails in time, says so, and leaves no claim', async () => {
    stub.controls = false;
    await using driver = await open({ pendingMs: 300 });
    await expect(driver.provision(spec(), budget())).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      publicMessage: expect.stringContaining('controller'),
    });
    expect(await driver.list(budget())).toEqual([]);
  });
});
