import { aroundEach, type TestContext } from 'vitest';
import { lastWaitMs, msLeft } from './time-left.ts';

/** Skips the test. Vitest drops the reason of a skip around a test, so it is written down first. */
function skipBecause({ skip, task }: Pick<TestContext, 'skip' | 'task'>, reason: string): never {
  Object.assign(task.result ?? {}, { note: reason });
  return skip(reason);
}

// The run has to end, so tests that would start later are skipped, and so is a test that is still waiting a little later.
// The report names them.
aroundEach(async (runTest, { skip, task }) => {
  if (msLeft() < 0) {
    if (task.result?.retryCount) throw new Error('It failed, and no time was left to try it again (TEST_UNTIL).');
    skipBecause({ skip, task }, 'no time was left in this run: TEST_UNTIL');
  }
  const late = Promise.withResolvers<'late'>();
  const left = msLeft() + lastWaitMs;
  const timer = Number.isFinite(left) ? setTimeout(late.resolve, left, 'late') : undefined;
  const ended = await Promise.race([runTest(), late.promise]);
  clearTimeout(timer);
  if (ended === 'late') skipBecause({ skip, task }, 'still at work when no time was left in this run: TEST_UNTIL');
});
