import type { Readers } from './fan-out.ts';
import { addUp } from './measure.ts';
import { Subscriber } from './subscriber.ts';

/** So many subscribers in this process. A round's samples are their latencies. */
export async function subscribing(url: string, count: number): Promise<Readers> {
  using stack = new DisposableStack();
  const all: Subscriber[] = [];
  for (let n = 0; n < count; n++) all.push(stack.use(await Subscriber.open(url)));
  const held = stack.move();
  return {
    reset: () => {
      for (const one of all) one.reset();
    },
    hasAll: (round) => all.every(({ last }) => last >= round.first + round.count - 1),
    judge: ({ first, count: sent, crc }) => ({
      samples: all.flatMap(({ latencies }) => latencies),
      correct: addUp(all.map((one) => one.correct({ from: first - 1, to: first - 1 + sent, crc }))),
    }),
    [Symbol.dispose]: () => held.dispose(),
  };
}
