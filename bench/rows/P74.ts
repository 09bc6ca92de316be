import { join } from 'node:path';
import { startChild } from '../lib/child-process.ts';
import { freshFolder } from '../lib/folder.ts';
import type { Read } from '../lib/garbage-reader.ts';
import { kinds } from '../lib/hostile-answers.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row } from '../lib/measure.ts';
import { summary } from '../lib/statistics.ts';
import { budget } from './P26.ts';

// How late the server's event loop is while a program in the daemon's place answers as fast as it can, with every kind of
// garbage and with the largest answers that the rules allow. A round plays each kind in turn; its samples are those of
// the kind with the worst p99, so every kind meets the target.

const budgetMs = 20;

export const P74: Row = {
  id: 'P74',
  title: "the loop's delay while a sandbox answers garbage",
  missing: nothingMissing,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P74', variant: {}, unit: 'ms', better: 'lower', feels: 'nothing' },
    ...{ subject: 'corral', peer: `budget of ${budgetMs} ms` },
    goals: [{ stat: 'p99', max: 1, level: 'lead' }],
    rounds: { warmUp: 1, min: 4, max: quick ? 4 : 12, capMs: quick ? 90_000 : 400_000 },
    open: async () => ({ ...(await openPair(quick ? 800 : 2_000)), ...budget(budgetMs) }),
  };
}

async function openPair(ms: number): Promise<Pick<Pair, 'subject'> & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await freshFolder());
  const path = join(folder, 'control');
  const hostile = stack.use(await startChild('hostile-answers', { path }));
  const reader = stack.use(await startChild('garbage-reader', { path }));
  const held = stack.move();
  return {
    async subject() {
      const took: (Read & { kind: string; p99: number })[] = [];
      for (const kind of kinds) {
        await hostile.call('say', kind);
        const read = await reader.call<Read>('read', { kind, ms });
        took.push({ ...read, kind, p99: summary(read.late).p99 });
      }
      tell(took);
      const [worst] = took.toSorted((a, b) => b.p99 - a.p99);
      const silent = took.filter(({ answers }) => answers === 0).length;
      const correct = {
        expected: kinds.length,
        received: kinds.length - silent,
        lost: silent,
        duplicated: 0,
        reordered: 0,
      };
      return { samples: worst?.late ?? [], rssMiB: Math.max(...took.map(({ rssMiB }) => rssMiB)), correct };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function tell(took: readonly (Read & { kind: string })[]): void {
  for (const { kind, late, longestMs, answers, rssMiB } of took) {
    const { p50, p99, max } = summary(late);
    const figures = `p50/p99/max ${p50.toFixed(1)}/${p99.toFixed(1)}/${max.toFixed(0)} ms, longest turn ${longestMs.toFixed(0)} ms of processor time`;
    console.error(`bench: P74 ${kind}: ${figures}, ${answers} answers, ${rssMiB.toFixed(0)} MiB`);
  }
}
