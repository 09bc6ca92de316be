import { crc32 } from 'node:zlib';
import { monotonicMs } from './generator.ts';

// Both sides of a fan-out emit the same events at the same pace. The text has its time and its number, padded to the
// full size.

export interface Emission {
  readonly first: number;
  readonly count: number;
  readonly everyMs: number;
  readonly bytes: number;
}
export interface Emitted {
  /** A checksum over the texts in order; every subscriber must have the same one. */
  readonly crc: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
}

/** Emits at a fixed pace, without waiting for the deliveries. */
export async function emitEach(
  { first, count, everyMs, bytes }: Emission,
  put: (n: number, text: string) => Promise<unknown> | undefined,
): Promise<Emitted> {
  const cpu = process.cpuUsage();
  const began = monotonicMs();
  const pending: (Promise<unknown> | undefined)[] = [];
  let crc = 0;
  for (let sent = 0; sent < count; sent++) {
    const wait = began + sent * everyMs - monotonicMs();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const text = stamped(first + sent, bytes);
    crc = crc32(text, crc);
    pending.push(put(first + sent, text));
  }
  await Promise.all(pending);
  const { user, system } = process.cpuUsage(cpu);
  return { crc, cpuMs: (user + system) / 1_000, rssMiB: process.memoryUsage.rss() / 2 ** 20 };
}

const stamped = (n: number, bytes: number) => `${monotonicMs().toFixed(4)}|${n}|`.padEnd(bytes, '.');
