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
export function readPassedTests(): ReadonlyMap<
  string,
  { readonly names: ReadonlySet<string>; readonly isWhole: boolean }
> {
  const file = process.env.TEST_PASSED;
  if (!file) return new Map();
  const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  return new Map(
    testResults.flatMap(({ name, assertionResults }) => {
      const path = name.slice(name.lastIndexOf('/test/') + 1);
      const others = assertionResults.filter(({ status }) => status !== 'passed').map(nameOf);
      const names = new Set(assertionResults.map(nameOf)).difference(new Set(others));
      return path.startsWith(alwaysRun) ? [] : [[path, { names, isWhole: others.length === 0 }] as const];
    }),
  );
}
const nameOf = ({ ancestorTitles, title }: Report['testResults'][number]['assertionResults'][number]): string =>
  [...ancestorTitles, title].join(' > ');
