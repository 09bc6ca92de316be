import { setTimeout as pause } from 'node:timers/promises';
import type { ApiCount } from '../lib/api-proxy.ts';
import { startChild } from '../lib/child-process.ts';
import { type SessionClient, sessionClient } from '../lib/client.ts';
import { missingCluster } from '../lib/cluster.ts';
import { monotonicMs } from '../lib/generator.ts';
import { pssOf } from '../lib/memory.ts';
import type { Neighbours } from '../lib/neighbour-installations.ts';
import { atMost, type Figures, growth, type SeriesPlan } from '../lib/series.ts';
import { type RunningServer, startServer } from '../lib/server.ts';
import { openSimulatedCluster, type SimulatedCluster } from '../lib/simulated-cluster.ts';
import { median } from '../lib/statistics.ts';

// Pods of twenty installations in one namespace of a real API server, on simulated nodes. One installation is a whole
// server, whose requests pass a proxy that counts them. The others are drivers and reconcilers in one process. No
// container runs: the daemons of the pods are fakes on this machine, so only the cluster's side is measured.

const installations = 20;
const ready = 5; // the size of the pool
const restMs = 60_000; // the reaper's period, the longest of all
const troubleMs = 5_000;

export const cluster: SeriesPlan = {
  name: 'cluster',
  title: 'Pods of twenty installations in one cluster, with a stand-in kubelet',
  along: 'pods',
  points: (mode) => (mode === 'quick' ? [100, 200, 400] : [500, 2_500, 5_000]),
  fitted: ['driversHeapKiB', 'restKiBPerMin'],
  missing: missingCluster,
  rules: [
    atMost('requests at rest do not grow with the pods', 1.2, ({ y }) => growth(y.restCallsPerMin ?? [])),
    atMost('requests for a session do not grow with the pods', 1.2, ({ y }) => growth(y.callsPerSession ?? [])),
    atMost('a pod costs its driver at most 16 KiB', 16, ({ fits }) => fits.driversHeapKiB?.slope ?? Number.NaN),
    atMost('no sandbox is lost, none is doubled', 0, ({ y }) => Math.max(...(y.lostOrDoubled ?? [Number.NaN]))),
  ],
  async open(mode) {
    await using stack = new AsyncDisposableStack();
    const most = mode === 'quick' ? 400 : 5_000;
    const simulated = stack.use(await openSimulatedCluster(most));
    const { kubeconfig, namespace, nodes } = simulated;
    const place = { kubeconfig, namespace, nodeSelector: nodes.nodeSelector, toleration: nodes.toleration };
    const argument = { ...place, installations: installations - 1 };
    const neighbours = stack.use(await startChild('neighbour-installations', argument, ['--expose-gc']));
    const server = stack.use(
      await startServer({
        ...{ ...simulated.settings, CORRAL_SANDBOX_WARM_POOL: String(ready), LOG_LEVEL: 'error' },
        CORRAL_SANDBOX_IDLE_SECONDS: '86400', // the last point comes more than half an hour after the first sessions
        ...{ CORRAL_MAX_SESSIONS: '2000', CORRAL_MAX_SESSIONS_PER_OWNER: '0', CORRAL_SANDBOX_MAX_STARTING: '10' },
      }),
    );
    const client = stack.use(sessionClient(server));
    const own: string[] = [];
    const held = stack.move();
    return {
      async at(pods) {
        const mine = Math.round(pods / installations);
        await neighbours.call('grow', pods - mine);
        while (own.length < mine - ready)
          own.push(...(await started(client, Math.min(ready, mine - ready - own.length))).ids);
        await poolIsFull(simulated);
        const atRest = await resting(simulated, server);
        const { heapKiB } = await neighbours.call<Neighbours>('footprint', 2_000);
        const sweepMs = median(await neighbours.call<number[]>('sweep', 10));
        const bursts = await inBursts(simulated, client, mode === 'quick' ? 3 : 10);
        const busyMs = await through(simulated, client, 'busy');
        const awayMs = await through(simulated, client, 'away');
        const lostOrDoubled = await wrongPods(simulated, own);
        return { ...atRest, sweepMs, driversHeapKiB: heapKiB, ...bursts, busyMs, awayMs, lostOrDoubled };
      },
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  },
};

/** Starts sessions at once; `ms` is how long each took until its sandbox was ready. */
async function started(client: SessionClient, count: number): Promise<{ ids: string[]; ms: number[] }> {
  const all = await Promise.all(
    Array.from({ length: count }, async () => {
      const from = monotonicMs();
      const id = await client.started();
      return { id, ms: monotonicMs() - from };
    }),
  );
  return { ids: all.map(({ id }) => id), ms: all.map(({ ms }) => ms) };
}

const warmPods = async (cluster: SimulatedCluster) =>
  (await cluster.podsOf('corral/pool')).filter(
    ({ metadata, status }) => status?.phase === 'Running' && !metadata?.deletionTimestamp,
  );

async function poolIsFull(cluster: SimulatedCluster): Promise<void> {
  const until = monotonicMs() + 120_000;
  while ((await warmPods(cluster)).length < ready) {
    if (monotonicMs() > until) throw new Error('the pool was not filled within two minutes');
    await pause(20);
  }
}

async function resting({ proxy }: SimulatedCluster, { pid }: RunningServer): Promise<Figures> {
  await pause(3_000); // what the last starts caused is over
  proxy.reset();
  await pause(restMs);
  const { rest, kinds } = proxy.count();
  const minutes = restMs / 60_000;
  console.error(`bench: each minute at rest: ${shown(kinds, minutes)}`);
  const restKiBPerMin = rest.bytes / 1_024 / minutes;
  return { restCallsPerMin: rest.calls / minutes, restKiBPerMin, serverPssMiB: pssOf(pid) / 1_024 };
}

/** As many sessions at once as the pool has, again and again, each deleted afterwards. */
async function inBursts(cluster: SimulatedCluster, client: SessionClient, times: number): Promise<Figures> {
  const claims: number[] = [];
  const refills: number[] = [];
  cluster.proxy.reset();
  for (let n = 0; n < times; n++) {
    const { ids, ms } = await started(client, ready);
    claims.push(...ms);
    const from = monotonicMs();
    await poolIsFull(cluster);
    refills.push(monotonicMs() - from);
    await Promise.all(ids.map((id) => client.remove(id)));
    await untilGone(cluster, ids);
  }
  const { work, kinds } = cluster.proxy.count();
  console.error(`bench: requests for each session: ${shown(kinds, times * ready)}`);
  return { claimMs: median(claims), refillMs: median(refills), callsPerSession: work.calls / (times * ready) };
}

function shown(kinds: ApiCount['kinds'], divisor: number): string {
  const each = Object.entries(kinds).map(
    ([kind, { calls, bytes }]) =>
      `${kind} ${(calls / divisor).toFixed(1)} (${(bytes / divisor / 1_024).toFixed(1)} KiB)`,
  );
  return each.join(', ');
}

async function untilGone(cluster: SimulatedCluster, ids: readonly string[]): Promise<void> {
  while ((await cluster.podsOf(`corral/session in (${ids.join(',')})`)).length > 0) await pause(20);
}

/** Sessions that are created in the middle of trouble; the time from its end until the last of them is ready. */
async function through(cluster: SimulatedCluster, client: SessionClient, trouble: 'busy' | 'away'): Promise<number> {
  cluster.proxy.trouble = trouble;
  const starting = started(client, ready);
  await pause(troubleMs);
  cluster.proxy.trouble = 'none';
  const from = monotonicMs();
  const { ids } = await starting;
  const ms = monotonicMs() - from;
  await poolIsFull(cluster);
  const wrong = await wrongPods(cluster, ids);
  if (wrong > 0)
    throw new Error(`${wrong} of ${ids.length} sandboxes were lost or doubled while the API was ${trouble}`);
  await Promise.all(ids.map((id) => client.remove(id)));
  await untilGone(cluster, ids);
  return ms;
}

/** How many of these sessions do not have exactly one running pod. */
async function wrongPods(cluster: SimulatedCluster, ids: readonly string[]): Promise<number> {
  const pods = await cluster.podsOf('corral/session');
  const up = pods.filter(({ metadata, status }) => status?.phase === 'Running' && !metadata?.deletionTimestamp);
  const counts = new Map<string, number>();
  for (const { metadata } of up) {
    const id = metadata?.labels?.['corral/session'] ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return ids.filter((id) => counts.get(id) !== 1).length;
}
