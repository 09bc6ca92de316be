import type { V1Pod } from '@kubernetes/client-node';
import { openApi } from '../../drivers/kubernetes/api.ts';
import { openCredentials } from '../../drivers/kubernetes/credentials.ts';
import { systemClock } from '../../src/core/clock.ts';
import { forEachConcurrent } from '../../src/core/for-each-concurrent.ts';
import { type SimulatedNodes, simulatedNodes } from '../../test/support/simulated-node.ts';
import { type ApiProxy, apiProxy } from './api-proxy.ts';
import { startChild } from './child-process.ts';
import { freshFolder } from './folder.ts';
import { monotonicMs } from './generator.ts';

export interface SimulatedCluster extends AsyncDisposable {
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
  readonly nodes: SimulatedNodes;
  /** Between the measured server and the API server. */
  readonly proxy: ApiProxy;
  /** Settings for the measured server. */
  readonly settings: Readonly<Record<string, string>>;
  podsOf(selector: string): Promise<V1Pod[]>;
  /** Adds pods like this one that belong to other installations. */
  addStrangers(likeness: V1Pod, count: number): Promise<void>;
}

/** The other installations in the namespace. */
const installations = 19;
const podsOnNode = 250; // more than the 110 that a node takes by default, less than what large nodes are set to

/** A namespace of the real API server whose pods run on simulated nodes. */
export async function openSimulatedCluster(pods: number): Promise<SimulatedCluster> {
  await using stack = new AsyncDisposableStack();
  const kubeconfig = process.env.KUBECONFIG;
  const folder = stack.use(await freshFolder());
  const credentials = stack.use(openCredentials({ kubeconfig, context: undefined, clock: systemClock }));
  const api = openApi({ credentials, clock: systemClock, random: Math.random, maxInFlight: 10 });
  const soon = () => AbortSignal.timeout(60_000);
  const namespace = `corral-bench-${process.pid}-${Math.trunc(monotonicMs()) % 100_000}`;
  const path = '/api/v1/namespaces';
  await api.ask({ method: 'POST', path, body: { metadata: { name: namespace } }, what: 'make namespaces' }, soon());
  const count = Math.ceil(pods / podsOnNode) + 1;
  const nodes = stack.use(await simulatedNodes({ kubeconfig, namespace, nodes: count, podIP: '127.0.0.1' }));
  const list = async (query: string) => {
    const request = { method: 'GET', path: `${path}/${namespace}/pods${query}`, what: 'list pods' } as const;
    return (await api.ask<{ items: V1Pod[] }>(request, soon())).items;
  };
  stack.defer(async () => {
    // The nodes are still there, and end the pods. Without them the pods would wait for the collector of pods.
    await api.ask({ method: 'DELETE', path: `${path}/${namespace}`, what: 'delete namespaces' }, soon());
    const until = monotonicMs() + 120_000;
    while ((await list('?limit=1')).length > 0 && monotonicMs() < until) await new Promise((go) => setTimeout(go, 500));
  });
  // Beside this process, which lists thousands of pods: a daemon that answers late would pass for a lost one.
  const daemons = stack.use(await startChild('pod-daemons', null));
  const daemonPort = await daemons.call<number>('port');
  const proxy = stack.use(await apiProxy(folder.path, kubeconfig));
  const [[label, set] = []] = Object.entries(nodes.nodeSelector);
  const { key, value, effect } = nodes.toleration;
  let strangers = 0;
  const held = stack.move();
  return {
    ...{ kubeconfig, namespace, nodes, proxy },
    settings: {
      ...{ CORRAL_DRIVER: 'kubernetes', CORRAL_SANDBOX_IMAGE: 'simulated', CORRAL_EGRESS_POLICY: 'none' },
      NODE_EXTRA_CA_CERTS: '', // else each pod has this machine's authorities in its environment, ten times its own size
      ...{ KUBECONFIG: proxy.kubeconfig, CORRAL_KUBERNETES_NAMESPACE: namespace, CORRAL_KUBERNETES_REACH: 'pod-ip' },
      ...{ CORRAL_KUBERNETES_DAEMON_PORT: String(daemonPort), CORRAL_KUBERNETES_REQUEST_SHARE: '0.02' },
      ...{
        CORRAL_KUBERNETES_NODE_SELECTOR: `${label}=${set}`,
        CORRAL_KUBERNETES_TOLERATIONS: `${key}=${value}:${effect}`,
      },
    },
    podsOf: (selector) => list(`?labelSelector=${encodeURIComponent(selector)}`),
    async addStrangers({ metadata, spec }, count) {
      const added = Array.from({ length: count }, () => ++strangers);
      await forEachConcurrent(added, 20, async (n) => {
        const labels = { ...metadata?.labels, 'corral/instance': `stranger-${n % installations}` };
        const { nodeName: _placed, ...rest } = spec ?? { containers: [] };
        const body = { metadata: { name: `stranger-${n}`, labels, annotations: metadata?.annotations }, spec: rest };
        const request = { method: 'POST', path: `${path}/${namespace}/pods`, body, what: 'create pods' } as const;
        await api.ask(request, soon());
      });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
