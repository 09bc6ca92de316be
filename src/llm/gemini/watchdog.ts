import type { Clock } from '../../core/clock.ts';

interface Watchdog extends Disposable {
  /** Fires with the caller's signal, after too long a silence, and on dispose, so that nothing outlives the turn. */
  readonly signal: AbortSignal;
  rest(): void;
  wake(): void;
  bit(): boolean;
}

/** Fires after this many ms awake. */
export function watchdog({ clock, ms, signal }: { clock: Clock; ms: number; signal: AbortSignal }): Watchdog {
  const stop = new AbortController();
  const cancel = () => stop.abort();
  let bitten = false;
  const bite = () => {
    bitten = true;
    stop.abort();
  };
  let timer = clock.setTimeout(bite, ms);
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  return {
    signal: stop.signal,
    rest: () => clock.clearTimeout(timer),
    wake: () => {
      timer = clock.setTimeout(bite, ms);
    },
    bit: () => bitten,
    [Symbol.dispose]: () => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      stop.abort();
    },
  };
}
