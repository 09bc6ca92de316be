import { setTimeout as pause } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { waitUntil } from '../lib/calls/until.ts';
import { measureStart, type SessionClient, startServerWithClient } from '../lib/corral/client.ts';
import { describeMissingCluster, isPodRunning } from '../lib/corral/cluster.ts';
import { readPssKiB } from '../lib/corral/process-usage.ts';
import { openSimulatedCluster, type SimulatedCluster } from '../lib/corral/simulated-cluster.ts';
import { createMaxRule, growthFactor, type SeriesPlan, type SeriesPoint } from '../lib/measure/series.ts';
import { summarize } from '../lib/measure/statistics.ts';
import { sessionPodSelector } from '../peers/raw-pod.ts';

// Pods of twenty installations in one namespace of a real API server, with a simulated kubelet. One installation is a
// whole server behind a proxy that counts its requests; the others are only pods. No containers run: the daemons are
// fakes on this machine, so only the cluster's side is measured.

const poolSize = 5;
const restMs = 60_000; // the reaper's period, the longest of all

export const cluster: SeriesPlan = {
  name: 'cluster',
  title: 'Pods of twenty installations in one cluster, with a stand-in kubelet',
  along: 'pods',
  points: (mode) => (mode === 'quick' ? [100, 200, 400] : [500, 2_500, 5_000]),
  fitted: ['serverPssMiB'],
  missing: describeMissingCluster,
  rules: [
    createMaxRule('requests at rest do not grow with the pods', 1.2, ({ y }) => growthFactor(y.restCallsPerMin ?? [])),
    createMaxRule('a claim takes at most 150 ms at p99', 150, ({ y }) => Math.max(...(y.claimP99Ms ?? [Number.NaN]))),
    createMaxRule('memory grows in a line: 1 less R²', 0.1, ({ fits }) => 1 - (fits.serverPssMiB?.r2 ?? Number.NaN)),
  ],
  async open(stack, mode) {
    const simulated = await openSimulatedCluster(stack, mode === 'quick' ? 400 : 5_000);
    const client = await startServerWithClient(stack, {
      ...simulated.settings,
      CORRAL_SANDBOX_WARM_POOL: String(poolSize),
      CORRAL_SANDBOX_IDLE_SECONDS: '86400', // the last point comes more than half an hour after the first sessions
      CORRAL_MAX_SESSIONS: '2000',
      CORRAL_MAX_SESSIONS_PER_OWNER: '0',
      LOG_LEVEL: 'error',
    });
    await client.started();
    const [likeness] = await simulated.podsOf(sessionPodSelector);
    let own = 1;
    let others = 0;
    return async (pods) => {
      for (; own < pods / 20 - poolSize; own++) await client.started();
      const missing = pods - own - poolSize - others;
      await simulated.addStrangers(likeness as V1Pod, missing);
      others += missing;
      await poolIsFull(simulated);
      const claims = await timedClaims(simulated, client, mode === 'quick' ? 20 : 100);
      return { ...(await resting(simulated, client.pid)), ...claims };
    };
  },
};

async function poolIsFull({ podsOf }: SimulatedCluster): Promise<void> {
  const isFull = async () =>
    (await podsOf('agents.x-k8s.io/warm-pool-sandbox')).filter(isPodRunning).length >= poolSize;
  await waitUntil(isFull, 'the pool was full', 120_000);
}

async function resting({ proxy }: SimulatedCluster, pid: number): Promise<SeriesPoint> {
  await pause(3_000); // the last starts have sent their final requests by then
  proxy.take();
  await pause(restMs);
  const { calls, bytes } = proxy.take();
  return { restCallsPerMin: calls, restKiBPerMin: bytes / 1_024, serverPssMiB: readPssKiB(pid) / 1_024 };
}

async function timedClaims(simulated: SimulatedCluster, client: SessionClient, count: number): Promise<SeriesPoint> {
  const took: number[] = [];
  for (let n = 0; n < count; n++) {
    await poolIsFull(simulated);
    took.push(await measureStart(client));
  }
  const { p50: claimP50Ms, p99: claimP99Ms } = summarize(took);
  return { claimP50Ms, claimP99Ms };
}
