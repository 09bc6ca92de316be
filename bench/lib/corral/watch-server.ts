import { renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

// Loaded into a server by a series: writes its processor time and memory once a second. SIGUSR2 begins a new measurement.

export interface ServerLoad {
  readonly cpuMs: number;
  readonly rssMiB: number;
}
const { BENCH_WATCH: file } = process.env;

if (isMainThread && file !== undefined) {
  let cpu = process.cpuUsage();
  process.on('SIGUSR2', () => {
    cpu = process.cpuUsage();
  });
  setInterval(() => {
    const { user, system } = process.cpuUsage(cpu);
    const watched: ServerLoad = { cpuMs: (user + system) / 1_000, rssMiB: process.memoryUsage.rss() / 2 ** 20 };
    writeFileSync(`${file}.new`, JSON.stringify(watched));
    renameSync(`${file}.new`, file); // its reader never sees half of it
  }, 1_000).unref();
}
