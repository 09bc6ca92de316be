import type { Clock } from '../core/contracts/clock.ts';

interface Deps {
  /** Does what is due. Resolves with the time until something is due again, in ms. */
  readonly round: (signal: AbortSignal) => Promise<number>;
  /** Whether other servers change the records too. */
  readonly shared: boolean;
  readonly clock: Clock;
  readonly warn: (about: object, text: string) => void;
  /** The warning about a round that failed. */
  readonly failure: string;
}

/** The longest pause between two rounds, and the pause after a failure or on a server that does not lead. */
export const lookMs = { shared: 2_000, alone: 60_000 } as const;

/** Rounds of work, one after another. A wake begins the next one at once, also a wake during a round. */
export class Rounds {
  readonly #deps: Deps;
  #wake = Promise.withResolvers<void>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  wake = (): void => {
    this.#wake.resolve();
  };

  /** Runs until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { round, shared, clock, warn, failure } = this.#deps;
    const fired = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => fired.resolve(), { once: true });
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers();
      const restMs = await round(signal).catch((thrown: unknown) => {
        if (!signal.aborted) warn({ err: thrown }, failure);
        return lookMs.shared;
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = clock.setTimeout(resolve, Math.min(restMs, shared ? lookMs.shared : lookMs.alone));
      await Promise.race([promise, this.#wake.promise, fired.promise]);
      clock.clearTimeout(timer);
    }
  }
}
