import type { Clock } from '../contracts/clock.ts';
import { waitAtMost } from './cancel.ts';

interface Deps {
  /** Does the work that is due. Resolves with the time until something is due again, in ms. */
  readonly round: (signal: AbortSignal) => Promise<number>;
  /** Pauses in ms: before the first round (none if absent), the maximum between rounds, and after a failure. */
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
    const rest = (ms: number) => waitAtMost(ms, this.#wake.promise, clock);
    const wake = () => this.#wake.resolve();
    signal.addEventListener('abort', wake, { once: true });
    if (restMs.first !== undefined && !signal.aborted) await rest(restMs.first);
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers();
      const dueInMs = await round(signal).catch((thrown: unknown) => {
        if (!signal.aborted) warn({ err: thrown }, failure);
        return restMs.failed;
      });
      await rest(Math.min(dueInMs, restMs.longest));
    }
    signal.removeEventListener('abort', wake);
  }
}

interface Interval {
  readonly everyMs: number;
  readonly clock: Clock;
  /** Receives the failure of a round, after which the next one comes as usual. */
  readonly onError?: (thrown: unknown) => void;
}
/** Rounds at an interval, the first one after it, until the signal fires. */
export async function atIntervals(
  work: (signal: AbortSignal) => Promise<unknown>,
  { everyMs, clock, onError = () => {} }: Interval,
  signal: AbortSignal,
): Promise<void> {
  const round = async () => {
    await work(signal).catch((thrown: unknown) => {
      if (!signal.aborted) onError(thrown);
    });
    return everyMs;
  };
  const restMs = { first: everyMs, longest: everyMs, failed: everyMs };
  await new Rounds({ round, restMs, clock, warn: (_, text) => onError(text), failure: 'a round failed' }).run(signal);
}
