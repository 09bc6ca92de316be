import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Footprint {
  readonly pssKiB: number;
  readonly heapKiB: number;
  /** Buffers, which are not on the heap. */
  readonly externalKiB: number;
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
  return {
    pssKiB: pssOf('self'),
    heapKiB: process.memoryUsage().heapUsed / 1024,
    externalKiB: process.memoryUsage().external / 1024,
    fds: openFiles(process.pid),
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
  };
}

/** A process's share of the memory: pages that several processes share count in part. In KiB. */
export const pssOf = (pid: number | 'self'): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);

export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
