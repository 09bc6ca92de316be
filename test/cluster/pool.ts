import { describe, test } from 'vitest';
import { type PoolBackend, poolableOf, poolOfPods } from '../contract/drivers/pool-of-pods.ts';
import { clusterHarness, hasCluster, testPods } from '../support/cluster/cluster.ts';

const cluster = await hasCluster();

async function onCluster(): Promise<PoolBackend> {
  const harness = await clusterHarness();
  const over = { pods: { ...testPods, workspace: 'ephemeral' as const } };
  const open = async () => poolableOf(await harness.connect({ over }));
  return { image: harness.image, open, [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose]() };
}

if (cluster) describe('pool of pods on a cluster', () => poolOfPods(onCluster, 6));
else describe.skip('pool of pods: KUBECONFIG names no cluster that answers', () => test('skipped', () => {}));
