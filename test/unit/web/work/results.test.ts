import { expect, test } from 'vitest';
import { findBestResult, toPreviewPath } from '../../../../src/web/work/best-result.ts';
import { isGeneratedFile, parseFilePatch, parseHunk } from '../../../../src/web/work/ship/changes.ts';

test('the difference of a file has no header of git, and one sign for lines that are left out', () => {
  const patch =
    'diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@ f()\n one\n-two\n+++ three\n\\ No newline at end of file\n';
  expect(parseFilePatch(patch).hunks.flatMap(parseHunk)).toEqual([
    { kind: 'same', text: 'one' },
    { kind: 'removed', text: 'two' },
    { kind: 'added', text: '++ three' },
  ]);
  expect(parseHunk('@@ -10,1 +10,1 @@ f()\n one\n')[0]).toEqual({ kind: 'skipped', text: '…' });
  expect(parseHunk('@@ -0,0 +1 @@\n+one\n')).toEqual([{ kind: 'added', text: 'one' }]);
  expect(parseFilePatch('diff --git a/a b/a\nBinary files differ\n').hunks).toEqual([]);
});

test.each([
  ['src/__pycache__/a.cpython-312.pyc', true],
  ['a.pyc', true],
  ['node_modules/x/index.js', true],
  ['src/a.py', false],
  ['catalog', false],
  ['my_node_modules.md', false],
])('whether %s is left out of a commit until a person chooses it: %s', (path, expected) => {
  expect(isGeneratedFile(path)).toBe(expected);
});

test.each([
  [['server.log', 'snake.html'], 'The game is in `snake.html`.', 'snake.html'],
  [['a.html', 'chart.html'], 'See `chart.html`', 'chart.html'],
  [['b.png', 'a.html'], '', 'a.html'],
  [['b.png', 'a.txt'], '', 'b.png'],
  [['a.txt', 'a.py'], '`a.py`', undefined],
  [['-gone.html', 'b.png'], '`gone.html`', 'b.png'],
  [[], '', undefined],
])('of %j with the answer %j, %j is shown next to the talk', (paths, answer, expected) => {
  const files = paths.map((it) =>
    it.startsWith('-') ? { path: it.slice(1), change: 'deleted' as const } : { path: it },
  );
  expect(findBestResult(files, answer)).toBe(expected);
});

test.each([
  ['snake.html', '/snake.html'],
  ['index.html', '/'],
  ['site/index.html', '/'],
])('the server of %s shows it at %s', (file, path) => expect(toPreviewPath(file)).toBe(path));
