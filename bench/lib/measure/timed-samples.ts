import { monotonicMs } from './generator.ts';

/** The time of each of so many turns of the work, one after another, in ms. */
export async function timedSamples(times: number, work: () => Promise<unknown>): Promise<{ samples: number[] }> {
  const samples: number[] = [];
  for (let n = 0; n < times; n++) {
    const from = monotonicMs();
    await work();
    samples.push(monotonicMs() - from);
  }
  return { samples };
}
