import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Without `how`: a full collection. */
type Collect = (how?: {
  readonly type: 'major' | 'minor';
  readonly execution: 'sync';
  readonly flavor?: string;
}) => void;

/**
 * Collects garbage of this thread's heap; threads take no V8 options of their own. It keeps a context of its own alive, so
 * hold it only where it is used often.
 */
export function collector(): Collect {
  setFlagsFromString('--expose-gc'); // stays set: it is one for all threads, and another one may be about to use it
  return runInNewContext('gc') as Collect;
}

/** Collects all garbage of this thread's heap at once, and gives the memory back to the system. */
export const collectGarbage = (): void => collector()({ type: 'major', execution: 'sync', flavor: 'last-resort' });

const passedBytes = 8 * 1024 * 1024;
let passed = 0;
let collect: Collect | undefined;

/**
 * Collects short-lived objects after each 8 MiB of chunks that were read and passed on. They are buffers outside of the
 * heap, of which the engine else lets 32 MiB and more pile up. Takes 1 to 2 ms.
 */
export function chunkPassed(bytes: number): void {
  passed += bytes;
  if (passed < passedBytes) return;
  passed = 0;
  collect ??= collector();
  collect({ type: 'minor', execution: 'sync' });
}
