import { AppError } from '../../../src/core/errors/errors.ts';

const maxRemembered = 1_000;

/**
 * Remembers the newest 1,000 stopped runs by tag, so that none of their requests starts anything, even if it was in
 * flight during the stop or arrives later over another connection.
 */
export class StoppedRuns {
  readonly #tags = new Set<string>();

  add(tag: string): void {
    this.#tags.delete(tag);
    this.#tags.add(tag);
    const [oldest] = this.#tags;
    if (this.#tags.size > maxRemembered && oldest !== undefined) this.#tags.delete(oldest);
  }

  check(tag: string | undefined): void {
    if (tag !== undefined && this.#tags.has(tag)) {
      throw new AppError('conflict', 'The run was stopped, so it cannot start anything else.');
    }
  }
}
