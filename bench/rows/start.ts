import { measureStart, type SessionClient, startServerWithClient } from '../lib/corral/client.ts';
import { type BackendName, openBackend, peersByBackend, type SandboxStarter } from '../lib/corral/places.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { type BenchRow, createTimedRow, type ExperimentSides, toDeliveryCounts } from '../lib/measure/measure.ts';

// From the request for a session to the output of its first command. The peers: an equal container through the engine's
// API (create, start, exec), an equal pod through the API server up to Ready, and the same daemon in an equal
// bubblewrap up to its first answer. `start-warm` and `claim-pod` take the sandbox from the pool, which is full again
// before each round; their peers start on demand. `burst`: twenty concurrent sessions, compared with twenty equal
// containers; a session that fails counts as lost.

interface StartRow {
  readonly name: string;
  readonly title?: string;
  readonly at: BackendName;
  readonly max: number;
  readonly open: (stack: AsyncDisposableStack, at: BackendName) => Promise<ExperimentSides>;
}
const startRow = ({ title = 'a session up to its first command', at, open, ...rest }: StartRow): BenchRow =>
  createTimedRow({
    ...rest,
    title: `${title}, ${at}`,
    ...peersByBackend[at],
    open: (stack) => open(stack, at),
  });
const pooled = { title: 'the same from the warm pool', max: 0.2, open: openWarm };

export const startDockerRow = startRow({ name: 'start-docker', at: 'docker', max: 1.25, open: openCold });
export const startWarmRow = startRow({ name: 'start-warm', at: 'docker', ...pooled });
export const startPodRow = startRow({ name: 'start-pod', at: 'kubernetes', max: 1.3, open: openCold });
export const claimPodRow = startRow({ name: 'claim-pod', at: 'kubernetes', ...pooled });
export const startProcessRow = startRow({ name: 'start-process', at: 'process', max: 1.5, open: openCold });

async function openCold(stack: AsyncDisposableStack, name: BackendName): Promise<ExperimentSides> {
  const place = await openBackend(stack, name);
  const client = await startServerWithClient(stack, place.settings);
  return startsOf(client, await place.rawStart(client));
}

async function openWarm(stack: AsyncDisposableStack, name: BackendName): Promise<ExperimentSides> {
  const place = await openBackend(stack, name);
  // The bench finds a session's container by its label, which pool containers lack. The peer's settings are therefore
  // copied from a server without a pool.
  const start = await place.rawStart(await startServerWithClient(stack, place.settings));
  const instance = `bench-${process.pid}`;
  const pool = { CORRAL_SANDBOX_WARM_POOL: '1', CORRAL_INSTANCE: instance };
  const client = await startServerWithClient(stack, { ...place.settings, ...pool });
  return startsOf(client, start, () => place.poolIsFull(instance, 1));
}

const startsOf = (client: SessionClient, start: SandboxStarter, before?: () => Promise<void>): ExperimentSides => ({
  async subject() {
    await before?.();
    return [await measureStart(client)];
  },
  async peer() {
    await before?.();
    await using one = await start();
    return [one.startMs];
  },
});

const burstSize = 20;

export const burst = createTimedRow({
  name: 'burst',
  title: `${burstSize} sessions at once, up to their first commands`,
  missing: peersByBackend.docker.missing,
  variant: { sessions: burstSize },
  peer: `${peersByBackend.docker.peer}s`,
  goals: [
    { stat: 'p50', max: 1.3 },
    { stat: 'p95', max: 1.3 },
  ],
  quickMs: 60_000,
  rounds: { warmUp: 0, min: 4 },
  open: openBurst,
});

async function openBurst(stack: AsyncDisposableStack): Promise<ExperimentSides> {
  const place = await openBackend(stack, 'docker');
  const settings = { ...place.settings, CORRAL_SANDBOX_MAX_STARTING: String(burstSize) }; // all at once, like the peer
  const client = await startServerWithClient(stack, settings);
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
      return { samples: ready.map(({ ms }) => ms), correct: toDeliveryCounts(burstSize, ready.length) };
    },
    async peer() {
      await using containers = new AsyncDisposableStack();
      const all = await many(async () => containers.use(await start()).startMs);
      return all.flatMap((it) => (it.status === 'fulfilled' ? it.value : []));
    },
  };
}
