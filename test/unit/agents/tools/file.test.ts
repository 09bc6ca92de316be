import { describe, expect, test } from 'vitest';
import {
  fileFindByName,
  fileFindInContent,
  fileRead,
  fileReplace,
  fileWrite,
} from '../../../../src/agents/tools/file.ts';
import { toolBench } from '../../../support/agents/tools.ts';

function workspace(files: Record<string, string | Uint8Array>) {
  const bench = toolBench();
  for (const [name, content] of Object.entries(files))
    bench.sandbox.files.set(`/workspace/${name}`, Buffer.from(content as string));
  return { ...bench, text: (name: string) => bench.sandbox.files.get(`/workspace/${name}`)?.toString() };
}

describe('file_read', () => {
  test('gives the lines requested', async () => {
    const { run } = workspace({ 'a.txt': 'one\ntwo\nthree\nfour' });
    const expected = { ok: true, output: 'two\nthree' };
    expect(await run(fileRead, { file: 'a.txt', start_line: 2, end_line: 3 })).toMatchObject(expected);
  });

  test('says what a file is that is not text', async () => {
    const { run } = workspace({ 'a.bin': Uint8Array.of(1, 0, 2) });
    expect(await run(fileRead, { file: 'a.bin' })).toMatchObject({ ok: false, reason: 'refused' });
  });
});

test.each([
  ['what was there before', { 'a.txt': 'old' }, 'new', 'old'],
  ['that a new file had nothing before', {}, '', null],
])('file_write shows what is there now and %s', async (_, files, content, oldContent) => {
  const { run, text } = workspace(files);
  expect(await run(fileWrite, { file: '/workspace/a.txt', content })).toMatchObject({
    content: { content, oldContent },
  });
  expect(text('a.txt')).toBe(content);
});

describe('file_str_replace', () => {
  test('replaces the one piece, and takes dollar signs as they are', async () => {
    const { run, text } = workspace({ 'a.txt': 'price: 5' });
    expect(await run(fileReplace, { file: 'a.txt', old_str: '5', new_str: '$& $1' })).toMatchObject({ ok: true });
    expect(text('a.txt')).toBe('price: $& $1');
  });

  test.each([
    ['nowhere', 'not_found'],
    ['a', 'refused'],
  ])('leaves the file alone when %s is not in it exactly once', async (old_str, reason) => {
    const { run, text } = workspace({ 'a.txt': 'banana' });
    expect(await run(fileReplace, { file: 'a.txt', old_str, new_str: '' })).toMatchObject({ ok: false, reason });
    expect(text('a.txt')).toBe('banana');
  });

  test('a file that is too long to be held is not cut by an edit', async () => {
    const { run, text } = workspace({ 'big.txt': `x${'a'.repeat(10 * 1024 * 1024)}` });
    const edited = run(fileReplace, { file: 'big.txt', old_str: 'x', new_str: '' });
    await expect(edited).rejects.toMatchObject({ code: 'payload_too_large' });
    expect(text('big.txt')).toMatch(/^x/);
  });
});

test('finding in content names file and line', async () => {
  const { run } = workspace({ 'a.txt': 'one\ntwo' });
  const { output } = await run(fileFindInContent, { file: 'a.txt', regex: '^tw' });
  expect(output).toBe('/workspace/a.txt:2: two');
});

test('finding nothing by name is an answer, not a failure', async () => {
  const { run } = workspace({ 'a.txt': '' });
  const expected = { ok: true, output: 'Nothing matches.' };
  expect(await run(fileFindByName, { path: '.', glob: '*.py' })).toMatchObject(expected);
});
