import { type Child, startChild } from './child-process.ts';
import type { Emitted } from './emit.ts';
import { freshFolder } from './folder.ts';
import { monotonicMs, watchGenerator } from './generator.ts';
import type { Correctness, Pair, SideRound } from './measure.ts';

// Every fan-out has the same shape: two programs, each with readers in this process, emit in turn. When everything has
// arrived, the row computes the round's value.

export interface Arrived {
  /** The number of the round's first event. */
  readonly first: number;
  readonly count: number;
  readonly crc: number;
  /** The monotonic time of the command to emit. */
  readonly from: number;
}
/** All readers of one program. */
export interface Readers extends Disposable {
  /** Forgets the measurements; the position in the stream stays. */
  reset(): void;
  /** Whether the readers have every event up to this one. */
  hasAll(arrived: Pick<Arrived, 'first' | 'count'>): boolean;
  judge(arrived: Arrived): { readonly samples: readonly number[]; readonly correct: Correctness };
}
export interface FanOut {
  readonly events: number;
  /** Arguments of `emit` other than the number of events and the first one. */
  readonly emission: object;
  readonly arrivalMs: number;
  readonly subject: { readonly program: string; readonly path?: string };
  readonly peer: { readonly program: string; readonly path?: string };
  /** Arguments of the program's start. */
  readonly argument?: object;
  openReaders(url: string, side: 'subject' | 'peer'): Promise<Readers>;
}

export async function openFanOut(plan: FanOut): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const side = async (name: 'subject' | 'peer') => {
    const { program, path = '' } = plan[name];
    const folder = stack.use(await freshFolder());
    const child = stack.use(await startChild(program, { dataDir: folder.path, ...plan.argument }));
    const readers = stack.use(await plan.openReaders((await child.call<string>('listen')) + path, name));
    let first = 1;
    return async () => {
      const round = await takeRound(child, readers, { ...plan, first });
      first += plan.events;
      return round;
    };
  };
  const subject = await side('subject');
  const peer = await side('peer');
  const held = stack.move();
  return { subject, peer, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

type Plan = Pick<FanOut, 'events' | 'emission' | 'arrivalMs'> & { readonly first: number };

async function takeRound(child: Child, readers: Readers, plan: Plan): Promise<SideRound> {
  const { first, events: count, emission, arrivalMs } = plan;
  readers.reset();
  const load = watchGenerator();
  const from = monotonicMs();
  const { crc, cpuMs, rssMiB } = await child.call<Emitted>('emit', { ...emission, first, count });
  const deadline = performance.now() + arrivalMs;
  while (!readers.hasAll({ first, count }) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const generator = load.stop();
  return { ...readers.judge({ first, count, crc, from }), generator, cpuMs, rssMiB };
}
