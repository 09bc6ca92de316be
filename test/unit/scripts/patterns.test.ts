// @module-tag all
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/stores/store.ts';

function check(lines: readonly string[]) {
  using folder = temporaryFolder();
  const file = join(folder.path, 'sample.ts');
  writeFileSync(file, lines.join('\n'));
  const { status, stderr } = spawnSync(process.execPath, [resolve('scripts/check-patterns.ts'), file], {
    encoding: 'utf8',
  });
  return { status, stderr: stderr.replaceAll(`${file}:`, '') };
}

test('patterns that read a run again from each of its characters are refused, each with its line', () => {
  const { status, stderr } = check([
    ...['const a = /\\s+$/;', 'const b = /(a+)+b/;', "const c = new RegExp('x*y');"],
    ...['const part = String.raw`\\d+`;', 'const d = RegExp(`${part}$`);'],
    ...["const e = new RegExp(['^a', '\\\\s*\\\\s*$'].join(''), 'u');", 'const f = new RegExp(`${a.source}|b`);'],
    "const g = new RegExp('a' + 'b+c+b+d');",
  ]);
  expect(status).toBe(1);
  const reply = stderr
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

test('patterns that read each character a bounded number of times pass', () => {
  const lines = [
    ...['const a = /^\\s+/;', 'const b = /\\d{1,9}x/g;', 'declare const name: string;', 'RegExp(`^a${name}$`);'],
  ];
  expect(check(lines)).toEqual({ status: 0, stderr: '' });
});
