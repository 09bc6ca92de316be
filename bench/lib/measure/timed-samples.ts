import { monotonicMs } from './generator.ts';

/** The time that the work takes, in ms. */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const from = monotonicMs();
  await work();
  return monotonicMs() - from;
}

/** The time of each of so many turns of the work, one after another, in ms. */
export async function timedSamples(times: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < times; n++) samples.push(await timeOf(work));
  return samples;
}
