import { setTimeout as pause } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { forEachConcurrent } from '../../../src/core/concurrency/for-each-concurrent.ts';
import { type ApiProxy, startApiProxy } from '../calls/api-proxy.ts';
import { type Namespace, openNamespace } from './cluster.ts';
import { startSimulatedDaemons } from './simulated-daemons.ts';
import { startSimulatedNodes } from './simulated-node.ts';

export interface SimulatedCluster extends Pick<Namespace, 'podsOf'> {
  readonly proxy: ApiProxy;
  readonly settings: Readonly<Record<string, string>>;
  addStrangers(likeness: V1Pod, count: number): Promise<void>;
}

const installations = 19;
const podsOnNode = 250; // above a node's default of 110, below the limits of large nodes
const atOnce = 20;

export async function openSimulatedCluster(stack: AsyncDisposableStack, pods: number): Promise<SimulatedCluster> {
  const kubeconfig = process.env.KUBECONFIG;
  const namespace = await openNamespace(stack, {});
  const count = Math.ceil(pods / podsOnNode) + 1;
  const nodes = stack.use(
    await startSimulatedNodes({ kubeconfig, namespace: namespace.name, nodes: count, podIP: '127.0.0.1' }),
  );
  stack.defer(async () => {
    // Deletes the pods while the simulated nodes still run; otherwise they would wait for the pod garbage collector.
    await namespace.tell('DELETE', namespace.pods);
    while ((await namespace.tell<{ items: [] }>('GET', `${namespace.pods}?limit=1`)).items.length > 0) await pause(500);
  });
  const daemons = stack.use(await startSimulatedDaemons());
  const proxy = await startApiProxy(stack, kubeconfig);
  const [[label, set] = []] = Object.entries(nodes.nodeSelector);
  const { key, value, effect } = nodes.toleration;
  let strangers = 0;
  return {
    proxy,
    podsOf: namespace.podsOf,
    settings: {
      CORRAL_DRIVER: 'kubernetes',
      CORRAL_SANDBOX_IMAGE: 'simulated',
      CORRAL_EGRESS_POLICY: 'none',
      NODE_EXTRA_CA_CERTS: '', // otherwise this machine's authorities would make each pod ten times as large
      KUBECONFIG: proxy.kubeconfig,
      CORRAL_KUBERNETES_NAMESPACE: namespace.name,
      CORRAL_KUBERNETES_REACH: 'pod-ip',
      CORRAL_KUBERNETES_DAEMON_PORT: String(daemons.port),
      CORRAL_KUBERNETES_REQUEST_SHARE: '0.02',
      CORRAL_KUBERNETES_NODE_SELECTOR: `${label}=${set}`,
      CORRAL_KUBERNETES_TOLERATIONS: `${key}=${value}:${effect}`,
    },
    async addStrangers({ metadata, spec }, more) {
      const { nodeName: _placed, ...rest } = spec ?? { containers: [] };
      const added = Array.from({ length: more }, () => ++strangers);
      await forEachConcurrent(added, atOnce, async (n) => {
        const labels = { ...metadata?.labels, 'corral/instance': `stranger-${n % installations}` };
        const body = { metadata: { name: `stranger-${n}`, labels, annotations: metadata?.annotations }, spec: rest };
        await namespace.tell('POST', namespace.pods, body);
      });
    },
  };
}
