import { coldStart, sessionClient } from '../lib/client.ts';
import { likenessOf, missingEngine } from '../lib/engine-api.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';
import { startRaw } from '../peers/raw-container.ts';

// Cold session ready on Docker: from before the PUT until the server's log reports the sandbox ready, after the daemon's
// first answer. The peer is an equal container by the engine's API, from before the create to the daemon's first answer.
// The peer's folder and socket exist before its clock starts.

export const P01: Row = {
  id: 'P01',
  title: 'cold session ready, Docker, image present',
  missing: missingEngine,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P01', variant: { driver: 'docker' }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'engine-api-container' },
    goals: [{ stat: 'p50', max: 1.25, level: 'lead' }],
    rounds: { warmUp: 3, min: quick ? 10 : 25, max: quick ? 40 : 100, capMs: quick ? 26_000 : 600_000 },
    open: openPair,
  };
}

async function openPair(): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startServer({ CORRAL_DRIVER: 'docker' }));
  const client = stack.use(sessionClient(server));
  const likeness = await likenessOf(client);
  const held = stack.move();
  return {
    async subject() {
      return { samples: [await coldStart(client)] };
    },
    async peer() {
      await using container = await startRaw(likeness);
      return { samples: [container.startMs] };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
