// An equal pod by the API alone. Its settings are copied from one of Corral's pods. Its start ends at
// Ready. A pod is Ready before its daemon answers, so the peer's clock stops earlier than Corral's.
import type { V1Pod } from '@kubernetes/client-node';
import type { SessionClient } from '../lib/client.ts';
import { type Cluster, kubectl } from '../lib/cluster.ts';
import { monotonicMs } from '../lib/generator.ts';

export interface RawPod extends AsyncDisposable {
  readonly startMs: number;
}
export type PodLikeness = Pick<V1Pod, 'spec'> & { readonly labels: Readonly<Record<string, string>> };
let count = 0;

/** The spec of a session's pod, and the labels that network policies select. Deletes the session afterwards. */
export async function podLikenessOf(cluster: Cluster, client: SessionClient): Promise<PodLikeness> {
  const session = await client.started();
  const [pod] = await cluster.podsOf(`corral/session=${session}`);
  await client.remove(session);
  if (!pod?.spec) throw new Error(`the session ${session} has no pod`);
  const { nodeName: _placed, ...spec } = pod.spec;
  const known = Object.entries(pod.metadata?.labels ?? {});
  const labels = Object.fromEntries(known.filter(([name]) => /^corral\/(instance|egress)$/.test(name)));
  return { spec, labels };
}

const isReady = ({ status }: V1Pod) => status?.conditions?.some((it) => it.type === 'Ready' && it.status === 'True');
const nextName = () => `corral-bench-${process.pid}-${++count}`;
const ended = async (cluster: Cluster, name: string) => {
  await cluster.tell('DELETE', `${cluster.pods}/${name}`, { gracePeriodSeconds: 1 });
  await kubectl('wait', '--namespace', cluster.namespace, '--for=delete', `pod/${name}`, '--timeout=60s');
};

export async function startPod(cluster: Cluster, { spec, labels }: PodLikeness): Promise<RawPod> {
  const name = nextName();
  const from = monotonicMs();
  const { metadata } = await cluster.tell<V1Pod>('POST', cluster.pods, { metadata: { name, labels }, spec });
  const query = `watch=true&fieldSelector=metadata.name%3D${name}&resourceVersion=${metadata?.resourceVersion}`;
  for await (const pod of cluster.watch(`${cluster.pods}?${query}`)) if (isReady(pod)) break;
  return { startMs: monotonicMs() - from, [Symbol.asyncDispose]: () => ended(cluster, name) };
}
