import { expect, test } from 'vitest';
import { sortRows, toggleSortOrder } from '../../../../src/web/work/files/csv.ts';
import { parseNotebook } from '../../../../src/web/work/files/read-notebook.ts';
import { parsePreviewLocation } from '../../../../src/web/work/preview/target.ts';

test('a click on a head sorts up, then down, then as in the file; another head begins again', () => {
  const up = toggleSortOrder(undefined, 1);
  expect(up).toEqual({ column: 1, way: 'ascending' });
  const down = toggleSortOrder(up, 1);
  expect(down).toEqual({ column: 1, way: 'descending' });
  expect([toggleSortOrder(down, 1), toggleSortOrder(down, 0)]).toEqual([undefined, { column: 0, way: 'ascending' }]);
});

test('numbers are sorted by size, texts after them, and empty cells last whichever way', () => {
  const rows = [['10'], ['b'], [''], ['9'], ['-1.5'], ['a2'], ['a10'], []];
  const column = (way: 'ascending' | 'descending') => sortRows(rows, { column: 0, way }).map(([text = '']) => text);
  expect(column('ascending')).toEqual(['-1.5', '9', '10', 'a2', 'a10', 'b', '', '']);
  expect(column('descending')).toEqual(['b', 'a10', 'a2', '10', '9', '-1.5', '', '']);
});

test('a notebook gives its cells with their texts and pictures, and never HTML', () => {
  const cells = [
    { cell_type: 'markdown', source: ['# A\n', 'b'] },
    {
      cell_type: 'code',
      source: 'print(1)',
      outputs: [
        { output_type: 'stream', name: 'stdout', text: ['1\n'] },
        { output_type: 'display_data', data: { 'image/png': 'aGk=\n', 'text/html': '<b>x</b>' } },
        { output_type: 'execute_result', data: { 'text/html': '<b>x</b>', 'text/plain': 'x' } },
        { output_type: 'display_data', data: { 'image/png': '"><script>' } },
        { output_type: 'error', traceback: ['\u001b[31mOh\u001b[0m', 'no'] },
      ],
    },
  ];
  const read = parseNotebook(JSON.stringify({ cells, metadata: { language_info: { name: 'julia' } } }));
  expect(read?.language).toBe('julia');
  expect(read?.cells.map(({ kind, source }) => [kind, source])).toEqual([
    ['markdown', '# A\nb'],
    ['code', 'print(1)'],
  ]);
  expect(read?.cells[1]?.outputs).toEqual([
    { text: '1\n', isError: false },
    { picture: 'data:image/png;base64,aGk=' },
    { text: 'x', isError: false },
    { text: 'Oh\nno', isError: true },
  ]);
  expect(parseNotebook('{"cells":[]}')?.language).toBe('python');
  for (const text of ['', '[]', 'null', '{"cells":1}', '{']) expect(parseNotebook(text), text).toBeUndefined();
  expect(parseNotebook('{"cells":[1,null,{"source":{},"outputs":{}}]}')?.cells).toHaveLength(3);
});

test('links to the sandbox’s own address are places in it, and no others', () => {
  expect(parsePreviewLocation('http://localhost:3000')).toEqual({ port: 3000, path: '/' });
  expect(parsePreviewLocation('http://127.0.0.1:80/a?b#c')).toEqual({ port: 80, path: '/a?b#c' });
  for (const href of [
    ...['http://localhost', 'http://localhost:0', 'http://localhost:99999', 'http://localhost.evil:3000'],
    'https://a.b:1',
  ])
    expect(parsePreviewLocation(href), href).toBeUndefined();
});
