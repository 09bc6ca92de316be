import { expect, test } from 'vitest';
import { compileGlob, compileGlobs } from '../../../src/core/text/glob.ts';
import { processorMs } from '../../support/servers/processor-time.ts';

test.each([
  ['*.ts', 'a/b/main.ts', true],
  ['*.ts', 'main.tsx', false],
  ['main.?s', 'x/main.ts', true],
  ['[a-c]*', 'x/beta', true],
  ['[!a-c]*', 'beta', false],
  ['[]x]', ']', true],
  ['*.{ts,js}', 'x.js', true],
  ['{a,b}{1,2}', 'b2', true],
  ['\\*', '*', true],
  ['\\*', 'x', false],
  ['src/*.ts', 'src/main.ts', true],
  ['src/*.ts', 'src/deep/main.ts', false],
  ['src/**/*.ts', 'src/main.ts', true],
  ['src/**/*.ts', 'src/a/b/main.ts', true],
  ['**/x', 'x', true],
  ['./a/*', 'a/b', true],
  ['*', '.hidden', true],
  ['ü?', 'üß', true],
  ['', 'x', false],
])('%j against %j is %j', (glob, path, matches) => expect(compileGlob(glob)(path)).toBe(matches));

test('a path matches one of several patterns, and every path matches an empty list', () => {
  const expected = ['x.py', 'deep/y.js', '.eslintrc.json'];
  expect(['x.py', 'deep/y.js', '.eslintrc.json', 'z.md'].filter(compileGlobs(['*.py', '*.js*']))).toEqual(expected);
  expect(compileGlobs([])('x')).toBe(true);
});

test('a pattern made to be slow is not', async () => {
  const took = await processorMs(() => expect(compileGlob(`${'*a'.repeat(100)}b`)('a'.repeat(255))).toBe(false));
  expect(() => compileGlob('{a,b}'.repeat(30))).toThrow(/too many alternatives/);
  expect(took).toBeLessThan(500);
});
