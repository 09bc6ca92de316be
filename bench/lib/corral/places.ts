import { startRawContainer } from '../../peers/raw-container.ts';
import { createDaemonStarter, describeMissingBubblewrap } from '../../peers/raw-daemon.ts';
import { readSamplePod, startPod } from '../../peers/raw-pod.ts';
import { describeMissingEngine, listUnclaimedContainers } from '../calls/engine-api.ts';
import { waitUntil } from '../calls/until.ts';
import { monotonicMs } from '../measure/generator.ts';
import { inspectSampleContainer, type SessionClient } from './client.ts';
import { type Cluster, describeMissingCluster, isPodRunning, openCluster } from './cluster.ts';

// Each backend has settings for a server, and can start equal sandboxes without Corral.

export type SandboxStarter = () => Promise<{ readonly id: string; readonly startMs: number } & AsyncDisposable>;
export interface BenchBackend {
  readonly settings: Readonly<Record<string, string>>;
  /** Returns a function that starts an equal sandbox, with settings copied from a sandbox of the client's server. */
  rawStart(client: SessionClient): Promise<SandboxStarter>;
  /** Resolves once this many warm sandboxes of the installation are ready, and no start is in progress. */
  poolIsFull(instance: string, target: number): Promise<void>;
}
export type BackendName = 'docker' | 'kubernetes' | 'process';
export const peersByBackend = {
  docker: { peer: 'engine-api-container', missing: describeMissingEngine, quickMs: 26_000 },
  kubernetes: { peer: 'kubernetes-api-pod', missing: describeMissingCluster, quickMs: 90_000 },
  process: { peer: 'bubblewrap-and-daemon', missing: describeMissingBubblewrap, quickMs: 15_000 },
} satisfies Record<BackendName, object>;

export async function openBackend(stack: AsyncDisposableStack, name: BackendName): Promise<BenchBackend> {
  if (name === 'process') return onProcesses(await createDaemonStarter(stack));
  return name === 'docker' ? docker : onCluster(await openCluster(stack));
}

const docker: BenchBackend = {
  settings: { CORRAL_DRIVER: 'docker' },
  async rawStart(client) {
    const likeness = await inspectSampleContainer(client);
    return () => startRawContainer(likeness, 'command');
  },
  poolIsFull: (instance, target) => untilFull(() => listUnclaimedContainers(instance), target),
};

const onProcesses = (start: SandboxStarter): BenchBackend => ({
  settings: { CORRAL_DRIVER: 'process' },
  rawStart: async () => start,
  poolIsFull: () => Promise.reject(new Error('the driver process has no warm pool')),
});

function onCluster(cluster: Cluster): BenchBackend {
  const warm = async (instance: string) => {
    const pods = await cluster.podsOf(`agents.x-k8s.io/warm-pool-sandbox,corral/instance=${instance}`);
    return pods.filter(isPodRunning).map(({ metadata }) => metadata?.name ?? '');
  };
  return {
    settings: cluster.settings,
    async rawStart(client) {
      const likeness = await readSamplePod(cluster, client);
      return () => startPod(cluster, likeness);
    },
    poolIsFull: (instance, target) => untilFull(() => warm(instance), target),
  };
}

/** A running sandbox can be claimed only after its daemon has answered, so a full pool must stay full this long. */
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
  await waitUntil(isFull, `the pool had ${target} sandboxes`, patienceMs);
}
