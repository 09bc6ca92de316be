import { setImmediate as breath } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { type Emission, type Emitted, emitEach } from './emit.ts';

// Emits as fast as possible, in small batches with a pause for the network between them. Measures a server's maximum
// throughput.

export interface Burst {
  readonly first: number;
  readonly count: number;
  readonly bytes: number;
}

const atOnce = 10;

type Put = (n: number, text: string) => Promise<unknown> | undefined;

/** Emits at a fixed pace, or as fast as possible. */
export const emitAs = (plan: Burst | Emission, put: Put): Promise<Emitted> =>
  'everyMs' in plan ? emitEach(plan, put) : emitBurst(plan, put);

/** A text that begins with its number and is padded to the full size. */
export async function emitBurst({ first, count, bytes }: Burst, put: Put): Promise<Emitted> {
  const cpu = process.cpuUsage();
  let crc = 0;
  for (let sent = 0; sent < count; ) {
    const pending: (Promise<unknown> | undefined)[] = [];
    for (const last = Math.min(count, sent + atOnce); sent < last; sent++) {
      const text = `|${first + sent}|`.padEnd(bytes, '.');
      crc = crc32(text, crc);
      pending.push(put(first + sent, text));
    }
    await Promise.all(pending);
    await breath();
  }
  const { user, system } = process.cpuUsage(cpu);
  return { crc, cpuMs: (user + system) / 1_000, rssMiB: process.memoryUsage.rss() / 2 ** 20 };
}
