import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { proseOf } from '../../../scripts/prose.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-prose-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function check(text: string, name = 'sample.ts') {
  const file = join(folder, name);
  writeFileSync(file, text);
  const { status, stderr } = spawnSync(process.execPath, [resolve('scripts/check-prose.ts'), file], {
    encoding: 'utf8',
  });
  return { status, stderr };
}

test.each([
  ['/** It is gone by then. */', 'begins with a pronoun'],
  ['// What the caller waits for.', 'its subject is "what", "who" or "that"'],
  ['/** The lease. Whoever holds it writes. */', 'its subject is "what", "who" or "that"'],
  ['/** Of one message. */', 'begins with "Of", "As" or "For"'],
  [`const a = 1; ${'//'} taken anew`, 'an old or translated word'],
  [`// The owner ${'writes and '.repeat(25)}ends.`, 'more than 40 words'],
])('%s breaks a rule', (text, why) => expect(check(text)).toEqual({ status: 1, stderr: expect.stringContaining(why) }));

test('a plain comment passes, and code and strings are no prose', () => {
  const text =
    "/** The owner's lease. Rejects: fenced. */\nconst url = 'http://what.example';\n// The caller retries.\n";
  expect(check(text)).toEqual({ status: 0, stderr: '' });
});

test('the example of a docstring is code, and the next comment is read again', () => {
  const text = '/**\n * The lease.\n *\n * @example\n * Whoever(holds).it;\n */\nconst a = 1;\n';
  expect(check(text)).toEqual({ status: 0, stderr: '' });
  expect(check(`${text}${'//'} Whoever holds it writes.\n`).status).toBe(1);
});

test('a document is read outside of its code blocks, headings and tables', () => {
  const text =
    '# What it is\n\nThe server starts.\n\n    What a command prints\n\n| Who | What |\n\n```\nWho goes\n```\n';
  expect(check(text, 'page.md')).toEqual({ status: 0, stderr: '' });
  expect(check('What it is.\n', 'page.md').status).toBe(1);
});

test('lines of one comment are one text, with the line it begins on', () => {
  const found = proseOf('a.ts', 'a();\n// The first line goes on\n// here. The second sentence.\nb(); // Another one.');
  expect(found).toEqual([
    { line: 2, text: 'The first line goes on here.', isFirst: true },
    { line: 2, text: 'The second sentence.', isFirst: false },
    { line: 4, text: 'Another one.', isFirst: true },
  ]);
});
