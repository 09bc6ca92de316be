import { monotonicMs, watchGenerator } from '../measure/generator.ts';
import { addUp, type Pair, type SideRound } from '../measure/measure.ts';
import { type Child, startChild } from './child-process.ts';
import { type Arrived, EventReader, type Transport } from './event-reader.ts';
import { freshFolder } from './folder.ts';

// Every fan-out has the same shape: two programs, each with readers in this process, emit in turn. When everything has
// arrived, the row computes the round's value.

type Readers = readonly EventReader[];
export interface FanOut {
  readonly events: number;
  readonly readers: number;
  readonly over: Transport;
  /** Arguments of `emit` other than the number of events and the first one. */
  readonly emission: object;
  readonly arrivalMs: number;
  /** The programs in bench/child.ts. */
  readonly subject: string;
  readonly peer: string;
  readonly store: 'full' | 'memory';
  samplesOf(readers: Readers, arrived: Arrived): readonly number[];
}

export async function openFanOut(stack: AsyncDisposableStack, plan: FanOut): Promise<Pair> {
  const side = async (program: string) => {
    const { path: dataDir } = stack.use(await freshFolder());
    const child = stack.use(await startChild(program, { dataDir, store: plan.store, over: plan.over }));
    const url = await child.call<string>('listen');
    const readers: EventReader[] = [];
    for (let n = 0; n < plan.readers; n++) readers.push(stack.use(await EventReader.open(url, plan.over)));
    let first = 1;
    return async () => {
      const round = await takeRound(child, readers, { ...plan, first });
      first += plan.events;
      return round;
    };
  };
  const subject = await side(plan.subject);
  const peer = await side(plan.peer);
  return { subject, peer };
}

async function takeRound(child: Child, readers: Readers, plan: FanOut & { first: number }): Promise<SideRound> {
  const { first, events: count, emission, arrivalMs } = plan;
  for (const reader of readers) reader.reset();
  const load = watchGenerator();
  const from = monotonicMs();
  const crc = await child.call<number>('emit', { ...emission, first, count });
  const deadline = performance.now() + arrivalMs;
  while (!readers.every(({ last }) => last >= first + count - 1) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const generator = load.stop();
  const arrived = { first, count, crc, from };
  const correct = addUp(readers.map((reader) => reader.correct(arrived)));
  return { samples: plan.samplesOf(readers, arrived), correct, generator };
}
