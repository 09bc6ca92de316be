import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { GeneratorLoad } from './measure.ts';

const resolution = 1; // ms

export function watchGenerator(): { stop(): GeneratorLoad } {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  const cpu = process.cpuUsage();
  const from = performance.now();
  return {
    stop() {
      delay.disable();
      const { user, system } = process.cpuUsage(cpu);
      const ms = performance.now() - from;
      const late = delay.count > 0 ? delay.percentile(99) / 1e6 - resolution : 0;
      return { cpuShare: (user + system) / 1_000 / ms, loopP99Ms: Math.max(0, late) };
    },
  };
}

/** CLOCK_MONOTONIC. All processes of one host share it, so their times can be compared directly. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export async function measureMs(work: () => Promise<unknown>): Promise<number> {
  const from = monotonicMs();
  await work();
  return monotonicMs() - from;
}

export async function measureSamples(times: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < times; n++) samples.push(await measureMs(work));
  return samples;
}
