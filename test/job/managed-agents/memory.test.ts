// @module-tag nightly
import { expect, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { bad, goneRefusal, serverWith, stepsOf, testEverywhere } from './programs.ts';

const taken = [409, 'memory_path_conflict_error', 'false'];
const stale = [409, 'memory_precondition_failed_error', 'false'];

test('a program keeps memories by path, with preconditions, versions and redaction', async (context) => {
  await needs(context, 'bubblewrap'); // a server with a model does not start without isolation
  await using it = await serverWith('anthropic');
  expect(await stepsOf(it, 'memory.py')).toEqual({
    crud: [
      ['', 'Facts', 'What Alice likes.', { user: '1' }, 'Preferences'],
      [true, true, true, bad],
      ['memory_store_deleted', goneRefusal],
    ],
    memories: [
      [null, true, 5, '', 'hello'],
      [
        [
          ['/notes/deep/er.md', null],
          ['/notes/todo.md', null],
        ],
        ['', 'hello'],
        [
          ['memory_prefix', '/notes/deep/'],
          ['memory', '/notes/todo.md'],
        ],
      ],
      [stale, 'bye', true],
      [true, '/done.md', true, taken, taken],
      [stale, 'memory_deleted', goneRefusal],
    ],
    versions: [
      [
        ['modified', '/done.md', 'bye'],
        ['modified', '/notes/todo.md', 'bye'],
        ['created', '/notes/todo.md', 'hello'],
      ],
      [['deleted', 'modified', 'modified', 'created', 'created'], ['/notes/deep/er.md'], true, bad],
      [null, null, null, true],
      [null, true, null],
      ['bye', 'bye', null],
    ],
    errors: [Array(7).fill(bad), [[413, 'request_too_large', null], bad], bad, bad, bad, goneRefusal, goneRefusal, bad],
  });
});

const at = '/mnt/memory/user-preferences';
const inSessions = {
  shared: [
    ['memory_store', true, 'read_write', 'Read it first.'],
    ['User Preferences', 'What Alice likes.', at],
    [true],
    at,
    true,
    ['shortold', ['longnewdeep', 'style.md']],
    [
      [
        ['created', '/deep/er/new.md'],
        ['deleted', '/old/gone.md'],
        ['modified', '/style.md'],
      ],
      [['modified', '/style.md']],
    ],
    { '/deep/er/new.md': 'new', '/style.md': 'long of both' },
    'long of both',
  ],
  errors: [goneRefusal, bad, bad, bad, bad, bad],
  deployment: [true, at],
};

testEverywhere('memory stores are folders of sessions', async (it) =>
  expect(await stepsOf(it, 'memory_sessions.py')).toEqual(inSessions),
);
