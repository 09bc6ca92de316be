import { throwIfFired } from '../core/cancel.ts';

/**
 * Resolves with the work's value, or rejects with the signal's reason as soon as it fires. The work then continues, and
 * its result is ignored.
 */
export async function orGiveUp<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  work.catch(() => {});
  throwIfFired(signal);
  const fired = Promise.withResolvers<void>();
  const fire = () => fired.resolve();
  signal.addEventListener('abort', fire, { once: true });
  try {
    const first = await Promise.race([work.then((value) => ({ value })), fired.promise]);
    if (first) return first.value;
    throwIfFired(signal);
    throw new Error('unreachable: a signal that fired throws');
  } finally {
    signal.removeEventListener('abort', fire);
  }
}
