// Prints the end of a test run: the skipped tests with their reasons, then one line that a script can read.
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { isNightly, nightlyFiles } from './nightly.ts';

const isFailed = (module: TestModule) => module.state() === 'failed';
const testsOf = (module: TestModule) => [...module.children.allTests()];
const stateOf = (test: TestCase) => test.result().state;

/**
 * A test gives its reason with `context.skip('reason')`. `test.skipIf` cannot, so the file's name replaces the reason.
 */
function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return note ?? `no reason given (${test.module.relativeModuleId})`;
}

export function summary(modules: readonly TestModule[], unhandledErrors: number): string[] {
  const tests = modules.flatMap(testsOf);
  const skipped = tests.filter((test) => stateOf(test) === 'skipped');
  const passed = tests.filter((test) => stateOf(test) === 'passed').length;
  // a file that fails to load, or whose hook fails, has no failed test
  const brokenFiles = modules.filter(
    (module) => isFailed(module) && !testsOf(module).some((it) => stateOf(it) === 'failed'),
  );
  const failed = tests.filter((test) => stateOf(test) === 'failed').length + brokenFiles.length + unhandledErrors;

  const byReason = Map.groupBy(skipped, reasonOf);
  const lines = [...byReason].flatMap(([reason, those]) => [
    `  ${reason}`,
    ...those.slice(0, 5).map((test) => `    - ${test.fullName}`),
    ...(those.length > 5 ? [`    - … and ${those.length - 5} more`] : []),
  ]);
  return [
    ...(lines.length > 0 ? [`Skipped, and why:`, ...lines, ''] : []),
    [`${passed} passed`, `${failed} failed`, ...(skipped.length > 0 ? [`${skipped.length} skipped`] : [])].join(', '),
  ];
}

// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    if (!isNightly) console.log(`Only with TEST_NIGHTLY=1: ${nightlyFiles.join(', ')}.\n`);
    console.log(summary(modules, unhandledErrors.length).join('\n'));
  }
}
