import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attachment, rangeOf } from '../../../../src/facades/opencodex/download.ts';
import { mimeType } from '../../../../src/facades/opencodex/mime.ts';
import { newestOf, pageOf } from '../../../../src/facades/opencodex/paging.ts';
import { contentOf, inWorkspace } from '../../../../src/facades/opencodex/workspace-files.ts';
import { zip } from '../../../../src/facades/opencodex/zip.ts';
import { temporaryFolder } from '../../../support/store.ts';

test.each([
  [undefined, undefined],
  ['bytes=0-3', { start: 0, end: 3 }],
  ['bytes=4-', { start: 4, end: 9 }],
  ['bytes=-3', { start: 7, end: 9 }],
  ['bytes=-30', { start: 0, end: 9 }],
  ['bytes=8-100', { start: 8, end: 9 }],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=3-2', undefined],
  ['bytes=0-1,4-5', undefined],
  ['items=0-1', undefined],
  ['bytes=-', undefined],
])('of ten bytes the range %s is %o', (header, range) => {
  expect(rangeOf(header, 10)).toEqual(range);
});

test('an empty file has no range that could be given', () => {
  expect(rangeOf('bytes=0-0', 0)).toBe('unsatisfiable');
  expect(rangeOf('bytes=-1', 0)).toBe('unsatisfiable');
});

test('a name goes into a header whole, and cannot leave it', () => {
  expect(attachment('Übersicht "1"\r\nX: y.txt')).toBe(
    'attachment; filename="_bersicht _1___X: y.txt"; filename*=UTF-8\'\'%C3%9Cbersicht%20%221%22%0D%0AX%3A%20y.txt',
  );
  expect(() => attachment('\ud800')).not.toThrow();
});

test.each([
  ['a.PNG', 'image/png'],
  ['x/y.tar.gz', 'application/gzip'],
  ['Makefile', null],
  ['.txt', null],
  ['a.constructor', null],
])('%s is %s', (path, type) => {
  expect(mimeType(path)).toBe(type);
});

test('a page without a part is the newest 500, oldest first', () => {
  const all = Array.from({ length: 600 }, (_, n) => n);
  expect(newestOf(all, {})).toEqual({ items: all.slice(100), total: 600 });
  expect(newestOf(all, { limit: 2 })).toEqual({ items: [0, 1], total: 600 });
  expect(newestOf(all, { skip: 598 })).toEqual({ items: [598, 599], total: 600 });
  expect(pageOf(all, {}).items).toEqual(all.slice(0, 100));
});

test.each([
  '/workspace',
  '/workspace/',
  '/workspace/..',
  '/workspace/../etc/passwd',
  '/etc/passwd',
  'a',
  '/workspaces/a',
  '.',
])('%s is not below the workspace', (path) => {
  expect(() => inWorkspace(path)).toThrow(/path_outside/);
});

test('a path below the workspace is relative to it', () => {
  expect(inWorkspace('/workspace/a//b/../c.txt')).toBe('a/c.txt');
});

test('content is text, an image as a data URI, or nothing of what is binary', () => {
  expect(contentOf('a.md', Buffer.from('hé'))).toEqual({ content: 'hé', is_binary: false, mime_type: 'text/markdown' });
  expect(contentOf('a.png', Buffer.from([1, 0]))).toEqual({
    content: 'data:image/png;base64,AQA=',
    is_binary: true,
    mime_type: 'image/png',
  });
  expect(contentOf('a.dat', Buffer.from([65, 0]))).toEqual({ content: '', is_binary: true, mime_type: null });
});

test('a zip file is one that others can read', async () => {
  using folder = temporaryFolder();
  const modified = new Date('2024-05-06T07:08:10Z');
  const entry = (name: string, text: string) => ({ name, modified, read: async () => Buffer.from(text) });
  const packed = zip([entry('a/ü.txt', 'x'.repeat(10_000)), entry('b.txt', 'é'), entry('empty', '')]);
  const path = join(folder.path, 'x.zip');
  writeFileSync(path, Buffer.concat(await Array.fromAsync(packed)));
  const script = `
import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print(json.dumps([[i.filename, z.read(i).decode(), i.date_time, i.compress_type, oct(i.external_attr >> 16)] for i in z.infolist()]))`;
  const read = JSON.parse(execFileSync('python3', ['-c', script, path], { encoding: 'utf8' }));
  const time = [2024, 5, 6, 7, 8, 10];
  expect(read).toEqual([
    ['a/ü.txt', 'x'.repeat(10_000), time, 8, '0o100644'],
    ['b.txt', 'é', time, 0, '0o100644'],
    ['empty', '', time, 0, '0o100644'],
  ]);
});

test('a zip file of nothing is one too', async () => {
  expect(Buffer.concat(await Array.fromAsync(zip([])))).toHaveLength(22);
});
