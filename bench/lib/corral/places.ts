import { startRaw } from '../../peers/raw-container.ts';
import { podLikenessOf, startPod } from '../../peers/raw-pod.ts';
import { likenessOf, missingEngine } from '../calls/engine-api.ts';
import { monotonicMs } from '../measure/generator.ts';
import type { SessionClient } from './client.ts';
import { type Cluster, missingCluster, openCluster } from './cluster.ts';
import { standing } from './warm-pool.ts';

// The places for rows that compare starts: the settings for a server there, and an equal sandbox without Corral.

export type Start = () => Promise<{ readonly startMs: number } & AsyncDisposable>;
export interface BenchBackend extends AsyncDisposable {
  readonly settings: Readonly<Record<string, string>>;
  /** Returns the start of an equal sandbox: it copies the settings of a sandbox of the client's server. */
  rawStart(client: SessionClient): Promise<Start>;
  /** Resolves once this many warm sandboxes of the installation are ready, and no start is in progress. */
  poolIsFull(instance: string, target: number): Promise<void>;
}
export type BackendName = 'docker' | 'kubernetes';
export const peerAt: Readonly<Record<BackendName, string>> = {
  docker: 'engine-api-container',
  kubernetes: 'kubernetes-api-pod',
};
export const missingAt: Readonly<Record<BackendName, () => Promise<string | undefined>>> = {
  docker: missingEngine,
  kubernetes: missingCluster,
};

export async function openPlace(name: BackendName): Promise<BenchBackend> {
  return name === 'docker' ? docker : onCluster(await openCluster());
}

const docker: BenchBackend = {
  settings: { CORRAL_DRIVER: 'docker' },
  async rawStart(client) {
    const likeness = await likenessOf(client);
    return () => startRaw(likeness, 'command');
  },
  poolIsFull: (instance, target) => untilFull(() => standing(instance), target),
  async [Symbol.asyncDispose]() {},
};

function onCluster(cluster: Cluster): BenchBackend {
  const warm = async (instance: string) => {
    const pods = await cluster.podsOf(`corral/pool,corral/instance=${instance}`);
    return pods.flatMap(({ metadata, status }) =>
      status?.phase === 'Running' && !metadata?.deletionTimestamp ? (metadata?.name ?? []) : [],
    );
  };
  return {
    settings: cluster.settings,
    async rawStart(client) {
      const likeness = await podLikenessOf(cluster, client);
      return () => startPod(cluster, likeness);
    },
    poolIsFull: (instance, target) => untilFull(() => warm(instance), target),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** A running sandbox can be claimed only after its daemon has answered. */
const settleMs = 600;
const patienceMs = 120_000;

async function untilFull(names: () => Promise<string[]>, target: number): Promise<void> {
  const deadline = monotonicMs() + patienceMs;
  let since = monotonicMs();
  for (let before = ''; ; ) {
    const now = await names();
    if (now.join() !== before || now.length < target) since = monotonicMs();
    if (monotonicMs() - since >= settleMs) return;
    if (monotonicMs() > deadline)
      throw new Error(`the pool has ${now.length} of ${target} after ${patienceMs / 1_000} s`);
    before = now.join();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
