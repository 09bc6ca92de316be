import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Returns Pss in KiB after a pause and full garbage collections, which return free pages. Requires --expose-gc. */
export async function measurePssKiB(restMs: number): Promise<number> {
  if (!globalThis.gc) throw new Error('start this with --expose-gc');
  for (let n = 0; n < 2; n++) {
    await pause(restMs / 2);
    await globalThis.gc({ execution: 'async', type: 'major', flavor: 'last-resort' });
  }
  return readPssKiB('self');
}

export const readPssKiB = (pid: number | 'self'): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);

export const readResidentMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1_024;

/** Processor time in ms, with a resolution of 10 ms (the kernel's tick). */
export function readCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
