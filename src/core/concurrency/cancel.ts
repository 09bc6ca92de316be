import { type Clock, systemClock } from '../contracts/clock.ts';
import { AppError } from '../errors/errors.ts';

export const neverAbortingSignal: AbortSignal = Object.defineProperty(
  new AbortController().signal,
  'addEventListener',
  {
    value: () => {}, // the signal never fires, so listeners would only accumulate
  },
);

const sourcesOf = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * `AbortSignal.any`, but it cannot miss an abort. Node 24 holds the sources weakly and looks at them when the combined
 * signal is read: a source that aborts and is collected before that is never seen (nodejs/node issue 65995).
 */
export function combineSignals(sources: AbortSignal[]): AbortSignal {
  const combined = AbortSignal.any(sources);
  sourcesOf.set(combined, sources);
  return combined;
}

/** Throws deadline_exceeded after a timeout, and cancelled for any other abort. */
export function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const cause = signal.reason;
  const timedOut = cause instanceof DOMException && cause.name === 'TimeoutError';
  throw timedOut
    ? new AppError('deadline_exceeded', 'The operation took too long. Try again.', { cause })
    : new AppError('cancelled', 'The operation was cancelled.', { cause });
}

/** Rejects with cancelled or deadline_exceeded when the signal fires. The work continues. */
export async function raceAbort<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  work.catch(() => {}); // prevents an unhandled rejection after the signal has fired
  throwIfAborted(signal);
  const fired = Promise.withResolvers<void>();
  const fire = () => fired.resolve();
  signal.addEventListener('abort', fire, { once: true });
  try {
    const aborted = fired.promise.then((): never => {
      throwIfAborted(signal);
      throw new Error('unreachable: a signal that fired throws');
    });
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', fire);
  }
}

export async function sleep(ms: number, signal: AbortSignal, clock: Clock = systemClock): Promise<void> {
  throwIfAborted(signal);
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimeout(resolve, ms);
  const wake = () => resolve();
  signal.addEventListener('abort', wake, { once: true });
  await promise;
  clock.clearTimeout(timer);
  signal.removeEventListener('abort', wake);
  throwIfAborted(signal);
}

/** Settles with `work`, or resolves after `ms`. Does not cancel the work. */
export async function waitAtMost(ms: number, work: Promise<unknown>, clock: Clock = systemClock): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimeout(resolve, ms);
  await Promise.race([work, late]).finally(() => clock.clearTimeout(timer));
}

interface Deadline {
  readonly ms: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}
export async function runWithTimeout<Value>(
  { ms, clock, signal }: Deadline,
  work: (until: { readonly signal: AbortSignal }) => Promise<Value>,
): Promise<Value> {
  using until = createTimeoutSignal(ms, clock, signal);
  return await work(until);
}

/** Dispose the result to clear its timer. */
export function createTimeoutSignal(
  ms: number,
  clock: Clock,
  signal?: AbortSignal,
): Disposable & { readonly signal: AbortSignal } {
  const late = new AbortController();
  const timer = clock.setTimeout(() => late.abort(new DOMException('The time is up.', 'TimeoutError')), ms);
  return {
    signal: signal ? combineSignals([signal, late.signal]) : late.signal,
    [Symbol.dispose]: () => clock.clearTimeout(timer),
  };
}
