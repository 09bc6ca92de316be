import { startChild } from '../lib/child-process.ts';
import { containerOf, missingEngine } from '../lib/engine-api.ts';
import { freshFolder } from '../lib/folder.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { rawExec } from '../peers/raw-exec.ts';

// The round trip of `true` in a sandbox, through SessionService.exec, which the dialects' routes call (none has a route
// for it yet). The peer is the engine's own exec in the same container.

export const P20: Row = {
  id: 'P20',
  title: 'shell exec round trip, Docker',
  missing: missingEngine,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{
      id: 'P20',
      variant: { command: 'true', through: 'SessionService' },
      unit: 'ms',
      better: 'lower',
      feels: 'noise',
    },
    ...{ subject: 'corral', peer: 'engine-api-exec' },
    goals: [{ stat: 'p50', max: 0.15, level: 'lead' }],
    rounds: { warmUp: 2, min: 8, max: quick ? 15 : 60, capMs: quick ? 10_000 : 120_000 },
    open: () => openPair(quick ? 6 : 20),
  };
}

async function openPair(times: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await freshFolder());
  const corral = stack.use(await startChild('corral-docker', { dataDir: folder.path }));
  const { Id } = await containerOf(await corral.call<string>('session'));
  const held = stack.move();
  return {
    subject: async () => ({ samples: await corral.call<number[]>('exec', { command: 'true', times: times * 10 }) }),
    async peer() {
      const samples: number[] = [];
      for (let n = 0; n < times; n++) {
        const from = monotonicMs();
        const code = await rawExec(Id, 'true');
        samples.push(monotonicMs() - from);
        if (code !== 0) throw new Error(`"true" ended with ${code}`);
      }
      return { samples };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
