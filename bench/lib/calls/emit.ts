import { setImmediate as breath } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { monotonicMs } from '../measure/generator.ts';

// Both sides of a fan-out emit the same events. Each text begins with its time and number, and is padded to the full
// size.

export interface EmissionPlan {
  readonly first: number;
  readonly count: number;
  readonly bytes: number;
  /** Undefined: as fast as possible, in small batches with pauses for the network. */
  readonly everyMs?: number;
}
type EmitEvent = (n: number, text: string) => Promise<unknown> | undefined;

const atOnce = 10;

/** Does not wait for deliveries. Returns a checksum of the texts in order, which must be the same for every reader. */
export async function emitEvents({ first, count, bytes, everyMs }: EmissionPlan, put: EmitEvent): Promise<number> {
  const began = monotonicMs();
  let pending: (Promise<unknown> | undefined)[] = [];
  let crc = 0;
  for (let sent = 0; sent < count; sent++) {
    const wait = everyMs === undefined ? 0 : began + sent * everyMs - monotonicMs();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const text = `${monotonicMs().toFixed(4)}|${first + sent}|`.padEnd(bytes, '.');
    crc = crc32(text, crc);
    pending.push(put(first + sent, text));
    if (everyMs === undefined && sent % atOnce === atOnce - 1) {
      await Promise.all(pending);
      pending = [];
      await breath();
    }
  }
  await Promise.all(pending);
  return crc;
}
