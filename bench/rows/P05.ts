import { coldStart, sessionClient } from '../lib/client.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { nothingMissing } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';
import { daemonStarts, missingBubblewrap } from '../peers/raw-daemon.ts';
import { budget } from './P26.ts';

// A session ready without an engine. `process`: bubblewrap; the peer spawns the same daemon in a bubblewrap with the same
// walls, until its first answer. `memory`: fake sandboxes, so only the server's own work is left; it is stated in
// multiples of 10 ms.

const unitMs = 10;

export const P05: Row = {
  id: 'P05',
  title: 'session ready, process driver',
  missing: missingBubblewrap,
  experiments: (mode) => [experiment('process', mode)],
};
export const P05Memory: Row = {
  id: 'P05',
  title: 'session ready, fake sandboxes',
  missing: nothingMissing,
  experiments: (mode) => [experiment('memory', mode)],
};

function experiment(driver: 'process' | 'memory', mode: Mode): Experiment {
  const quick = mode === 'quick';
  const isProcess = driver === 'process';
  return {
    ...{ id: 'P05', variant: { driver }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: isProcess ? 'bubblewrap-and-daemon' : `${unitMs} ms` },
    goals: [{ stat: 'p50', level: 'anchor', ...(isProcess && { max: 1.5 }) }],
    rounds: { warmUp: 3, min: 10, max: quick ? 30 : 100, capMs: quick ? 15_000 : 200_000 },
    open: () => openPair(driver),
  };
}

async function openPair(driver: 'process' | 'memory'): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const client = stack.use(sessionClient(stack.use(await startServer({ CORRAL_DRIVER: driver }))));
  const start = driver === 'process' ? stack.use(await daemonStarts()) : undefined;
  const held = stack.move();
  return {
    subject: async () => ({ samples: [await coldStart(client)] }),
    peer: start ? async () => ({ samples: [await start.once()] }) : budget(unitMs).peer,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
