import { coldStart, sessionClient } from '../lib/client.ts';
import { type Cluster, missingCluster, openCluster } from '../lib/cluster.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';
import { type PodLikeness, podLikenessOf, type RawPod, runPod, startPod } from '../peers/raw-pod.ts';

// Cold session ready on a cluster, with the image on the node: from before the PUT until the server's log reports the
// sandbox ready, after the daemon's first answer. The peer is an equal pod, up to Ready: by `kubectl run` and `kubectl
// wait`, and by the API alone, where no program has to start.

const peers = { 'kubectl-run': runPod, 'kubernetes-api-pod': startPod } as const;
type Peer = keyof typeof peers;

export const P72: Row = {
  id: 'P72',
  title: 'cold session ready on a cluster, image present',
  missing: missingCluster,
  experiments: (mode) => [experiment('kubectl-run', mode), experiment('kubernetes-api-pod', mode)],
};

function experiment(peer: Peer, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P72', variant: { driver: 'kubernetes', beside: peer }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer },
    goals: [{ stat: 'p50', max: 1.3, level: 'anchor' }],
    rounds: { warmUp: 1, min: quick ? 6 : 25, max: quick ? 15 : 60, capMs: quick ? 150_000 : 600_000 },
    open: () => openPair(peers[peer]),
  };
}

async function openPair(start: (cluster: Cluster, likeness: PodLikeness) => Promise<RawPod>): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await openCluster());
  const server = stack.use(await startServer({ ...cluster.settings }));
  const client = stack.use(sessionClient(server));
  const likeness = await podLikenessOf(cluster, client);
  const held = stack.move();
  return {
    async subject() {
      return { samples: [await coldStart(client)] };
    },
    async peer() {
      await using pod = await start(cluster, likeness);
      return { samples: [pod.startMs] };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
