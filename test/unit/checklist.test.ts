import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checklist } from '../support/checklist.ts';
import { nightlyFiles } from '../support/runner/nightly.ts';

test("the new user's checklist has thirty steps, and each has a test", () => {
  expect(checklist).toHaveLength(30);
  expect(new Set(checklist.map(({ step }) => step)).size).toBe(30);
  const missing = checklist.filter(({ file, test }) => {
    const source = readFileSync(file, 'utf8');
    return nightlyFiles.includes(file) || !["'", '"', '`', '} '].some((before) => source.includes(before + test));
  });
  expect(missing).toEqual([]);
});

test('a step that is tested in the checklist itself has its number', () => {
  const own = checklist.flatMap(({ file, test }, at) => (file.endsWith('/checklist.test.ts') ? [[at + 1, test]] : []));
  expect(own.filter(([number, test]) => !String(test).startsWith(`${number} `))).toEqual([]);
});
