// @module-tag all
import { describe, expect, test } from 'vitest';
import { isPoolable } from '../../../drivers/driver.ts';
import { kubernetesDriver } from '../../../drivers/kubernetes/kubernetes.ts';
import { randomIds, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { testPods } from '../../support/cluster/cluster.ts';
import { kubeStub } from '../../support/cluster/kube-stub.ts';
import { budget, testSpec } from '../../support/conformance/harness.ts';
import { stubOptions } from '../../support/servers/stub-options.ts';
import { type PoolBackend, poolableOf, poolOfPods } from './pool-of-pods.ts';

describe('pool of pods before a stub of the API', () => {
  poolOfPods(onStub, 100);

  test('F049 a claim is one write, one look that is no older than it, and the way in needs one more', async () => {
    await using stub = await kubeStub();
    await using driver = poolableOf(await kubernetesDriver(stubOptions(stub)));
    const sessionId = randomIds().sessionId();
    const own = { ...testSpec('corral/sandbox'), id: sandboxIdOf(sessionId), sessionId };
    await driver.warm(own, 'recipe', budget());
    const sandboxSpec = testSpec('corral/sandbox');
    const before = stub.seen.length;
    await driver.claim(own.id, sandboxSpec, budget());
    await using _link = await driver.attach(sandboxSpec.id, budget());
    const [pod] = stub.pods();
    const requested = stub.seen.slice(before).map(({ line }) => new URLSearchParams(line.split('?')[1]));
    const lines = stub.seen.slice(before).map(({ line }) => line.split('?')[0]);
    const path = '/api/v1/namespaces/stub/pods';
    const name = `${path}/${pod?.metadata?.name}`;
    expect(lines).toEqual([`PATCH ${name}`, `GET ${path}`, `GET ${name}`]);
    expect(requested[1]?.get('resourceVersion')).toBe(pod?.metadata?.resourceVersion);
    expect(requested[1]?.get('resourceVersionMatch')).toBe('NotOlderThan');
  });

  test('a driver that gives each session a volume claim has no pool', async () => {
    await using stub = await kubeStub();
    await using driver = await kubernetesDriver(stubOptions(stub, { pods: { ...testPods, workspace: 'volume' } }));
    expect(isPoolable(driver)).toBe(false);
  });
});

async function onStub(): Promise<PoolBackend> {
  const stub = await kubeStub();
  const open = async () => poolableOf(await kubernetesDriver(stubOptions(stub)));
  return { image: 'corral/sandbox', open, [Symbol.asyncDispose]: () => stub[Symbol.asyncDispose]() };
}
