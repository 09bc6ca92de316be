import type { Clock } from '../contracts/clock.ts';
import { sleep, waitAtMost } from './cancel.ts';

interface Deps {
  /** Resolves with the delay in ms before the next round; undefined ends the loop. */
  readonly round: (signal: AbortSignal) => Promise<number | undefined>;
  /** Pauses in ms. `first` defaults to 0. `longest` also caps `failed`. */
  readonly restMs: { readonly first?: number; readonly longest: number; readonly failed: number };
  readonly clock: Clock;
  readonly warn: (about: { readonly err: unknown }, text: string) => void;
  readonly failure: string;
}

/** Waking the loop starts the next round immediately, or right after the current one. */
export class WorkLoop {
  readonly #deps: Deps;
  #wake = Promise.withResolvers<void>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  wake = (): void => {
    this.#wake.resolve();
  };

  /** Runs until the signal fires or no more work is due. */
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
      if (dueInMs === undefined) break;
      await rest(Math.min(dueInMs, restMs.longest));
    }
    signal.removeEventListener('abort', wake);
  }
}

interface Repeats {
  readonly clock: Clock;
  readonly firstMs?: number;
  readonly failedMs: number;
  readonly onError?: (thrown: unknown) => void;
}
export async function runWorkLoop(
  round: (signal: AbortSignal) => Promise<number | undefined>,
  { clock, firstMs, failedMs, onError = () => {} }: Repeats,
  signal: AbortSignal,
): Promise<void> {
  const restMs = {
    ...(firstMs !== undefined && { first: firstMs }),
    ...{ longest: Number.POSITIVE_INFINITY, failed: failedMs },
  };
  await new WorkLoop({ round, restMs, clock, warn: ({ err }) => onError(err), failure: '' }).run(signal);
}

interface Poll {
  readonly everyMs: number;
  readonly firstMs?: number;
  readonly clock?: Clock;
}
/** Rejects if `look` rejects, and with cancelled or deadline_exceeded when the signal fires. */
export async function poll<Answer>(
  look: () => Promise<Answer | undefined>,
  { everyMs, firstMs, clock }: Poll,
  signal: AbortSignal,
): Promise<Answer> {
  if (firstMs !== undefined) await sleep(firstMs, signal, clock);
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return answer;
    await sleep(everyMs, signal, clock);
  }
}

/** The first round starts after one interval. */
export async function runAtIntervals(
  work: (signal: AbortSignal) => Promise<unknown>,
  { everyMs, ...rest }: Pick<Repeats, 'clock' | 'onError'> & { readonly everyMs: number },
  signal: AbortSignal,
): Promise<void> {
  const round = async () => {
    await work(signal);
    return everyMs;
  };
  await runWorkLoop(round, { ...rest, firstMs: everyMs, failedMs: everyMs }, signal);
}
