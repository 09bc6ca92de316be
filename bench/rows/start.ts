import { sessionClient, timedStart } from '../lib/corral/client.ts';
import { type BackendName, missingAt, openPlace, peerAt } from '../lib/corral/places.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { countArrivals, type Pair, type Row, timedRow } from '../lib/measure/measure.ts';
import { missingBubblewrap, openDaemonStarts } from '../peers/raw-daemon.ts';

// From the request for a session to the output of its first command. The peers: an equal container by the engine's API
// (create, start, exec), an equal pod by the API server up to Ready, and the same daemon in a bubblewrap with the same
// walls up to its first answer. `start-warm` and `claim-pod` take the sandbox from the pool, which is full again before
// each round; their peers start on demand. `burst`: twenty sessions at once, beside twenty equal containers; a session that
// fails counts as lost.

const quickMs = { docker: 26_000, kubernetes: 90_000 } as const;

const cold = (name: string, place: BackendName, max: number): Row =>
  timedRow({
    name,
    title: `a session up to its first command, ${place}`,
    missing: missingAt[place],
    peer: peerAt[place],
    max,
    quickMs: quickMs[place],
    open: (stack) => openCold(stack, place),
  });
const warm = (name: string, place: BackendName): Row =>
  timedRow({
    name,
    title: `the same from the warm pool, ${place}`,
    missing: missingAt[place],
    peer: peerAt[place],
    max: 0.2,
    quickMs: quickMs[place],
    open: (stack) => openWarm(stack, place),
  });

export const startDocker = cold('start-docker', 'docker', 1.25);
export const startWarm = warm('start-warm', 'docker');
export const startPod = cold('start-pod', 'kubernetes', 1.3);
export const claimPod = warm('claim-pod', 'kubernetes');
export const startProcess = timedRow({
  name: 'start-process',
  title: 'the same under bubblewrap',
  missing: missingBubblewrap,
  peer: 'bubblewrap-and-daemon',
  max: 1.5,
  quickMs: 15_000,
  open: openProcess,
});

async function openCold(stack: AsyncDisposableStack, name: BackendName): Promise<Pair> {
  const place = await openPlace(stack, name);
  const client = stack.use(sessionClient(stack.use(await startServer(place.settings))));
  const start = await place.rawStart(client);
  return {
    subject: async () => [await timedStart(client)],
    async peer() {
      await using one = await start();
      return [one.startMs];
    },
  };
}

async function openWarm(stack: AsyncDisposableStack, name: BackendName): Promise<Pair> {
  const place = await openPlace(stack, name);
  // The bench finds a session's container by its label. A container of the pool does not have that label, so the equal
  // one is copied from a server without a pool.
  const plain = stack.use(await startServer(place.settings));
  const start = await place.rawStart(stack.use(sessionClient(plain)));
  const instance = `bench-${process.pid}`;
  const pool = { CORRAL_SANDBOX_WARM_POOL: '1', CORRAL_INSTANCE: instance };
  const client = stack.use(sessionClient(stack.use(await startServer({ ...place.settings, ...pool }))));
  return {
    async subject() {
      await place.poolIsFull(instance, 1);
      return [await timedStart(client)];
    },
    async peer() {
      await place.poolIsFull(instance, 1);
      await using one = await start();
      return [one.startMs];
    },
  };
}

async function openProcess(stack: AsyncDisposableStack): Promise<Pair> {
  const client = stack.use(sessionClient(stack.use(await startServer({ CORRAL_DRIVER: 'process' }))));
  const start = await openDaemonStarts(stack);
  return {
    subject: async () => [await timedStart(client)],
    peer: async () => [await start()],
  };
}

const burstSize = 20;

export const burst = timedRow({
  name: 'burst',
  title: `${burstSize} sessions at once, up to their first commands`,
  missing: missingAt.docker,
  variant: { sessions: burstSize },
  peer: `${peerAt.docker}s`,
  goals: [
    { stat: 'p50', max: 1.3 },
    { stat: 'p95', max: 1.3 },
  ],
  quickMs: 60_000,
  rounds: { warmUp: 0, min: 4 },
  open: openBurst,
});

async function openBurst(stack: AsyncDisposableStack): Promise<Pair> {
  const place = await openPlace(stack, 'docker');
  const settings = { ...place.settings, CORRAL_SANDBOX_MAX_STARTING: String(burstSize) }; // all at once, like the peer
  const client = stack.use(sessionClient(stack.use(await startServer(settings))));
  const start = await place.rawStart(client);
  const many = <Value>(act: () => Promise<Value>) => Promise.allSettled(Array.from({ length: burstSize }, act));
  return {
    async subject() {
      const all = await many(async () => {
        const from = monotonicMs();
        const session = await client.started();
        return { session, ms: monotonicMs() - from };
      });
      const ready = all.flatMap((it) => (it.status === 'fulfilled' ? it.value : []));
      await Promise.all(ready.map(({ session }) => client.remove(session)));
      return { samples: ready.map(({ ms }) => ms), correct: countArrivals(burstSize, ready.length) };
    },
    async peer() {
      await using containers = new AsyncDisposableStack();
      const all = await many(async () => containers.use(await start()).startMs);
      return all.flatMap((it) => (it.status === 'fulfilled' ? it.value : []));
    },
  };
}
