import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-names-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function check(text: string) {
  const file = join(folder, 'sample.ts');
  writeFileSync(file, text);
  const { status, stderr } = spawnSync(process.execPath, [resolve('scripts/check-names.ts'), file], {
    encoding: 'utf8',
  });
  return { status, stderr };
}

test.each([
  ['export interface Wanted {}', 'Wanted: a type is a noun of the field'],
  ['export type Place = string;', 'Place: a type is a noun of the field'],
  ['export class Turns {}', 'Turns: a type is a noun of the field'],
  ['export interface Actor {}', 'Actor: who calls is a Principal'],
  ['interface Wish {}', 'Wish: a type is a noun of the field'],
  ['type Parts = string;', 'Parts: a type is a noun of the field'],
  ['export const letGo = () => {};', 'letGo: a function is a verb with its object'],
  ['export async function told() {}', 'told: a function is a verb with its object'],
  ['export const mostRows = 5;', 'mostRows: a limit begins with max'],
  ['export const sampleDialect = {};', 'sampleDialect: one API of the server is a facade'],
])('%s is refused', (text, why) => expect(check(text)).toEqual({ status: 1, stderr: expect.stringContaining(why) }));

test('nouns of the field, verbs with objects, and functions that no other file sees pass', () => {
  const text =
    'export interface Lease {}\nexport function acquireSlot() {}\nexport const maxRows = 5;\nfunction told() {}\n';
  expect(check(text)).toEqual({ status: 0, stderr: '' });
});

test('the glossary has at most 60 words, and each stands there once', () => {
  const rows = readFileSync('docs/concepts.md', 'utf8').matchAll(/^\| \*\*(.+?)\*\* \|/gm);
  const glossary = [...rows].flatMap(([, words = '']) => words.split(', '));
  expect(glossary.length).toBeGreaterThan(40);
  expect(glossary.length).toBeLessThanOrEqual(60);
  expect(new Set(glossary).size).toBe(glossary.length);
});
