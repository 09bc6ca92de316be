import { describe, expect, test } from 'vitest';
import { parseCsv } from '../../../../src/web/work/files/csv.ts';
import { detectCodeLanguage, detectFileKind } from '../../../../src/web/work/files/preview.ts';
import {
  type FolderEntry,
  findRowAfterKeyPress,
  listTreeRows,
  parentPathOf,
} from '../../../../src/web/work/files/tree.ts';

const entry = (name: string, type: FolderEntry['type'] = 'file'): FolderEntry => ({
  name,
  type,
  size: 1,
  modified: '',
});
const folders = new Map([
  ['.', [entry('.agent_logs', 'directory'), entry('src', 'directory'), entry('a.txt')]],
  ['src', [entry('deep', 'directory'), entry('b.ts')]],
]);

describe('the tree', () => {
  test('shows the entries of open folders below them, without what Corral keeps, and logs last', () => {
    const rows = listTreeRows(folders, new Set(['src']));
    expect(rows.map(({ path, depth }) => `${depth} ${path}`)).toEqual([
      ...['0 src', '1 src/deep', '1 src/b.ts', '0 a.txt', '0 .agent_logs'],
    ]);
    expect(rows[2]).toMatchObject({ place: 2, siblings: 2, type: 'file' });
  });

  test('moves by keys, and left goes to the folder of a file', () => {
    const rows = listTreeRows(folders, new Set(['src']));
    expect(findRowAfterKeyPress(rows, 'src/b.ts', 'ArrowLeft')?.path).toBe('src');
    expect([
      findRowAfterKeyPress(rows, 'src/b.ts', 'ArrowDown')?.path,
      findRowAfterKeyPress(rows, 'src', 'ArrowUp')?.path,
    ]).toEqual(['a.txt', 'src']);
    expect([findRowAfterKeyPress(rows, 'src', 'End')?.path, findRowAfterKeyPress(rows, 'src', 'x')]).toEqual([
      '.agent_logs',
      undefined,
    ]);
    expect([parentPathOf('a/b/c'), parentPathOf('a')]).toEqual(['a/b', '.']);
  });

  test('with 20,000 entries has a row for each', () => {
    const many = new Map([['.', Array.from({ length: 20_000 }, (_, at) => entry(`f${at}`))]]);
    expect(listTreeRows(many, new Set())).toHaveLength(20_000);
  });
});

test.each([
  [
    'a,b\n1,2\n',
    [
      ['a', 'b'],
      ['1', '2'],
    ],
  ],
  [
    'a,b\r\n"x, y","say ""hi""\nthere"\r\n',
    [
      ['a', 'b'],
      ['x, y', 'say "hi"\nthere'],
    ],
  ],
  ['\ufeffa\n\n1', [['a'], ['1']]],
  ['a,,\n', [['a', '', '']]],
  ['', []],
])('the CSV text %j has the rows %j', (text, rows) => expect(parseCsv(text)).toEqual(rows));

test('a CSV text is read up to the requested rows, and with tabs where they separate', () =>
  expect(parseCsv('a\tb\n1\t2\n3\t4', '\t', 2)).toEqual([
    ['a', 'b'],
    ['1', '2'],
  ]));

test('a file is shown by its name, and as binary when its beginning holds a NUL', () => {
  const text = new TextEncoder().encode('hello');
  const shown = ['a.PNG', 'README.md', 'x.tsv', 'main.py', 'no-ending'].map((path) => detectFileKind(path, text));
  expect(shown).toEqual(['image', 'markdown', 'csv', 'text', 'text']);
  expect(detectFileKind('main.py', new Uint8Array([104, 0, 105]))).toBe('binary');
  const expected = ['dockerfile', 'rust', ''];
  expect([detectCodeLanguage('a/Dockerfile'), detectCodeLanguage('x.rs'), detectCodeLanguage('notes')]).toEqual(
    expected,
  );
});

test('an ending that every object inherits as a property is no ending', () =>
  expect([detectFileKind('x.constructor', new Uint8Array()), detectCodeLanguage('x.constructor')]).toEqual([
    'text',
    '',
  ]));
