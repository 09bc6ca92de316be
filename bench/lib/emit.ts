import { crc32 } from 'node:zlib';
import { monotonicMs } from './generator.ts';

// Both sides of a fan-out put out the same events at the same pace; the text says when, which, and enough to fill it.

export interface Emission {
  readonly first: number;
  readonly count: number;
  readonly everyMs: number;
  readonly bytes: number;
}
export interface Emitted {
  /** Over the texts in order: what every subscriber must have got. */
  readonly crc: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
}

/** At a fixed pace, whether the last one has arrived or not. */
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
