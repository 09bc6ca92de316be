import type { V1Pod } from '@kubernetes/client-node';
import { openKubeApi } from '../../../drivers/kubernetes/api/api.ts';
import { openKubeCredentials } from '../../../drivers/kubernetes/api/credentials.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { clusterImage, kubectl } from '../../../test/support/cluster/cluster.ts';
import { monotonicMs } from '../measure/generator.ts';

export async function describeMissingCluster(): Promise<string | undefined> {
  if (process.env.KUBECONFIG === undefined) return 'KUBECONFIG names no cluster';
  const answer = await kubectl('get', '--raw', '/readyz', '--request-timeout=5s').catch(() => undefined);
  return answer === 'ok' ? undefined : 'the cluster that KUBECONFIG names does not answer';
}

export const isPodRunning = ({ metadata, status }: V1Pod): boolean =>
  status?.phase === 'Running' && !metadata?.deletionTimestamp;

type Method = 'GET' | 'POST' | 'DELETE';
export interface Namespace {
  readonly name: string;
  readonly pods: string;
  tell<Value>(method: Method, path: string, body?: unknown): Promise<Value>;
  podsOf(selector: string): Promise<V1Pod[]>;
}

export async function openNamespace(
  stack: AsyncDisposableStack,
  labels: Readonly<Record<string, string>>,
): Promise<Namespace> {
  const kubeconfig = process.env.KUBECONFIG;
  const credentials = stack.use(openKubeCredentials({ kubeconfig, context: undefined, clock: systemClock }));
  const api = openKubeApi({ credentials, clock: systemClock, random: Math.random, maxInFlight: 30 });
  const tell: Namespace['tell'] = (method, path, body) =>
    api.ask({ method, path, ...(body !== undefined && { body }), what: 'measure' }, AbortSignal.timeout(60_000));
  const name = `corral-bench-${process.pid}-${Math.trunc(monotonicMs()) % 100_000}`;
  await tell('POST', '/api/v1/namespaces', { metadata: { name, labels } });
  stack.defer(() => tell('DELETE', `/api/v1/namespaces/${name}`));
  const pods = `/api/v1/namespaces/${name}/pods`;
  return {
    name,
    pods,
    tell,
    async podsOf(selector) {
      return (await tell<{ items: V1Pod[] }>('GET', `${pods}?labelSelector=${encodeURIComponent(selector)}`)).items;
    },
  };
}

export interface Cluster extends Namespace {
  readonly settings: Readonly<Record<string, string>>;
}

export async function openCluster(stack: AsyncDisposableStack): Promise<Cluster> {
  const image = await clusterImage();
  const namespace = await openNamespace(stack, { 'pod-security.kubernetes.io/enforce': 'restricted' });
  return {
    ...namespace,
    settings: {
      CORRAL_DRIVER: 'kubernetes',
      KUBECONFIG: process.env.KUBECONFIG ?? '',
      CORRAL_KUBERNETES_NAMESPACE: namespace.name,
      // Set it to `pod-ip`, as in the chart, when the bench runs inside the cluster's network.
      CORRAL_KUBERNETES_REACH: process.env.CORRAL_KUBERNETES_REACH ?? 'auto',
      CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
      CORRAL_KUBERNETES_REQUEST_SHARE: '0.02',
      CORRAL_SANDBOX_IMAGE: image,
    },
  };
}
