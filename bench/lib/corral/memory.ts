import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Footprint {
  readonly pssKiB: number;
  readonly heapKiB: number;
}

/** The memory in use after a pause and full garbage collections, which return free pages. Needs --expose-gc. */
export async function footprint(restMs: number): Promise<Footprint> {
  if (!globalThis.gc) throw new Error('start this with --expose-gc');
  await pause(restMs / 2);
  await globalThis.gc({ execution: 'async', type: 'major', flavor: 'last-resort' });
  await pause(restMs / 2);
  await globalThis.gc({ execution: 'async', type: 'major', flavor: 'last-resort' });
  return { pssKiB: pssOf('self'), heapKiB: process.memoryUsage().heapUsed / 1024 };
}

/** A process's share of the memory: pages that several processes share count in part. In KiB. */
export const pssOf = (pid: number | 'self'): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);
