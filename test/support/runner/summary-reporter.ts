// Prints the end of a test run: the skipped tests with their reasons, everything that failed with its first message, what was
// tried where, then one line that a script can read. `.reports/summary.json` has the same counts and failures, for `.ci/run`.
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from 'vitest/node';
import { taggedFiles } from './tagged-files.ts';

const reason = ([error]: readonly { message: string; stack?: string }[] = [], lines = 1): string =>
  (error && lines > 1 ? (error.stack ?? error.message) : (error?.message ?? '')).split('\n', lines).join(' | ');
const failure = (test: TestCase): string =>
  `${test.module.relativeModuleId} > ${test.fullName}: ${reason(test.result().errors)}`;
/** The errors of a file outside of its tests: from its loading, or from a hook. */
const errorsOf = (module: TestModule) => [
  ...module.errors(),
  ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
];
/** Whether the file itself failed: it has an error of its own, or is failed without a failed test. */
const isBroken = (module: TestModule) =>
  errorsOf(module).length > 0 ||
  (module.state() === 'failed' && !testsOf(module).some((test) => stateOf(test) === 'failed'));
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

interface Summary {
  passed: number;
  failed: number;
  failures: string[];
}

function summary(
  modules: readonly TestModule[],
  unhandledErrors: readonly SerializedError[],
  left: ReadonlySet<string>,
  isWhole: boolean,
): Summary & { lines: string[] } {
  const all = modules.flatMap(testsOf);
  const isLeft = (test: TestCase) => stateOf(test) === 'skipped' && test.tags.some((tag) => left.has(tag));
  const tests = all.filter((test) => !isLeft(test));
  const skipped = isWhole ? tests.filter((test) => stateOf(test) === 'skipped') : [];
  const passed = tests.filter((test) => stateOf(test) === 'passed').length;
  const failures = [
    ...tests.filter((test) => stateOf(test) === 'failed').map(failure),
    ...modules.filter(isBroken).map((module) => `${module.relativeModuleId}: ${reason(errorsOf(module), 4)}`),
    ...unhandledErrors.map((error) => `unhandled, outside of any test: ${reason([error], 4)}`),
  ];

  const files = taggedFiles(process.argv).length;
  const byReason = Map.groupBy(skipped, reasonOf);
  const reasons = [...byReason].flatMap(([reason, those]) => [
    `  ${reason}`,
    ...those.slice(0, 5).map((test) => `    - ${test.fullName}`),
    ...(those.length > 5 ? [`    - … and ${those.length - 5} more`] : []),
  ]);
  const counts = [`${passed} passed`, `${failures.length} failed`];
  const lines = [
    ...(reasons.length > 0 ? ['Skipped, and why:', ...reasons, ''] : []),
    ...(failures.length > 0 ? ['Failed:', ...failures.map((it) => `  ${it}`), ''] : []),
    ...(files + all.length > tests.length
      ? [
          `Left to the runs with their tag (${[...left].join(', ')}): ${files} files and ${all.length - tests.length} tests.`,
        ]
      : []),
    ...mainJob(tests),
    [...counts, ...(skipped.length > 0 ? [`${skipped.length} skipped`] : [])].join(', '),
  ];
  return { passed, failed: failures.length, failures, lines };
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
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const { lines, ...counts } = summary(modules, unhandledErrors, this.left, this.isWhole);
    mkdirSync('.reports', { recursive: true });
    writeFileSync('.reports/summary.json', JSON.stringify(counts));
    console.log(lines.join('\n'));
  }
}
