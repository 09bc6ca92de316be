import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Footprint {
  readonly pssKiB: number;
  readonly heapKiB: number;
  readonly fds: number;
  readonly timers: number;
}

/** After two collections and a rest, so that what is counted is what is kept. Needs --expose-gc. */
export async function footprint(restMs: number): Promise<Footprint> {
  if (!globalThis.gc) throw new Error('start this with --expose-gc');
  await pause(restMs / 2);
  await globalThis.gc({ execution: 'async', type: 'major' });
  await pause(restMs / 2);
  await globalThis.gc({ execution: 'async', type: 'major' });
  const pss = /^Pss:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'))?.[1];
  return {
    pssKiB: Number(pss),
    heapKiB: process.memoryUsage().heapUsed / 1024,
    fds: openFiles(process.pid),
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
  };
}

export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
