import { AppError } from '../../../src/core/errors/errors.ts';

const maxRemembered = 1_000;

/**
 * Remembers stopped runs by tag. A request of such a run that was in flight during the stop, or that arrives later over
 * another connection, starts nothing. The newest 1,000 runs are remembered.
 */
export class StoppedRuns {
  readonly #tags = new Set<string>();

  add(tag: string): void {
    this.#tags.delete(tag);
    this.#tags.add(tag);
    const [oldest] = this.#tags;
    if (this.#tags.size > maxRemembered && oldest !== undefined) this.#tags.delete(oldest);
  }

  /** Throws conflict if the run was stopped. */
  check(tag: string | undefined): void {
    if (tag !== undefined && this.#tags.has(tag)) {
      throw new AppError('conflict', 'The run was stopped, so it cannot start anything else.');
    }
  }
}
