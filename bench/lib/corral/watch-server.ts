import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

// Loaded into a server by a series: writes how late its event loop was, and its processor time and memory, once a second.
// SIGUSR2 begins a new measurement.

export interface ServerLoad {
  readonly loopP99Ms: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
}
const { BENCH_WATCH: file } = process.env;
const resolution = 1;

if (isMainThread && file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  let cpu = process.cpuUsage();
  process.on('SIGUSR2', () => {
    delay.reset();
    cpu = process.cpuUsage();
  });
  setInterval(() => {
    const { user, system } = process.cpuUsage(cpu);
    const loopP99Ms = Math.max(0, delay.percentile(99) / 1e6 - resolution);
    const watched: ServerLoad = {
      loopP99Ms,
      cpuMs: (user + system) / 1_000,
      rssMiB: process.memoryUsage.rss() / 2 ** 20,
    };
    writeFileSync(`${file}.new`, JSON.stringify(watched));
    renameSync(`${file}.new`, file); // its reader never sees half of it
  }, 1_000).unref();
}
