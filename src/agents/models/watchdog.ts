import type { Clock } from '../../core/contracts/clock.ts';

export interface Watchdog extends Disposable {
  /** Also aborts on disposal, so that nothing outlives the turn. */
  readonly signal: AbortSignal;
  rest(): void;
  wake(): void;
  touch(): void;
  bit(): boolean;
}

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
