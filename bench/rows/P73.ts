import { sessionClient } from '../lib/client.ts';
import { missingCluster, openCluster } from '../lib/cluster.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row, SideRound } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';
import { podLikenessOf, startPod } from '../peers/raw-pod.ts';

// Twenty sessions at once on a cluster. The peer is twenty equal pods that the API creates at once, up to Ready. After
// each round the cluster must show one running pod for each session: none missing, none twice.

const burst = 20;

export const P73: Row = {
  id: 'P73',
  title: 'twenty sessions at once on a cluster',
  missing: missingCluster,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P73', variant: { driver: 'kubernetes', burst }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'kubernetes-api-pods' },
    goals: [{ stat: 'p99', max: 1.3, level: 'lead' }],
    rounds: { warmUp: 0, min: quick ? 4 : 6, max: quick ? 6 : 20, capMs: quick ? 200_000 : 600_000 },
    open: openPair,
  };
}

async function openPair(): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await openCluster());
  const starting = { CORRAL_SANDBOX_MAX_STARTING: String(burst) };
  const server = stack.use(await startServer({ ...cluster.settings, ...starting }));
  const client = stack.use(sessionClient(server));
  const likeness = await podLikenessOf(cluster, client);
  const many = <Value>(act: () => Promise<Value>) => Promise.all(Array.from({ length: burst }, act));

  /** The count by the cluster, not by the server. */
  async function counted(sessions: readonly string[]): Promise<SideRound['correct']> {
    const pods = await cluster.podsOf('corral/session');
    const running = pods.filter(({ status, metadata }) => status?.phase === 'Running' && !metadata?.deletionTimestamp);
    const ofSession = running.map(({ metadata }) => metadata?.labels?.['corral/session']);
    const received = sessions.filter((it) => ofSession.includes(it)).length;
    const duplicated = running.length - new Set(ofSession).size;
    return { expected: burst, received, lost: burst - received, duplicated, reordered: 0 };
  }

  const held = stack.move();
  return {
    async subject() {
      const all = await many(async () => {
        const from = monotonicMs();
        const session = await client.create();
        return { session, ms: (await client.ready(session)) - from };
      });
      const correct = await counted(all.map(({ session }) => session));
      await Promise.all(all.map(({ session }) => client.remove(session)));
      return { samples: all.map(({ ms }) => ms), ...(correct && { correct }) };
    },
    async peer() {
      await using stack = new AsyncDisposableStack();
      const all = await many(async () => stack.use(await startPod(cluster, likeness)));
      return { samples: all.map(({ startMs }) => startMs) };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
