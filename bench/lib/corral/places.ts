import { startRaw } from '../../peers/raw-container.ts';
import { missingBubblewrap, openDaemonStarts } from '../../peers/raw-daemon.ts';
import { podLikenessOf, startPod } from '../../peers/raw-pod.ts';
import { missingEngine, unclaimedIn } from '../calls/engine-api.ts';
import { until } from '../calls/until.ts';
import { monotonicMs } from '../measure/generator.ts';
import { likenessOf, type SessionClient } from './client.ts';
import { type Cluster, isStanding, missingCluster, openCluster } from './cluster.ts';

// The places for rows that compare starts: the settings for a server there, and an equal sandbox without Corral.

export type Start = () => Promise<{ readonly id: string; readonly startMs: number } & AsyncDisposable>;
export interface BenchBackend {
  readonly settings: Readonly<Record<string, string>>;
  /** Returns the start of an equal sandbox: it copies the settings of a sandbox of the client's server. */
  rawStart(client: SessionClient): Promise<Start>;
  /** Resolves once this many warm sandboxes of the installation are ready, and no start is in progress. */
  poolIsFull(instance: string, target: number): Promise<void>;
}
export type BackendName = 'docker' | 'kubernetes' | 'process';
/** The peer of a row there, the reason why it cannot run, and the time of a quick run. */
export const besideAt = {
  docker: { peer: 'engine-api-container', missing: missingEngine, quickMs: 26_000 },
  kubernetes: { peer: 'kubernetes-api-pod', missing: missingCluster, quickMs: 90_000 },
  process: { peer: 'bubblewrap-and-daemon', missing: missingBubblewrap, quickMs: 15_000 },
} satisfies Record<BackendName, object>;

export async function openPlace(stack: AsyncDisposableStack, name: BackendName): Promise<BenchBackend> {
  if (name === 'process') return onProcesses(await openDaemonStarts(stack));
  return name === 'docker' ? docker : onCluster(await openCluster(stack));
}

const docker: BenchBackend = {
  settings: { CORRAL_DRIVER: 'docker' },
  async rawStart(client) {
    const likeness = await likenessOf(client);
    return () => startRaw(likeness, 'command');
  },
  poolIsFull: (instance, target) => untilFull(() => unclaimedIn(instance), target),
};

const onProcesses = (start: Start): BenchBackend => ({
  settings: { CORRAL_DRIVER: 'process' },
  rawStart: async () => start,
  poolIsFull: () => Promise.reject(new Error('the driver process has no warm pool')),
});

function onCluster(cluster: Cluster): BenchBackend {
  const warm = async (instance: string) => {
    const pods = await cluster.podsOf(`agents.x-k8s.io/warm-pool-sandbox,corral/instance=${instance}`);
    return pods.filter(isStanding).map(({ metadata }) => metadata?.name ?? '');
  };
  return {
    settings: cluster.settings,
    async rawStart(client) {
      const likeness = await podLikenessOf(cluster, client);
      return () => startPod(cluster, likeness);
    },
    poolIsFull: (instance, target) => untilFull(() => warm(instance), target),
  };
}

/** A running sandbox can be claimed only after its daemon has answered. */
const settleMs = 600;
const patienceMs = 120_000;

async function untilFull(names: () => Promise<string[]>, target: number): Promise<void> {
  let before = '';
  let since = monotonicMs();
  const isFull = async () => {
    const now = await names();
    if (now.join() !== before || now.length < target) since = monotonicMs();
    before = now.join();
    return monotonicMs() - since >= settleMs;
  };
  await until(isFull, `the pool had ${target} sandboxes`, patienceMs);
}
