import { type Child, startChild } from '../lib/child-process.ts';
import type { Listening } from '../lib/corral-calls.ts';
import { type DialectCall, type DialectName, dialectCalls } from '../lib/dialect-calls.ts';
import { freshFolder } from '../lib/folder.ts';
import { watchGenerator } from '../lib/generator.ts';
import { askAll, inTurns, Line } from '../lib/line.ts';
import { type Experiment, nothingMissing, type Pair, type Row, type SideRound } from '../lib/measure.ts';
import { median } from '../lib/statistics.ts';

// The overhead of a dialect: the time of a call, less the median time of the same work in the services directly. As many
// direct calls run at once, each started by a message, so that the server is equally awake. The peer is the session-
// reading dialect with the least overhead.

const names = Object.keys(dialectCalls) as DialectName[];

export const P31: Row = {
  id: 'P31',
  title: 'what a dialect adds to the services, beside the one that adds least',
  missing: nothingMissing,
  // Too long for the quick set.
  experiments: (mode) =>
    mode === 'quick' ? [] : [1, 50].flatMap((clients) => names.map((dialect) => experiment(dialect, clients))),
};

function experiment(dialect: DialectName, clients: number): Experiment {
  return {
    id: 'P31',
    variant: { dialect, clients },
    ...{ unit: 'ms', better: 'lower', subject: `corral-${dialect}`, peer: 'the leanest dialect', feels: 'noise' },
    goals: [
      { stat: 'p50', max: 1.5, level: 'anchor' },
      { stat: 'p99', max: 1.5, level: 'anchor' },
    ],
    rounds: { warmUp: 2, min: 5, max: 20, capMs: clients === 1 ? 30_000 : 60_000 },
    open: () => openPair(dialect, clients, clients === 1 ? 4_000 : 10_000),
  };
}

async function openPair(dialect: DialectName, clients: number, calls: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await freshFolder());
  const corral = stack.use(await startChild('corral-calls', { dataDir }));
  const listening = await corral.call<Listening>('listen');
  const sides = new Map<DialectName, Side>();
  for (const name of names) {
    const { of, work }: DialectCall = dialectCalls[name];
    const lines: Line[] = [];
    for (let n = 0; n < clients; n++) lines.push(stack.use(await Line.open(of(listening))));
    sides.set(name, new Side(corral, lines, { work, calls }));
  }
  const leanest = await leanestOf([...sides.values()].filter(({ reads }) => reads));
  const held = stack.move();
  return {
    subject: () => (sides.get(dialect) as Side).round(),
    peer: () => leanest.round(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const trials = 5;

/** Runs all sides in turn; only the last three trials count, the others warm up. */
async function leanestOf(sides: readonly Side[]): Promise<Side> {
  const added = new Map<Side, number[]>(sides.map((side) => [side, []]));
  for (let n = 0; n < trials; n++) {
    for (const [side, medians] of added) {
      const { samples } = await side.round();
      if (n >= trials - 3) medians.push(median(samples));
    }
  }
  const [[leanest]] = [...added].sort(([, a], [, b]) => median(a) - median(b)) as [[Side, number[]]];
  return leanest;
}

class Side {
  readonly #corral: Child;
  readonly #lines: readonly Line[];
  readonly #load: Pick<DialectCall, 'work'> & { calls: number };

  constructor(corral: Child, lines: readonly Line[], load: Pick<DialectCall, 'work'> & { calls: number }) {
    this.#corral = corral;
    this.#lines = lines;
    this.#load = load;
  }

  /** Whether the call reads a session at all. */
  get reads(): boolean {
    return this.#load.work !== 'nothing';
  }

  async round(): Promise<SideRound> {
    const { work, calls } = this.#load;
    const direct = await inTurns(this.#lines.length, calls, () => this.#corral.call<number>('direct', work));
    const without = median(direct);
    const load = watchGenerator();
    const taken = await askAll(this.#lines, calls);
    return { samples: taken.map((ms) => ms - without), generator: load.stop() };
  }
}
