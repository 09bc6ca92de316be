// Prints the end of a test run: the skipped tests with their reasons, the failed ones with their first message, what was
// tried where, then one line that a script can read.
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';
import { taggedFiles } from './tagged-files.ts';

const fileOf = ({ relativeModuleId }: TestModule) => `  ${relativeModuleId}`;
const failure = (test: TestCase): string =>
  `${fileOf(test.module)} > ${test.fullName}: ${test.result().errors?.[0]?.message.split('\n', 1)[0] ?? ''}`;
const isFailed = (module: TestModule) => module.state() === 'failed';
const testsOf = (module: TestModule) => [...module.children.allTests()];
const stateOf = (test: TestCase) => test.result().state;

/** The reason of `context.skip('reason')`. `skipIf` has none, so it is in the name: `(needs …)`, `needs …`, or `skipped, …`. */
function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  const named = /\((needs [^)]*)\)|\bskipped,? ([^)>]*)|> (needs .*)$/.exec(test.fullName);
  return note ?? named?.[1] ?? named?.[2]?.trim() ?? named?.[3] ?? `no reason (${test.module.relativeModuleId})`;
}

/** Where a person's work can happen, and the tests that show it there. */
const places: readonly (readonly [label: string, shows: (test: TestCase) => boolean, missing: string])[] = [
  ['process', ({ fullName, module }) => isIn(module, 'job') && /\bprocess\b/.test(fullName), 'no bubblewrap'],
  ['Docker', ({ fullName, module }) => isIn(module, 'job') && /\bdocker\b/i.test(fullName), 'no engine'],
  ['page', ({ module }) => isIn(module, 'page'), 'no Chromium'],
  ['MongoDB', ({ fullName, module }) => isIn(module, 'contract') && /\bmongo/i.test(fullName), 'no TEST_MONGODB_URL'],
];
const isIn = ({ relativeModuleId }: TestModule, folder: string) => relativeModuleId.startsWith(`test/${folder}/`);

/** One line for a reader who does not know the tests: where the main job was tried, and why not elsewhere. */
function mainJob(tests: readonly TestCase[]): string[] {
  const parts = places.flatMap(([label, shows, missing]) => {
    const states = tests.filter(shows).map(stateOf);
    if (states.length === 0) return [];
    if (states.includes('failed')) return `${label} ✗`;
    return states.includes('passed') ? `${label} ✓` : `${label} – (${missing})`;
  });
  return parts.length > 0 ? [`main job: ${parts.join('  ')}`] : [];
}

function summary(
  modules: readonly TestModule[],
  unhandledErrors: number,
  left: ReadonlySet<string>,
  isWhole: boolean,
): string[] {
  const all = modules.flatMap(testsOf);
  const isLeft = (test: TestCase) => stateOf(test) === 'skipped' && test.tags.some((tag) => left.has(tag));
  const tests = all.filter((test) => !isLeft(test));
  const skipped = isWhole ? tests.filter((test) => stateOf(test) === 'skipped') : [];
  const passed = tests.filter((test) => stateOf(test) === 'passed').length;
  // A file that fails to load, or whose hook fails, has no failed test.
  const brokenFiles = modules.filter(
    (module) => isFailed(module) && !testsOf(module).some((it) => stateOf(it) === 'failed'),
  );
  const failures = tests.filter((test) => stateOf(test) === 'failed');
  const failed = failures.length + brokenFiles.length + unhandledErrors;

  const files = taggedFiles(process.argv).length;
  const byReason = Map.groupBy(skipped, reasonOf);
  const lines = [...byReason].flatMap(([reason, those]) => [
    `  ${reason}`,
    ...those.slice(0, 5).map((test) => `    - ${test.fullName}`),
    ...(those.length > 5 ? [`    - … and ${those.length - 5} more`] : []),
  ]);
  return [
    ...(lines.length > 0 ? ['Skipped, and why:', ...lines, ''] : []),
    ...(failed > 0 ? ['Failed:', ...failures.map(failure), ...brokenFiles.map(fileOf), ''] : []),
    ...(files + all.length > tests.length
      ? [
          `Left to the runs with their tag (${[...left].join(', ')}): ${files} files and ${all.length - tests.length} tests.`,
        ]
      : []),
    ...mainJob(tests),
    [`${passed} passed`, `${failed} failed`, ...(skipped.length > 0 ? [`${skipped.length} skipped`] : [])].join(', '),
  ];
}

// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export
export default class SummaryReporter implements Reporter {
  private left: ReadonlySet<string> = new Set();
  /** False: the person named tests, so the rest of their files is not reported. */
  private isWhole = true;
  onInit({ config }: Vitest): void {
    this.isWhole = config.testNamePattern === undefined;
    this.left = new Set(config.tagsFilter?.map((filter) => filter.replace(/^!/, '')));
  }
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    console.log(summary(modules, unhandledErrors.length, this.left, this.isWhole).join('\n'));
  }
}
