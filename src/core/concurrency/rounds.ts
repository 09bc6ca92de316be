import type { Clock } from '../contracts/clock.ts';
import { waitAtMost } from './cancel.ts';

interface Deps {
  /** Does what is due. Resolves with the time until something is due again, in ms. */
  readonly round: (signal: AbortSignal) => Promise<number>;
  /** The rests in ms: before the first round (none if absent), the longest between two rounds, and the one after a failure. */
  readonly restMs: { readonly first?: number; readonly longest: number; readonly failed: number };
  readonly clock: Clock;
  readonly warn: (about: object, text: string) => void;
  /** The warning about a round that failed. */
  readonly failure: string;
}

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
    const { round, restMs, clock, warn, failure } = this.#deps;
    const fired = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => fired.resolve(), { once: true });
    const rest = (ms: number) => waitAtMost(ms, Promise.race([this.#wake.promise, fired.promise]), clock);
    if (restMs.first !== undefined && !signal.aborted) await rest(restMs.first);
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers();
      const dueInMs = await round(signal).catch((thrown: unknown) => {
        if (!signal.aborted) warn({ err: thrown }, failure);
        return restMs.failed;
      });
      await rest(Math.min(dueInMs, restMs.longest));
    }
  }
}
