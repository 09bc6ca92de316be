import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const block = Buffer.alloc(64 * 1024, 'corral');
const loopMs = 10;
const loops = 5;

function hashes(count: number): void {
  for (let n = 0; n < count; n++) createHash('sha256').update(block).digest();
}

/** How many hashes fill one loop on this machine, found once. */
function calibrate(): number {
  hashes(50); // warm
  const from = performance.now();
  hashes(100);
  return Math.max(1, Math.round((loopMs * 100) / (performance.now() - from)));
}

/** The same work each time, about 50 ms: what differs is the machine. The median of five forgives one hiccup. */
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

/** Of all processor time since the first call, the share that the host took for others. */
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
