import { execFile } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { V1Pod } from '@kubernetes/client-node';
import { monotonicMs } from './generator.ts';

// The cluster client of the peers: plain HTTPS with keep-alive, `kubectl`, and a namespace for this run only.

const execute = promisify(execFile);
export const kubectl = async (...args: string[]): Promise<string> =>
  (await execute('kubectl', args, { maxBuffer: 2 ** 26 })).stdout.trim();

/** Why rows that need a cluster cannot run; undefined when they can. */
export async function missingCluster(): Promise<string | undefined> {
  const { KUBECONFIG } = process.env;
  if (KUBECONFIG === undefined) return 'KUBECONFIG names no cluster';
  const answer = await kubectl('get', '--raw', '/readyz', '--request-timeout=5s').catch(() => undefined);
  return answer === 'ok' ? undefined : 'the cluster that KUBECONFIG names does not answer';
}

export interface Cluster extends AsyncDisposable {
  readonly namespace: string;
  /** An image that the node has already. */
  readonly image: string;
  /** Settings for a server that uses this cluster. */
  readonly settings: Readonly<Record<string, string>>;
  /** The path of the namespace's pods. */
  readonly pods: string;
  /** Sends a request that must succeed; resolves with its JSON. */
  tell<Value>(method: string, path: string, body?: unknown): Promise<Value>;
  /** Yields the pod of each watch event, until the caller leaves the loop. */
  watch(path: string): AsyncGenerator<V1Pod>;
  podsOf(selector: string): Promise<V1Pod[]>;
}

interface View {
  clusters: [{ cluster: { server: string; 'certificate-authority-data'?: string } }];
  users: [{ user: { 'client-certificate-data'?: string; 'client-key-data'?: string; token?: string } }];
}

export async function openCluster(): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const view = JSON.parse(await kubectl('config', 'view', '--raw', '--minify', '--flatten', '--output=json')) as View;
  const [{ cluster }] = view.clusters;
  const [{ user }] = view.users;
  const pem = (data: string | undefined) => (data === undefined ? undefined : Buffer.from(data, 'base64'));
  const agent = stack.adopt(
    new Agent({
      keepAlive: true,
      ca: pem(cluster['certificate-authority-data']),
      cert: pem(user['client-certificate-data']),
      key: pem(user['client-key-data']),
    }),
    (it) => it.destroy(),
  );

  function send(method: string, path: string, body?: unknown): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = {
      accept: 'application/json',
      ...(user.token !== undefined && { authorization: `Bearer ${user.token}` }),
      ...(text !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
    };
    request(new URL(path, cluster.server), { agent, method, headers }, resolve).on('error', reject).end(text);
    return promise;
  }
  async function tell<Value>(method: string, path: string, body?: unknown): Promise<Value> {
    const response = await send(method, path, body);
    let text = '';
    for await (const part of response.setEncoding('utf8')) text += part;
    const status = response.statusCode ?? 0;
    if (status >= 300) throw new Error(`the cluster answered ${status} to ${method} ${path}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as Value;
  }

  const { clusterImage } = await import('../../test/support/cluster.ts');
  const image = await clusterImage();
  const namespace = `corral-bench-${process.pid}-${Math.trunc(monotonicMs()) % 100_000}`;
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await tell('POST', '/api/v1/namespaces', { metadata: { name: namespace, labels } });
  stack.defer(() => tell('DELETE', `/api/v1/namespaces/${namespace}`));
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const held = stack.move();
  return {
    ...{ namespace, image, pods, tell },
    settings: {
      CORRAL_DRIVER: 'kubernetes',
      KUBECONFIG: process.env.KUBECONFIG ?? '',
      CORRAL_KUBERNETES_NAMESPACE: namespace,
      CORRAL_KUBERNETES_IMAGE_PULL_POLICY: 'Never',
      CORRAL_KUBERNETES_REQUEST_SHARE: '0.02',
      CORRAL_SANDBOX_IMAGE: image,
    },
    async *watch(path) {
      const response = await send('GET', path);
      try {
        for await (const line of createInterface({ input: response })) yield JSON.parse(line).object as V1Pod;
      } finally {
        response.destroy();
      }
    },
    async podsOf(selector) {
      return (await tell<{ items: V1Pod[] }>('GET', `${pods}?labelSelector=${encodeURIComponent(selector)}`)).items;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
