// Starts an equal pod through the API alone, with settings copied from one of Corral's pods. A start ends at Ready,
// which is before the daemon answers, so the peer's clock stops earlier than Corral's.
import type { V1Pod } from '@kubernetes/client-node';
import { kubectl } from '../../test/support/cluster/cluster.ts';
import type { SessionClient } from '../lib/corral/client.ts';
import type { Cluster } from '../lib/corral/cluster.ts';
import { monotonicMs } from '../lib/measure/generator.ts';

export type SamplePod = Pick<V1Pod, 'spec'> & { readonly labels: Readonly<Record<string, string>> };
export const sessionPodSelector = 'app.kubernetes.io/name=corral-sandbox,!agents.x-k8s.io/warm-pool-sandbox';
let count = 0;

export async function readSamplePod(cluster: Cluster, client: SessionClient): Promise<SamplePod> {
  const session = await client.started();
  const [pod] = await cluster.podsOf(sessionPodSelector);
  await client.remove(session);
  if (!pod?.spec) throw new Error(`the session ${session} has no pod`);
  const { nodeName: _placed, ...spec } = pod.spec;
  const known = Object.entries(pod.metadata?.labels ?? {});
  const labels = Object.fromEntries(known.filter(([name]) => /^corral\/(instance|egress)$/.test(name)));
  return { spec, labels };
}

const isReady = ({ status }: V1Pod) => status?.conditions?.some((it) => it.type === 'Ready' && it.status === 'True');

export async function startPod(
  { tell, pods, name: namespace }: Cluster,
  { spec, labels }: SamplePod,
): Promise<{ readonly id: string; readonly startMs: number } & AsyncDisposable> {
  const name = `corral-bench-${process.pid}-${++count}`;
  const from = monotonicMs();
  await tell('POST', pods, { metadata: { name, labels }, spec });
  while (!isReady(await tell<V1Pod>('GET', `${pods}/${name}`))) await new Promise((next) => setTimeout(next, 5));
  const startMs = monotonicMs() - from;
  return {
    id: name,
    startMs,
    async [Symbol.asyncDispose]() {
      await tell('DELETE', `${pods}/${name}`, { gracePeriodSeconds: 1 });
      await kubectl('wait', '--namespace', namespace, '--for=delete', `pod/${name}`, '--timeout=60s');
    },
  };
}
