import { expect, test } from 'vitest';
import { fileEdit } from '../../../../src/agents/tools/file-edit.ts';
import { toolBench } from '../../../support/agents/tools.ts';

const numbers = Array.from({ length: 20 }, (_, n) => `line ${n + 1}`).join('\n');

function workspace(content: string | Uint8Array) {
  const { run, sandbox } = toolBench();
  sandbox.files.set('/workspace/a.txt', Buffer.from(content as string));
  return {
    edit: (args: object) => run(fileEdit, { file: 'a.txt', ...args }),
    text: () => sandbox.files.get('/workspace/a.txt')?.toString(),
  };
}

test('several replacements are made in order, each on the result of the one before', async () => {
  const { edit, text } = workspace('one two two');
  const edits = [
    { old_str: 'one', new_str: 'three' },
    { old_str: 'three', new_str: 'four' },
    { old_str: 'two', new_str: '$& five', all: true },
  ];
  expect(await edit({ edits })).toMatchObject({
    ok: true,
    output: 'Made 3 edits in a.txt.',
    content: { content: 'four $& five $& five', oldContent: 'one two two' },
  });
  expect(text()).toBe('four $& five $& five');
});

test('a replacement that does not fit prevents all others, and the answer names it', async () => {
  const { edit, text } = workspace('one two two');
  const first = { old_str: 'one', new_str: '1' };
  expect(await edit({ edits: [first, { old_str: 'none', new_str: '' }] })).toMatchObject({
    ok: false,
    reason: 'not_found',
    output: expect.stringMatching(/^Edit 2 of 2: old_str does not occur .* Nothing was changed\.$/),
  });
  const expected = { reason: 'refused', output: expect.stringContaining('occurs 2 times') };
  expect(await edit({ edits: [first, { old_str: 'two', new_str: '' }] })).toMatchObject(expected);
  expect(text()).toBe('one two two');
});

test('a unified diff is applied, also where its line numbers are off', async () => {
  const { edit, text } = workspace(numbers);
  const patch = [
    ...['--- a/a.txt', '+++ b/a.txt', '@@ -5,3 +5,4 @@', ' line 3', '-line 4', '+line four', '+line four and a half'],
    ...[' line 5', '@@ -15,2 +16,1 @@', ' line 15', '-line 16'],
  ].join('\n');
  expect(await edit({ patch })).toMatchObject({ ok: true, output: 'Applied 2 hunks to a.txt.' });
  expect(text()).toBe(numbers.replace('line 4\n', 'line four\nline four and a half\n').replace('line 16\n', ''));
});

test('a hunk that does not fit is named, and nothing is changed', async () => {
  const { edit, text } = workspace(numbers);
  const patch = '@@ -1,1 +1,1 @@\n-line 1\n+first\n@@ -9,1 +9,1 @@\n-line nine\n+ninth\n';
  expect(await edit({ patch })).toMatchObject({
    ok: false,
    reason: 'refused',
    output: expect.stringMatching(/^Hunk 2 of 2 \(line 9\) does not fit a\.txt/),
  });
  expect(text()).toBe(numbers);
});

const hunk = '@@ -1,1 +1,1 @@\n-a\n+b\n';
test.each([
  ['both', { edits: [{ old_str: 'a', new_str: 'b' }], patch: hunk }],
  ['neither', {}],
  ['a patch of two files', { patch: `--- a\n+++ a\n${hunk}--- b\n+++ b\n${hunk}` }],
  ['no diff at all', { patch: 'please change a to b' }],
])('%s is refused', async (_, args) => {
  const { edit, text } = workspace('a');
  expect(await edit(args)).toMatchObject({ ok: false, reason: 'bad_arguments' });
  expect(text()).toBe('a');
});
