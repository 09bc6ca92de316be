import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** The memory (Pss, KiB) in use after a pause and full collections, which return free pages. Needs --expose-gc. */
export async function footprint(restMs: number): Promise<number> {
  if (!globalThis.gc) throw new Error('start this with --expose-gc');
  for (let n = 0; n < 2; n++) {
    await pause(restMs / 2);
    await globalThis.gc({ execution: 'async', type: 'major', flavor: 'last-resort' });
  }
  return pssOf('self');
}

/** A process's share of the memory: pages that several processes share count in part. In KiB. */
export const pssOf = (pid: number | 'self'): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);
