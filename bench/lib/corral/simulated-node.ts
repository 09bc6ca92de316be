import { createInterface } from 'node:readline';
import type { V1Pod, V1PodList } from '@kubernetes/client-node';
import { type KubeApi, openKubeApi } from '../../../drivers/kubernetes/api/api.ts';
import { openKubeCredentials } from '../../../drivers/kubernetes/api/credentials.ts';
import { sleep } from '../../../src/core/concurrency/cancel.ts';
import { forEachConcurrent } from '../../../src/core/concurrency/for-each-concurrent.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import {
  createNodeBody,
  createNodeStatus,
  finalDeleteOptions,
  simulatedLabel,
  toRunningPodPatch,
} from './simulated-pod.ts';

export interface SimulatedNodes extends AsyncDisposable {
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly toleration: { readonly key: string; readonly value: string; readonly effect: 'NoSchedule' };
  readonly counts: { readonly started: number; readonly ended: number };
}
interface NodeOptions {
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
  readonly nodes: number;
  /** All pods share this address, where one daemon serves them. */
  readonly podIP: string;
  /** Milliseconds from a pod's assignment to a node until the pod is reported as running. */
  readonly startMs?: number;
}

const leaseEveryMs = 4_000;
const atOnce = 24;

/**
 * Replaces the kubelets of nodes that do not exist: registers the nodes at the real API server, renews their leases,
 * and reports the namespace's pods on them as running, or as gone once deleted. No container starts. A taint keeps all
 * other pods away.
 */
export async function startSimulatedNodes({ kubeconfig, namespace, nodes, podIP, startMs = 0 }: NodeOptions) {
  await using stack = new AsyncDisposableStack();
  const set = `sim-${createIdSource().short().slice(0, 6).toLowerCase()}`;
  const credentials = stack.use(openKubeCredentials({ kubeconfig, context: undefined, clock: systemClock }));
  const api = openKubeApi({ credentials, clock: systemClock, random: Math.random, maxInFlight: atOnce });
  const names = Array.from({ length: nodes }, (_, n) => `${set}-${n}`);
  const stop = new AbortController();
  const never = new AbortController().signal;
  stack.defer(() =>
    forEachConcurrent(names, atOnce, async (name) => {
      const lease = `${leases}/${name}`;
      for (const path of [`/api/v1/nodes/${name}`, lease])
        await api.askFor({ method: 'DELETE', path, what: 'delete', tries: 5 }, never).catch(() => {});
    }),
  );
  await forEachConcurrent(names, atOnce, async (name) => {
    const path = '/api/v1/nodes';
    await api.ask({ method: 'POST', path, body: createNodeBody(name, set), what: 'make nodes' }, stop.signal);
    const body = { status: createNodeStatus() };
    await api.ask({ method: 'PATCH', path: `${path}/${name}/status`, body, what: 'patch nodes' }, stop.signal);
  });
  // The API server refuses pods until the controllers have created the new namespace's service account.
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  while (!(await api.askFor({ method: 'GET', path: account, what: 'get accounts' }, stop.signal)))
    await sleep(50, stop.signal);
  const kubelet = new Kubelet({ api, namespace, prefix: `${set}-`, podIP, startMs });
  const running = [kubelet.run(stop.signal), heartbeats(api, names, stop.signal)];
  stack.defer(async () => {
    stop.abort();
    await Promise.all(running);
  });
  const held = stack.move();
  return {
    nodeSelector: { [simulatedLabel]: set },
    toleration: { key: simulatedLabel, value: set, effect: 'NoSchedule' },
    counts: kubelet,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  } satisfies SimulatedNodes;
}

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

/** Without a renewed lease, the node controller considers a node lost and evicts its pods. */
async function heartbeats(api: KubeApi, names: readonly string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await forEachConcurrent(names, 4, async (name) => {
      const spec = {
        holderIdentity: name,
        leaseDurationSeconds: 40,
        renewTime: new Date().toISOString().replace('Z', '000Z'),
      };
      const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec };
      const renewed = {
        method: 'PATCH',
        path: `${leases}/${name}`,
        body: { spec },
        what: 'renew leases',
        tries: 1,
      } as const;
      const found = await api.askFor(renewed, signal).catch(() => 'away');
      if (!found)
        await api.ask({ method: 'POST', path: leases, body, what: 'make leases', tries: 1 }, signal).catch(() => {});
    });
    await sleep(leaseEveryMs, signal).catch(() => {});
  }
}

interface Duty {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly prefix: string;
  readonly podIP: string;
  readonly startMs: number;
}

class Kubelet {
  started = 0;
  ended = 0;
  readonly #duty: Duty;
  /** The last action for each pod, by uid. Makes repeated events harmless. */
  readonly #done = new Map<string, 'started' | 'ended'>();

  constructor(duty: Duty) {
    this.#duty = duty;
  }

  /** Lists, then watches, in a loop: each list finds what happened while the API server was unreachable. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#round(signal).catch(() => {});
      await sleep(100, signal).catch(() => {});
    }
  }

  get #path(): string {
    return `/api/v1/namespaces/${this.#duty.namespace}/pods`;
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { api } = this.#duty;
    const path = this.#path;
    const list = await api.ask<V1PodList>({ method: 'GET', path, what: 'list pods', tries: 1 }, signal);
    for (const pod of list.items) this.#see(pod, signal);
    const there = new Set(list.items.map(({ metadata }) => metadata?.uid));
    for (const uid of this.#done.keys()) if (!there.has(uid)) this.#done.delete(uid);
    const query = `watch=true&timeoutSeconds=120&resourceVersion=${list.metadata?.resourceVersion}`;
    const stream = await api.stream({ method: 'GET', path: `${path}?${query}`, what: 'watch pods' }, signal);
    try {
      for await (const line of createInterface({ input: stream })) {
        const { type, object } = JSON.parse(line) as { type: string; object: V1Pod };
        if (type === 'ERROR') return;
        if (type === 'DELETED') this.#done.delete(object.metadata?.uid ?? '');
        else this.#see(object, signal);
      }
    } finally {
      stream.destroy();
    }
  }

  #see(pod: V1Pod, signal: AbortSignal): void {
    const { metadata, spec, status } = pod;
    const uid = metadata?.uid ?? '';
    if (!spec?.nodeName?.startsWith(this.#duty.prefix)) return;
    const expected = metadata?.deletionTimestamp ? 'ended' : 'started';
    if (this.#done.get(uid) === expected || (expected === 'started' && status?.phase !== 'Pending')) return;
    this.#done.set(uid, expected);
    const act = expected === 'ended' ? this.#end(pod, signal) : this.#start(pod, signal);
    void act.catch(() => this.#done.delete(uid)); // the next list retries it
  }

  async #start(pod: V1Pod, signal: AbortSignal): Promise<void> {
    const { api, podIP, startMs } = this.#duty;
    await sleep(startMs, signal);
    const body = toRunningPodPatch(pod, podIP);
    const path = `${this.#path}/${pod.metadata?.name}/status`;
    if (await api.askFor({ method: 'PATCH', path, body, what: 'patch pods' }, signal)) this.started += 1;
  }

  async #end(pod: V1Pod, signal: AbortSignal): Promise<void> {
    const path = `${this.#path}/${pod.metadata?.name}`;
    const body = finalDeleteOptions(pod.metadata?.uid);
    await this.#duty.api.askFor({ method: 'DELETE', path, body, what: 'delete pods' }, signal);
    this.ended += 1;
  }
}
