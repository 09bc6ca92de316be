import { expect, test } from 'vitest';
import { runProgram } from '../../support/clients/e2b-sdks.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import { program, python, serverWith } from './programs.ts';

eachNeeds('bubblewrap'); // a server with a model does not start without it

const bad = [400, 'invalid_request_error', null];
const gone = [404, 'not_found_error', null];
const taken = [409, 'memory_path_conflict_error', 'false'];
const stale = [409, 'memory_precondition_failed_error', 'false'];

test('a program keeps memories by path, with preconditions, versions and redaction', { timeout: 400_000 }, async () => {
  await using it = await serverWith('anthropic');
  const files = [program('strict.py'), program('memory.py')];
  const { faults, models: _, ...steps } = await runProgram({ ...python, files }, it.env);
  expect(steps).toEqual({
    crud: [
      ['', 'Facts', 'What Alice likes.', { user: '1' }, 'Preferences'],
      [true, true, true, bad],
      ['memory_store_deleted', gone],
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
      [stale, 'memory_deleted', gone],
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
    errors: [Array(7).fill(bad), [[413, 'request_too_large', null], bad], bad, bad, bad, gone, gone, bad],
  });
  expect(faults).toEqual({});
});
