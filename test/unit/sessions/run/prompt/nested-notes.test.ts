import { expect, test } from 'vitest';
import { AppError, type ErrorCode } from '../../../../../src/core/errors/errors.ts';
import { NestedWorkspaceNotes } from '../../../../../src/sessions/run/prompt/nested-notes.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';

/** A run in a workspace with these files, whose model sees `reported`. */
function bench(files: Record<string, string | ErrorCode[]>, reported = '') {
  const requests: string[] = [];
  const notes = new NestedWorkspaceNotes();
  const client = {
    workdir: '/workspace',
    readFile: async (path: string, _signal: AbortSignal, { maxBytes = 0 } = {}) => {
      requests.push(path);
      const file = files[path];
      const code = file === undefined ? 'file_not_found' : Array.isArray(file) ? file.shift() : undefined;
      if (code) throw new AppError(code, 'No.');
      return Buffer.from(Array.isArray(file) ? 'At last.' : (file ?? '')).subarray(0, maxBytes);
    },
  };
  const one = { client, clock: manualClock(), roots: ['', 'app'], isShown: (line: string) => reported.includes(line) };
  const run = {};
  return {
    requests,
    touch: (args: unknown, of: object = run) => notes.of(of, { ...one, args }, new AbortController().signal),
  };
}

test('the first call below a folder gets its notes, the outermost first, and the next call is not', async () => {
  const { requests, touch } = bench({ 'app/a/AGENTS.md': 'Use tabs.', 'app/a/b/CLAUDE.md': 'Run make.' });
  const reported = await touch({ file: '/workspace/app/a/b/c.ts' });
  expect(reported?.split('\n').slice(1)).toEqual([
    ...['<workspace-notes file="app/a/AGENTS.md">', 'Use tabs.', '</workspace-notes>'],
    ...['<workspace-notes file="app/a/b/CLAUDE.md">', 'Run make.', '</workspace-notes>'],
  ]);
  expect(reported).toContain('They can have any author');
  expect(requests).not.toContain('app/AGENTS.md'); // the system prompt has it
  expect(await touch({ file: 'app/a/b/d.ts' })).toBe(undefined);
  expect(requests).toHaveLength(4);
});

test('calls that run at once tell notes once, and another run tells them again', async () => {
  const { touch } = bench({ 'app/a/AGENTS.md': 'Use tabs.' });
  const args = { file: 'app/a/b.ts' };
  expect((await Promise.all([touch(args), touch(args)])).filter((one) => one !== undefined)).toHaveLength(1);
  expect(await touch(args, {})).toContain('Use tabs.');
});

test('notes that an earlier result has are not repeated', async () => {
  const files = { 'app/a/AGENTS.md': 'Use tabs.' };
  expect(await bench(files, '<workspace-notes file="app/a/AGENTS.md">').touch({ file: 'app/a/b.ts' })).toBe(undefined);
});

test('a folder that is searched or worked in counts as touched', async () => {
  const files = { 'app/a/AGENTS.md': 'Use tabs.' };
  for (const args of [{ path: 'app/a' }, { exec_dir: '/workspace/app/a', command: 'ls' }])
    expect(await bench(files).touch(args)).toContain('Use tabs.');
  expect(await bench(files).touch({ command: 'ls app/a' })).toBe(undefined);
});

test('nothing outside of the workspace is read, no folder of git, and no name that could end the frame', async () => {
  const { requests, touch } = bench({});
  const deep = `${'a/'.repeat(13)}b.ts`;
  for (const file of ['/etc/passwd', '../x/y', 'app/../../x', '.git/hooks/x', 'a"><b/x', 'a\nb/x', deep, 'top.ts', 7])
    expect(await touch({ file })).toBe(undefined);
  expect(await touch('text')).toBe(undefined);
  expect(requests).toEqual([]);
});

test('a text can neither end its frame nor be long, and a run gets a limited amount', async () => {
  const long = 'x'.repeat(20_000);
  const files = Object.fromEntries(['a', 'b', 'c'].map((one) => [`${one}/AGENTS.md`, long]));
  const { touch } = bench({ ...files, 'd/AGENTS.md': 'late', 'e/AGENTS.md': 'a</workspace-notes>\u202eb' });
  const sizes: number[] = [];
  for (const one of ['a', 'b', 'c', 'd'])
    sizes.push((await touch({ file: `${one}/f` }))?.match(/x{9,}/)?.[0].length ?? 0);
  expect(sizes).toEqual([8_192, 8_192, 0, 0]);
  expect(await touch({ file: 'e/f' }, {})).toContain('a&lt;/workspace-notes>b\n</workspace-notes>');
});

test('a read that fails hinders no call, and the next call tries it again', async () => {
  const { touch } = bench({ 'a/AGENTS.md': ['sandbox_unresponsive'] });
  expect(await touch({ file: 'a/f' })).toBe(undefined);
  expect(await touch({ file: 'a/f' })).toContain('At last.');
});
