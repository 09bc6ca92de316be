import type { TestContext } from 'vitest';

/** Whether to run tests that take minutes, or that stop components which other tests use. */
export const isNightly = process.env.TEST_NIGHTLY === '1';

/** Skips the test with a reason, except in a nightly run. */
export function onlyNightly(context: TestContext, why: string): void {
  if (!isNightly) context.skip(`${why}: with TEST_NIGHTLY=1`);
}
