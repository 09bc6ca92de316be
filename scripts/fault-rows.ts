// Reads the rows of docs/faults.md, the tests with their numbers, and the results of those tests.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export type TestLayer = 'S' | 'U' | 'C' | 'E' | 'N';
export type RowResult = 'passed' | 'failed' | 'skipped' | 'nightly' | 'not run';
export interface FaultRow {
  readonly number: number;
  readonly fault: string;
  readonly layers: readonly TestLayer[];
}
export interface FaultTest {
  readonly number: number;
  readonly layer: TestLayer;
  readonly file: string;
}
export interface TestResult extends FaultTest {
  readonly result: RowResult;
}

export function parseFaultRows(markdown: string): FaultRow[] {
  return [...markdown.matchAll(/^(\d+)\. \*\*(.+?)\*\*: .+ \(([SUCEN, ]+)\)$/gm)].map(
    ([, number, fault = '', layers = '']) => ({
      number: Number(number),
      fault,
      layers: layers.split(', ') as TestLayer[],
    }),
  );
}

function layerOf(file: string): TestLayer {
  if (file.includes('simulation/')) return 'S';
  if (file.startsWith('test/unit/')) return 'U';
  return file.startsWith('test/contract/') ? 'C' : 'E';
}

const numbersIn = (name: string): number[] => [...name.matchAll(/\bF(\d{3})\b/g)].map(([, number]) => Number(number));

/** All fault tests in the sources, even if they never ran. Counts numbers in test names, not in comments. */
export function findFaultTests(root: string): FaultTest[] {
  const patterns = ['test/{unit,wire,core,contract,job,page,cluster}/**/*.ts', 'test/support/simulation/suite.ts'];
  return globSync(patterns, { cwd: root }).flatMap((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    const names = [...source.matchAll(/^[^'"`\n]*?(?:test|describe|nightly|\[|\(|^\s*)[^'"`\n/]*(['"`])(.*)$/gm)];
    return names.flatMap(([, , name = '']) =>
      numbersIn(name).map((number) => ({ number, layer: layerOf(file), file })),
    );
  });
}

const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), tags: z.array(z.string()).default([]) }),
      ),
    }),
  ),
});
const results: Record<string, RowResult> = { passed: 'passed', failed: 'failed' };

export function parseTestResults(report: unknown): TestResult[] {
  return Report.parse(report).testResults.flatMap(({ name, assertionResults }) => {
    const file = name.slice(name.lastIndexOf('/test/') + 1);
    return assertionResults.flatMap(({ fullName, status, tags }) =>
      numbersIn(fullName).map((number) => ({
        number,
        file,
        layer: layerOf(file),
        result: results[status] ?? (tags.includes('nightly') ? 'nightly' : 'skipped'),
      })),
    );
  });
}

interface LayerOutcome {
  readonly layer: TestLayer;
  readonly written: boolean;
  readonly result: RowResult;
}

/**
 * A row fails if any of its tests fails, and otherwise passes if any passes: skipped tests are for other components. A
 * row with only nightly tests is `nightly` in other runs.
 */
export function computeRowOutcome(
  row: FaultRow,
  tests: readonly FaultTest[],
  ran: readonly TestResult[] | undefined,
): { layers: LayerOutcome[]; result: RowResult } {
  const layers = row.layers.map((layer): LayerOutcome => {
    // A nightly test can be in any folder; it is skipped in other runs.
    const isHere = (test: FaultTest) => test.number === row.number && (layer === 'N' || test.layer === layer);
    const found = (ran ?? []).filter(isHere).map(({ result }) => result);
    return { layer, written: tests.some(isHere), result: worst(found) };
  });
  return { layers, result: worst(layers.map(({ result }) => result)) };
}

const worst = (found: readonly RowResult[]): RowResult =>
  (['failed', 'passed', 'skipped', 'nightly'] as const).find((result) => found.includes(result)) ?? 'not run';
