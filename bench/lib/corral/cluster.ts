import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { V1Pod } from '@kubernetes/client-node';
import { openApi } from '../../../drivers/kubernetes/api/api.ts';
import { openCredentials } from '../../../drivers/kubernetes/api/credentials.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { monotonicMs } from '../measure/generator.ts';

// The cluster client of the rows and their peers, and a namespace for this run only.

const execute = promisify(execFile);
export const kubectl = async (...args: string[]): Promise<string> =>
  (await execute('kubectl', args, { maxBuffer: 2 ** 26 })).stdout.trim();

/** Why rows that need a cluster cannot run; undefined when they can. */
export async function missingCluster(): Promise<string | undefined> {
  if (process.env.KUBECONFIG === undefined) return 'KUBECONFIG names no cluster';
  const answer = await kubectl('get', '--raw', '/readyz', '--request-timeout=5s').catch(() => undefined);
  return answer === 'ok' ? undefined : 'the cluster that KUBECONFIG names does not answer';
}

type Method = 'GET' | 'POST' | 'DELETE';
export interface Namespace extends AsyncDisposable {
  readonly name: string;
  /** The path of the namespace's pods. */
  readonly pods: string;
  /** Sends a request that must succeed; resolves with its JSON. */
  tell<Value>(method: Method, path: string, body?: unknown): Promise<Value>;
  podsOf(selector: string): Promise<V1Pod[]>;
}

export async function openNamespace(labels: Readonly<Record<string, string>>): Promise<Namespace> {
  await using stack = new AsyncDisposableStack();
  const kubeconfig = process.env.KUBECONFIG;
  const credentials = stack.use(openCredentials({ kubeconfig, context: undefined, clock: systemClock }));
  const api = openApi({ credentials, clock: systemClock, random: Math.random, maxInFlight: 30 });
  const tell: Namespace['tell'] = (method, path, body) =>
    api.ask({ method, path, ...(body !== undefined && { body }), what: 'measure' }, AbortSignal.timeout(60_000));
  const name = `corral-bench-${process.pid}-${Math.trunc(monotonicMs()) % 100_000}`;
  await tell('POST', '/api/v1/namespaces', { metadata: { name, labels } });
  stack.defer(() => tell('DELETE', `/api/v1/namespaces/${name}`));
  const pods = `/api/v1/namespaces/${name}/pods`;
  const held = stack.move();
  return {
    name,
    pods,
    tell,
    async podsOf(selector) {
      return (await tell<{ items: V1Pod[] }>('GET', `${pods}?labelSelector=${encodeURIComponent(selector)}`)).items;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

export interface Cluster extends Namespace {
  /** Settings for a server that uses this cluster. */
  readonly settings: Readonly<Record<string, string>>;
}

export async function openCluster(): Promise<Cluster> {
  const { clusterImage } = await import('../../../test/support/cluster/cluster.ts');
  const image = await clusterImage(); // the node has it
  const namespace = await openNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  return {
    ...namespace,
    settings: {
      CORRAL_DRIVER: 'kubernetes',
      KUBECONFIG: process.env.KUBECONFIG ?? '',
      CORRAL_KUBERNETES_NAMESPACE: namespace.name,
      CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
      CORRAL_KUBERNETES_REQUEST_SHARE: '0.02',
      CORRAL_SANDBOX_IMAGE: image,
    },
  };
}
