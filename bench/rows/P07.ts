import { type Child, startChild } from '../lib/child-process.ts';
import type { Emitted } from '../lib/emit.ts';
import { freshFolder } from '../lib/folder.ts';
import { watchGenerator } from '../lib/generator.ts';
import {
  addUp,
  type Experiment,
  type Mode,
  nothingMissing,
  type Pair,
  type Row,
  type SideRound,
} from '../lib/measure.ts';
import { Subscriber } from '../lib/subscriber.ts';

// Fan-out at 100 events a second: from the moment an event is given to the server to the moment a subscriber has it.
// The subscribers live in this process, each server in one of its own.

const everyMs = 10;
const bytes = 300;
const arrivalMs = 5_000;

type Store = 'full' | 'memory';
interface Variant {
  readonly subscribers: number;
  readonly store: Store;
}

export const P07: Row = {
  id: 'P07',
  title: 'fan-out latency, 100 events/s of 300 B',
  missing: nothingMissing,
  experiments: (mode) =>
    [1, 10, 100].flatMap((subscribers) =>
      (mode === 'quick' ? (['full'] as const) : (['full', 'memory'] as const)).map((store) =>
        experiment({ subscribers, store }, mode),
      ),
    ),
};

function experiment(variant: Variant, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P07',
    variant: { subscribers: variant.subscribers, bytes, store: variant.store },
    ...{ unit: 'ms', better: 'lower', subject: 'corral-sse', peer: 'raw-fastify-sse', feels: 'noise' },
    goals: [
      { stat: 'p50', max: 1.3, level: 'lead' },
      { stat: 'p99', max: 1.5, level: 'lead' },
    ],
    rounds: { warmUp: 1, min: 5, max: quick ? 20 : 60, capMs: quick ? 16_000 : 600_000 },
    open: () => openPair(variant, quick ? 60 : Math.max(200, 2_000 / variant.subscribers)),
  };
}

async function openPair({ subscribers, store }: Variant, events: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const side = async (program: string, path: string) => {
    const folder = stack.use(await freshFolder());
    const child = stack.use(await startChild(program, { dataDir: folder.path, store }));
    const url = (await child.call<string>('listen')) + path;
    const readers: Subscriber[] = [];
    for (let n = 0; n < subscribers; n++) readers.push(stack.use(await Subscriber.open(url)));
    return new Side(child, readers, events);
  };
  const subject = await side('corral-fanout', '');
  const peer = await side('raw-sse', '/events');
  const held = stack.move();
  return {
    subject: () => subject.round(),
    peer: () => peer.round(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

class Side {
  readonly #child: Child;
  readonly #readers: readonly Subscriber[];
  readonly #events: number;
  #sent = 0;

  constructor(child: Child, readers: readonly Subscriber[], events: number) {
    this.#child = child;
    this.#readers = readers;
    this.#events = events;
  }

  async round(): Promise<SideRound> {
    for (const reader of this.#readers) reader.reset();
    const from = this.#sent;
    const load = watchGenerator();
    const emission = { first: from + 1, count: this.#events, everyMs, bytes };
    const { crc, cpuMs, rssMiB } = await this.#child.call<Emitted>('emit', emission);
    this.#sent += this.#events;
    const deadline = performance.now() + arrivalMs;
    while (this.#readers.some(({ last }) => last < this.#sent) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const correct = addUp(this.#readers.map((reader) => reader.correct({ from, to: this.#sent, crc })));
    const samples = this.#readers.flatMap(({ latencies }) => latencies);
    return { samples, correct, generator: load.stop(), cpuMs, rssMiB };
  }
}
