import { coldStart, sessionClient } from '../lib/client.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { missingAt, openPlace, type PlaceName, peerAt } from '../lib/places.ts';
import { startServer } from '../lib/server.ts';

// Warm session ready: as P01, with a warm sandbox. The peer is P01's: an equal container by the engine's API, started on
// demand; on a cluster, an equal pod by the API, up to Ready. The pool is full again before each round.

const rowAt = (driver: PlaceName, where: string): Row => ({
  id: 'P03',
  title: `warm session ready, ${where}`,
  missing: missingAt[driver],
  experiments: (mode) => [experiment(driver, mode)],
});
export const P03: Row = rowAt('docker', 'Docker');
export const P03Cluster: Row = rowAt('kubernetes', 'cluster');

function experiment(driver: PlaceName, mode: Mode): Experiment {
  const quick = mode === 'quick';
  const capMs = quick ? (driver === 'docker' ? 26_000 : 90_000) : 600_000;
  return {
    ...{ id: 'P03', variant: { driver }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: peerAt[driver] },
    goals: [{ stat: 'p50', max: 0.2, level: 'anchor' }],
    rounds: { warmUp: 1, min: quick ? 8 : 25, max: quick ? 20 : 100, capMs },
    open: () => openPair(driver),
  };
}

async function openPair(driver: PlaceName): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await openPlace(driver));
  // The bench finds a session's container by its label. A pool's container does not have that label, so this start is
  // cold.
  const plain = stack.use(await startServer(place.settings));
  const start = await place.rawStart(stack.use(sessionClient(plain)));
  const instance = `bench-${process.pid}`;
  const pool = { CORRAL_SANDBOX_WARM_POOL: '1', CORRAL_INSTANCE: instance };
  const server = stack.use(await startServer({ ...place.settings, ...pool }));
  const client = stack.use(sessionClient(server));
  const held = stack.move();
  return {
    async subject() {
      await place.poolIsFull(instance, 1);
      return { samples: [await coldStart(client)] };
    },
    async peer() {
      await place.poolIsFull(instance, 1);
      await using one = await start();
      return { samples: [one.startMs] };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
