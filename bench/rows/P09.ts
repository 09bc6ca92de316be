import { type Child, startChild } from '../lib/child-process.ts';
import type { Emitted } from '../lib/emit.ts';
import { freshFolder } from '../lib/folder.ts';
import { monotonicMs, watchGenerator } from '../lib/generator.ts';
import { Listener } from '../lib/listener.ts';
import {
  addUp,
  type Experiment,
  type Mode,
  nothingMissing,
  type Pair,
  type Row,
  type SideRound,
} from '../lib/measure.ts';

// The ceiling of a fan-out over WebSockets: from the word to emit to the last frame at the last of 100 listeners, which
// live in this process. Each frame is about 460 bytes, 300 of them text.

const subscribers = 100;
const bytes = 300;
const arrivalMs = 30_000;

export const P09: Row = {
  id: 'P09',
  title: 'fan-out over WebSockets, deliveries/s at 100',
  missing: nothingMissing,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P09',
    variant: { subscribers, bytes, store: 'memory' },
    ...{ unit: 'deliveries/s', better: 'higher', subject: 'corral-ws', peer: 'raw-ws', feels: 'noise' },
    goals: [{ stat: 'p50', min: 0.8, level: 'anchor' }],
    rounds: { warmUp: 2, min: 6, max: quick ? 10 : 40, capMs: quick ? 14_000 : 300_000 },
    open: () => openPair(quick ? 400 : 1_500),
  };
}

async function openPair(events: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await freshFolder());
  const side = async (program: string) => {
    const child = stack.use(await startChild(program, { dataDir }));
    const url = await child.call<string>('listen');
    const listeners: Listener[] = [];
    for (let n = 0; n < subscribers; n++) listeners.push(stack.use(await Listener.open(url, n === 0)));
    return new Side(child, listeners, events);
  };
  const subject = await side('corral-sockets');
  const peer = await side('raw-ws');
  const held = stack.move();
  return {
    subject: () => subject.round(),
    peer: () => peer.round(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

class Side {
  readonly #child: Child;
  readonly #listeners: readonly Listener[];
  readonly #events: number;
  #sent = 0;

  constructor(child: Child, listeners: readonly Listener[], events: number) {
    this.#child = child;
    this.#listeners = listeners;
    this.#events = events;
  }

  async round(): Promise<SideRound> {
    const count = this.#events;
    const first = this.#sent + 1;
    for (const listener of this.#listeners) listener.reset();
    const load = watchGenerator();
    const from = monotonicMs();
    const { crc, cpuMs, rssMiB } = await this.#child.call<Emitted>('emit', { first, count, bytes });
    this.#sent += count;
    const deadline = from + arrivalMs;
    while (this.#listeners.some(({ frames }) => frames < count) && monotonicMs() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const generator = load.stop();
    const until = Math.max(...this.#listeners.map(({ heardAt }) => heardAt));
    const perSecond = (count * subscribers * 1_000) / (until - from);
    return { samples: [perSecond], correct: this.#correct({ first, count, crc }), generator, cpuMs, rssMiB };
  }

  /** The witness by what it read, the others by whether they got the very same frames. */
  #correct(sent: { first: number; count: number; crc: number }) {
    const [witness, ...others] = this.#listeners as [Listener, ...Listener[]];
    const { count } = sent;
    return addUp([
      witness.correct(sent),
      ...others.map(({ frames, crc }) => ({
        ...{ expected: count, received: frames, duplicated: Math.max(0, frames - count), reordered: 0 },
        lost: Math.max(0, count - frames) + (frames === count && crc !== witness.crc ? 1 : 0),
      })),
    ]);
  }
}
