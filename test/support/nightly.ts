import type { TestContext } from 'vitest';

/** Tests that take minutes, or stop what other tests use, run where this is asked for. */
export const isNightly = process.env.TEST_NIGHTLY === '1';

/** Skips the test everywhere else, and says why. */
export function onlyNightly(context: TestContext, why: string): void {
  if (!isNightly) context.skip(`${why}: with TEST_NIGHTLY=1`);
}
