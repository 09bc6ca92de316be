import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProvisionProgress } from '../../drivers/driver.ts';
import { type ClusterHarness, clusterHarness, hasClaims, kubectl, testPods } from '../support/cluster/cluster.ts';
import { budget, sh, testSpec } from '../support/conformance/harness.ts';

describe.skipIf(!(await hasClaims()))('claims on a cluster with agents.x-k8s.io', () => {
  let harness: ClusterHarness;
  const pods = { ...testPods, workspace: 'ephemeral' as const };
  const spec = () => testSpec(harness.image, { egress: { kind: 'web' } });
  const recipe = () => {
    const { id: _, sessionId: __, epoch: ___, expiresAt: ____, ...rest } = spec();
    return rest;
  };
  const members = async () => {
    const waiting = ['--selector=agents.x-k8s.io/warm-pool-sandbox', '--field-selector=status.phase=Running'];
    return (await kubectl('get', 'pods', '-n', harness.namespace, ...waiting, '--output=name'))
      .split('\n')
      .filter(Boolean);
  };
  beforeAll(async () => {
    harness = await clusterHarness(undefined, 'agent-sandbox');
  });
  afterAll(() => harness?.[Symbol.asyncDispose]());

  test('F049 F050 two servers claim each ready pod once, a burst beyond the pool starts pods, and each knows its session', async () => {
    await using one = await harness.connect({ over: { pods } });
    await using other = await harness.connect({ over: { pods } });
    await one.keepReady?.(recipe(), { count: 2, epoch: 1 }, budget());
    await expect.poll(members).toHaveLength(2);
    const took: boolean[] = [];
    const news = ({ fromPool }: ProvisionProgress) => fromPool !== undefined && took.push(fromPool);
    const specs = Array.from({ length: 4 }, spec);
    await Promise.all(specs.map((it, n) => (n % 2 ? one : other).provision(it, budget(), news)));
    expect(took.filter(Boolean).length).toBeGreaterThanOrEqual(2);
    const list = await kubectl(
      'get',
      'sandboxclaims',
      '-n',
      harness.namespace,
      '-o',
      'jsonpath={.items[*].status.sandbox.name}',
    );
    expect(new Set(list.split(' ')).size).toBe(4);
    for (const { id } of specs) {
      await using link = await one.attach(id, budget());
      expect(await sh(link, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3'")).toBe(id);
    }
    // The settings of a newer server: members of the earlier pool end and are not claimed.
    await using newer = await harness.connect({ over: { pods: { ...pods, nodeLossSeconds: 31 } } });
    const before = await members();
    await newer.keepReady?.(recipe(), { count: 1, epoch: 2 }, budget());
    await expect.poll(async () => (await members()).filter((name) => before.includes(name))).toEqual([]);
    await newer.keepReady?.(recipe(), { count: 0, epoch: 2 }, budget());
    for (const { id } of specs) await one.destroy(id, 'remove', budget());
    await expect.poll(() => kubectl('get', 'pods', '-n', harness.namespace, '--output=name')).toBe('');
  });
});
