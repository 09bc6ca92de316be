import { sessionClient } from '../lib/client.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { missingAt, openPlace, type PlaceName, peerAt } from '../lib/places.ts';
import { startServer } from '../lib/server.ts';

// A drained pool: ten sessions at once while three warm sandboxes are ready. The peer is ten equal containers that the
// engine's API starts at once; on a cluster, ten equal pods, up to Ready. The pool is full again before each round. Each
// of the ten is a sample. With so few samples the p99 is nearly the slowest one, so the goal is stricter than the p95 of
// the plan.

const burst = 10;
const target = 3;

const rowAt = (driver: PlaceName, where: string): Row => ({
  id: 'P04',
  title: `pool drained: ten sessions at once, three stand ready, ${where}`,
  missing: missingAt[driver],
  experiments: (mode) => [experiment(driver, mode)],
});
export const P04: Row = rowAt('docker', 'Docker');
export const P04Cluster: Row = rowAt('kubernetes', 'cluster');

function experiment(driver: PlaceName, mode: Mode): Experiment {
  const quick = mode === 'quick';
  const capMs = quick ? (driver === 'docker' ? 30_000 : 90_000) : 600_000;
  return {
    ...{ id: 'P04', variant: { driver, burst, pool: target }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: `${peerAt[driver]}s` },
    goals: [{ stat: 'p99', max: 1.3, level: 'lead' }],
    rounds: { warmUp: 0, min: quick ? 3 : 10, max: quick ? 6 : 40, capMs },
    open: () => openPair(driver),
  };
}

async function openPair(driver: PlaceName): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await openPlace(driver));
  const instance = `bench-${process.pid}`;
  const settings = { ...place.settings, CORRAL_SANDBOX_MAX_STARTING: String(burst) }; // all at once, like the peer
  const plain = stack.use(await startServer(settings));
  const start = await place.rawStart(stack.use(sessionClient(plain)));
  const pool = { CORRAL_SANDBOX_WARM_POOL: String(target), CORRAL_INSTANCE: instance };
  const server = stack.use(await startServer({ ...settings, ...pool }));
  const client = stack.use(sessionClient(server));
  const held = stack.move();
  const many = <Value>(act: () => Promise<Value>) => Promise.all(Array.from({ length: burst }, act));
  return {
    async subject() {
      await place.poolIsFull(instance, target);
      const all = await many(async () => {
        const from = monotonicMs();
        const session = await client.create();
        return { session, ms: (await client.ready(session)) - from };
      });
      await Promise.all(all.map(({ session }) => client.remove(session)));
      return { samples: all.map(({ ms }) => ms) };
    },
    async peer() {
      await place.poolIsFull(instance, target);
      await using stack = new AsyncDisposableStack();
      const all = await many(async () => stack.use(await start()));
      return { samples: all.map(({ startMs }) => startMs) };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
