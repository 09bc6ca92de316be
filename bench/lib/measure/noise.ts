import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const block = Buffer.alloc(64 * 1024, 'corral');
const loopMs = 10;
const loops = 5;

function hashes(count: number): void {
  for (let n = 0; n < count; n++) createHash('sha256').update(block).digest();
}

/** The number of hashes in one loop on this machine, measured once. */
function calibrate(): number {
  hashes(50); // warm
  const from = performance.now();
  hashes(100);
  return Math.max(1, Math.round((loopMs * 100) / (performance.now() - from)));
}

/**
 * Times a fixed piece of work of about 50 ms, so a difference comes from the machine. The median of five ignores a
 * single delay.
 */
export function noiseSensor(): () => number {
  const count = calibrate();
  return () => {
    const times = Array.from({ length: loops }, () => {
      const from = performance.now();
      hashes(count);
      return performance.now() - from;
    });
    return times.sort((a, b) => a - b)[loops >> 1] as number;
  };
}

/** The share of the processor time since the first call that the hypervisor gave to other machines. */
export function stealSensor(): () => number {
  const read = () => {
    const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
    const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
    return { steal: ticks[7] ?? 0, total: ticks.reduce((sum, one) => sum + one, 0) };
  };
  const first = read();
  return () => {
    const { steal, total } = read();
    return total > first.total ? (steal - first.steal) / (total - first.total) : 0;
  };
}
