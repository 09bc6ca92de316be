import { expect, test } from 'vitest';
import type { Event } from '../../../../src/client/types.ts';
import { formatCommentMessage } from '../../../../src/web/work/files/editor/file-text.ts';
import { listFileSteps } from '../../../../src/web/work/files/editor/steps.ts';

let seq = 0;
const event = (type: Event['type'], data: object): Event => ({ seq: ++seq, type, data }) as unknown as Event;
const step = (description: string) => event('step', { id: description, description, status: 'running' });
const write = (file: string, oldContent: string | null, content: string, more = {}) =>
  event('tool.called', {
    success: true,
    function: 'file_write',
    args: { file },
    content: { oldContent, content },
    ...more,
  });

test('a step has each file with its text before the first write and after the last one', () => {
  const steps = listFileSteps([
    event('run.started', { task: 'All' }),
    step('First'),
    write('/workspace/a.txt', null, 'one'),
    write('a.txt', 'one', 'two'),
    write('b.txt', 'b', 'c', { success: false }),
    step('Second'),
    write('a.txt', 'two', 'three'),
    write('a.txt', 'three', 'three', { function: 'file_read' }),
    write('a.txt', null, 'a.txt:1: three', { function: 'file_find_in_content' }),
    write('', null, 'a.txt', { function: 'file_find_by_name', args: { path: 'src' } }),
    write('', null, 'three', { function: 'read', args: { file_path: 'a.txt' } }),
    write('', 'x', 'y', { function: 'edit', args: { file_path: '/workspace/c.txt' } }),
  ]);
  expect(steps.map(({ description, files }) => [description, ...files])).toEqual([
    ['First', ['a.txt', { before: null, after: 'two' }]],
    ['Second', ['a.txt', { before: 'two', after: 'three' }], ['c.txt', { before: 'x', after: 'y' }]],
  ]);
});

test('a comment quotes the lines in a fence that they cannot close', () => {
  const text = 'one\n```\nthree\nfour';
  expect(formatCommentMessage({ path: 'a.md', text, lines: { from: 2, to: 3 } }, ' Why? ')).toBe(
    'a.md:2-3\n\n````\n```\nthree\n````\n\nWhy?',
  );
});
