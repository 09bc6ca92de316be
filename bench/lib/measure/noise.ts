import { createHash } from 'node:crypto';

const block = Buffer.alloc(64 * 1024, 'corral');
const loopMs = 10;
const loops = 5;

function hashes(count: number): void {
  for (let n = 0; n < count; n++) createHash('sha256').update(block).digest();
}

function calibrate(): number {
  hashes(50); // warm
  const from = performance.now();
  hashes(100);
  return Math.max(1, Math.round((loopMs * 100) / (performance.now() - from)));
}

/**
 * Times a fixed piece of work of about 50 ms, so that differences come from the machine. The median of five ignores a
 * single delay.
 */
export function createNoiseSensor(): () => number {
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
