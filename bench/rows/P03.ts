import { sessionClient } from '../lib/client.ts';
import { likenessOf, missingEngine } from '../lib/engine-api.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';
import { poolIsFull } from '../lib/warm-pool.ts';
import { startRaw } from '../peers/raw-container.ts';

// Warm session ready on Docker: as P01, with a sandbox that stands ready. The peer is P01's: an equal container by the
// engine's API, started when it is wanted. The pool is full again before each round begins.

export const P03: Row = {
  id: 'P03',
  title: 'warm session ready, Docker',
  missing: missingEngine,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P03', variant: { driver: 'docker' }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'engine-api-container' },
    goals: [{ stat: 'p50', max: 0.2, level: 'anchor' }],
    rounds: { warmUp: 1, min: quick ? 8 : 25, max: quick ? 20 : 100, capMs: quick ? 26_000 : 600_000 },
    open: openPair,
  };
}

async function openPair(): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  // The bench asks the engine for a session's container by its label, which one from the pool has not: hence a cold one.
  const plain = stack.use(await startServer({ CORRAL_DRIVER: 'docker' }));
  const cold = stack.use(sessionClient(plain));
  const likeness = await likenessOf(cold);
  const instance = `bench-${process.pid}`;
  const server = stack.use(
    await startServer({ CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_WARM_POOL: '1', CORRAL_INSTANCE: instance }),
  );
  const client = stack.use(sessionClient(server));
  const held = stack.move();
  return {
    async subject() {
      await poolIsFull(instance, 1);
      const from = monotonicMs();
      const session = await client.create();
      const ms = (await client.ready(session)) - from;
      await client.remove(session);
      return { samples: [ms] };
    },
    async peer() {
      await poolIsFull(instance, 1);
      await using container = await startRaw(likeness);
      return { samples: [container.startMs] };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
