import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Footprint {
  readonly pssKiB: number;
  readonly heapKiB: number;
  readonly fds: number;
  readonly timers: number;
}

/**
 * The memory in use after a pause and full garbage collections, which return free pages to the system. Needs --expose-
 * gc.
 */
export async function footprint(restMs: number): Promise<Footprint> {
  if (!globalThis.gc) throw new Error('start this with --expose-gc');
  await pause(restMs / 2);
  await globalThis.gc({ execution: 'async', type: 'major', flavor: 'last-resort' });
  await pause(restMs / 2);
  await globalThis.gc({ execution: 'async', type: 'major', flavor: 'last-resort' });
  const pss = /^Pss:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'))?.[1];
  return {
    pssKiB: Number(pss),
    heapKiB: process.memoryUsage().heapUsed / 1024,
    fds: openFiles(process.pid),
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
  };
}

export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
