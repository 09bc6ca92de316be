import { expect, test } from 'vitest';
import { kubernetesDriver } from '../../drivers/kubernetes/kubernetes.ts';
import { systemClock } from '../../src/core/contracts/clock.ts';
import { randomIds, sandboxIdOf } from '../../src/core/model/ids.ts';
import { Secret } from '../../src/core/text/secret.ts';
import { kubectl, testPods } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { simulatedNodes } from '../support/cluster/simulated-node.ts';
import { simulatedDaemons } from '../support/sandboxes/simulated-daemons.ts';

const namespace = await clusterNamespace('simulated');

test('the driver starts, lists and ends sandboxes on nodes that do not exist', async (context) => {
  const place = await namespace.ready(context, async () => 'simulated');
  const { CORRAL_KUBERNETES_NAMESPACE: name = '', KUBECONFIG: kubeconfig = '' } = place;
  await using nodes = await simulatedNodes({ kubeconfig, namespace: name, nodes: 2, podIP: '127.0.0.1' });
  await using daemons = await simulatedDaemons();
  const ids = randomIds();
  const { nodeSelector, toleration } = nodes;
  await using driver = await kubernetesDriver({
    kubeconfig,
    namespace: name,
    instance: 'simulated',
    ids,
    clock: systemClock,
    random: Math.random,
    keys: [new Secret('a key')],
    reach: 'pod-ip',
    port: daemons.port,
    networkPolicies: 'given',
    pendingMs: 30_000,
    maxInFlight: 10,
    pods: { ...testPods, workspace: 'ephemeral', nodeSelector, tolerations: [toleration] },
  });
  const call = () => ({ signal: AbortSignal.timeout(60_000) });
  const specs = Array.from({ length: 12 }, () => {
    const sessionId = ids.sessionId();
    return {
      id: sandboxIdOf(sessionId),
      sessionId,
      epoch: 1,
      template: 'base',
      image: 'simulated',
      env: {},
      egress: { kind: 'none' } as const,
      expiresAt: Date.now() + 3_600_000,
      limits: { memoryBytes: 2 ** 28, cpus: 1, pids: 64, diskBytes: 2 ** 27 },
    };
  });
  await Promise.all(specs.map((spec) => driver.provision(spec, call())));
  expect((await driver.list(call())).filter(({ phase }) => phase === 'ready')).toHaveLength(specs.length);
  const placed = await kubectl('get', 'pods', '-n', name, '-o', 'jsonpath={.items[*].spec.nodeName}');
  expect(placed.split(' ').every((node) => node.startsWith('sim-'))).toBe(true);
  await Promise.all(specs.map(({ id }) => driver.destroy(id, 'remove', call())));
  expect(await driver.list(call())).toEqual([]);
  expect(nodes.counts).toMatchObject({ started: specs.length, ended: specs.length });
});
