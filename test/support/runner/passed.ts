import { readFileSync } from 'node:fs';

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly ancestorTitles: readonly string[];
      readonly title: string;
    }[];
  }[];
}

/** The process driver does other things for root than for other users. */
const alwaysRun = 'test/contract/drivers/process-';

/**
 * Reads the JSON report of another run, which `TEST_PASSED` names: the tests that passed there, by file. `.ci/run` runs each
 * test once; only those of the process driver run with and without root. A name counts only if all tests of that name passed.
 */
function readPassedTests(): ReadonlyMap<string, { readonly names: ReadonlySet<string>; readonly isWhole: boolean }> {
  const file = process.env.TEST_PASSED;
  if (!file) return new Map();
  const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  return new Map(
    testResults.flatMap(({ name, assertionResults }) => {
      const path = toTestPath(name);
      const others = assertionResults.filter(({ status }) => status !== 'passed').map(nameOf);
      const names = new Set(assertionResults.map(nameOf)).difference(new Set(others));
      return path.startsWith(alwaysRun) ? [] : [[path, { names, isWhole: others.length === 0 }] as const];
    }),
  );
}
const nameOf = ({ ancestorTitles, title }: Report['testResults'][number]['assertionResults'][number]): string =>
  [...ancestorTitles, title].join(' > ');

/** From `test/` on: runs in other clones have other roots. */
export const toTestPath = (file: string): string => file.slice(file.lastIndexOf('/test/') + 1);

/** Read once in each process: the setup file runs before each test file. */
export const passedTests = readPassedTests();
