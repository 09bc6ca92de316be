import type { Clock } from '../../core/contracts/clock.ts';

export interface Watchdog extends Disposable {
  /** Fires with the caller's signal, after too long a silence, and on disposal, so that nothing outlives the turn. */
  readonly signal: AbortSignal;
  rest(): void;
  wake(): void;
  /** Restarts the timer, unless the watchdog is paused. */
  touch(): void;
  bit(): boolean;
}

/** Creates a watchdog that fires after `ms` milliseconds of silence, unless it is paused. */
export function createWatchdog({ clock, ms, signal }: { clock: Clock; ms: number; signal: AbortSignal }): Watchdog {
  const stop = new AbortController();
  const cancel = () => stop.abort();
  let bitten = false;
  const bite = () => {
    bitten = true;
    stop.abort();
  };
  let timer = clock.setTimeout(bite, ms);
  let isAwake = true;
  const rest = () => {
    isAwake = false;
    clock.clearTimeout(timer);
  };
  const wake = () => {
    isAwake = true;
    timer = clock.setTimeout(bite, ms);
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  return {
    signal: stop.signal,
    rest,
    wake,
    touch: () => {
      if (!isAwake) return;
      rest();
      wake();
    },
    bit: () => bitten,
    [Symbol.dispose]: () => {
      rest();
      signal.removeEventListener('abort', cancel);
      stop.abort();
    },
  };
}
