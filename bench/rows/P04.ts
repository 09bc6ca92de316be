import { sessionClient } from '../lib/client.ts';
import { likenessOf, missingEngine } from '../lib/engine-api.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';
import { poolIsFull } from '../lib/warm-pool.ts';
import { startRaw } from '../peers/raw-container.ts';

// A pool that is drained: ten sessions at once where three sandboxes stand ready, beside ten equal containers that the
// engine's API starts at once. The pool is full again before each round begins, and each of the ten is a sample;
// of so few the p99, which is nearly the last of them, asks more than the p95 that the plan names.

const burst = 10;
const target = 3;

export const P04: Row = {
  id: 'P04',
  title: 'pool drained: ten sessions at once, three stand ready, Docker',
  missing: missingEngine,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P04', variant: { driver: 'docker', burst, pool: target }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'engine-api-containers' },
    goals: [{ stat: 'p99', max: 1.3, level: 'lead' }],
    rounds: { warmUp: 0, min: quick ? 3 : 10, max: quick ? 6 : 40, capMs: quick ? 30_000 : 600_000 },
    open: openPair,
  };
}

async function openPair(): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const instance = `bench-${process.pid}`;
  const starting = { CORRAL_SANDBOX_MAX_STARTING: String(burst) }; // as the peer: the engine alone sets the pace
  const plain = stack.use(await startServer({ CORRAL_DRIVER: 'docker', ...starting }));
  const cold = stack.use(sessionClient(plain));
  const likeness = await likenessOf(cold);
  const pool = { CORRAL_SANDBOX_WARM_POOL: String(target), CORRAL_INSTANCE: instance };
  const server = stack.use(await startServer({ CORRAL_DRIVER: 'docker', ...starting, ...pool }));
  const client = stack.use(sessionClient(server));
  const held = stack.move();
  const many = <Value>(act: () => Promise<Value>) => Promise.all(Array.from({ length: burst }, act));
  return {
    async subject() {
      await poolIsFull(instance, target);
      const all = await many(async () => {
        const from = monotonicMs();
        const session = await client.create();
        return { session, ms: (await client.ready(session)) - from };
      });
      await Promise.all(all.map(({ session }) => client.remove(session)));
      return { samples: all.map(({ ms }) => ms) };
    },
    async peer() {
      await poolIsFull(instance, target);
      await using stack = new AsyncDisposableStack();
      const all = await many(async () => stack.use(await startRaw(likeness)));
      return { samples: all.map(({ startMs }) => startMs) };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
