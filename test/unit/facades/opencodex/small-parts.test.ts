import { expect, test } from 'vitest';
import { toNewestPage, toPage } from '../../../../src/facades/compat/opencodex/conversation/paging.ts';
import { toFileContent, toWorkspacePath } from '../../../../src/facades/compat/opencodex/workspace/workspace.ts';
import { findMimeType } from '../../../../src/facades/shared/archive/mime.ts';

test.each([
  ['a.PNG', 'image/png'],
  ['x/y.tar.gz', 'application/gzip'],
  ['Makefile', null],
  ['.txt', null],
  ['a.constructor', null],
])('%s is %s', (path, type) => expect(findMimeType(path)).toBe(type));

test('a page without a part is the newest 500, oldest first', () => {
  const all = Array.from({ length: 600 }, (_, n) => n);
  expect(toNewestPage(all, {})).toEqual({ items: all.slice(100), total: 600 });
  expect(toNewestPage(all, { limit: 2 })).toEqual({ items: [0, 1], total: 600 });
  expect(toNewestPage(all, { skip: 598 })).toEqual({ items: [598, 599], total: 600 });
  expect(toPage(all, {}).items).toEqual(all.slice(0, 100));
});

test.each([
  ...['/workspace', '/workspace/', '/workspace/..', '/workspace/../etc/passwd', '/etc/passwd', 'a', '/workspaces/a'],
  '.',
])('%s is not below the workspace', (path) => expect(() => toWorkspacePath(path)).toThrow(/path_outside/));

test('a path below the workspace is relative to it', () =>
  expect(toWorkspacePath('/workspace/a//b/../c.txt')).toBe('a/c.txt'));

test('content is text, an image as a data URI, or nothing of what is binary', () => {
  expect(toFileContent('a.md', Buffer.from('hé'))).toEqual({
    content: 'hé',
    is_binary: false,
    mime_type: 'text/markdown',
  });
  const expected = { content: 'data:image/png;base64,AQA=', is_binary: true, mime_type: 'image/png' };
  expect(toFileContent('a.png', Buffer.from([1, 0]))).toEqual(expected);
  expect(toFileContent('a.dat', Buffer.from([65, 0]))).toEqual({ content: '', is_binary: true, mime_type: null });
});
