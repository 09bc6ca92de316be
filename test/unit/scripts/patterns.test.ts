// @module-tag all
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/stores/store.ts';

test('patterns that read a run again from each of its characters are refused, each with its line', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'sample.ts');
  const lines = [
    ...['const a = /\\s+$/;', 'const b = /(a+)+b/;', "const c = new RegExp('x*y');"],
    ...['const part = String.raw`\\d+`;', 'const d = RegExp(`${part}$`);'],
    ...["const e = new RegExp(['^a', '\\\\s*\\\\s*$'].join(''), 'u');", 'const f = new RegExp(`${a.source}|b`);'],
    "const g = new RegExp('a' + 'b+c+b+d');",
  ];
  writeFileSync(file, lines.join('\n'));
  const command = [resolve('scripts/check-patterns.ts'), file];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  expect(status).toBe(1);
  const reply = stderr
    .replaceAll(`${file}:`, '')
    .trim()
    .split('\n')
    .map((line) => line.replace(/^(\d+): .* is (\S+) in .*$/, '$1 $2'));
  expect(reply).toEqual([
    '1 super-linear',
    '2 exponential',
    ...['3', '5', '6', '7'].map((line) => `${line} super-linear`),
    ...reply.slice(6),
  ]);
});
