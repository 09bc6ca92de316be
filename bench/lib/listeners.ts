import type { Arrived, Readers } from './fan-out.ts';
import { type Framing, Listener } from './listener.ts';
import { addUp, type Correctness } from './measure.ts';

/** So many listeners in this process. A round's sample is their deliveries a second. */
export async function listening(url: string, framing: Framing, subscribers: number): Promise<Readers> {
  using stack = new DisposableStack();
  const all: Listener[] = [];
  for (let n = 0; n < subscribers; n++) all.push(stack.use(await Listener.open(url, framing, n === 0)));
  const held = stack.move();
  return {
    reset: () => {
      for (const one of all) one.reset();
    },
    hasAll: ({ count }) => all.every(({ frames }) => frames >= count),
    judge: (round) => {
      const until = Math.max(...all.map(({ heardAt }) => heardAt));
      return {
        samples: [(round.count * subscribers * 1_000) / (until - round.from)],
        correct: correctOf(all as [Listener, ...Listener[]], round),
      };
    },
    [Symbol.dispose]: () => held.dispose(),
  };
}

/** Checks the witness by its texts, and the others by whether they have the same frames as the witness. */
function correctOf([witness, ...others]: [Listener, ...Listener[]], round: Arrived): Correctness {
  const { count } = round;
  return addUp([
    witness.correct(round),
    ...others.map(({ frames, crc }) => ({
      ...{ expected: count, received: frames, duplicated: Math.max(0, frames - count), reordered: 0 },
      lost: Math.max(0, count - frames) + (frames === count && crc !== witness.crc ? 1 : 0),
    })),
  ]);
}
