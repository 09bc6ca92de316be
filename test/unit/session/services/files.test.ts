import { expect, test } from 'vitest';
import type { SandboxClient } from '../../../../src/sandbox/client.ts';
import { fileService } from '../../../../src/session/services/files.ts';
import { newSession } from '../../../support/store.ts';

const { signal } = new AbortController();

/** A sandbox whose searches always find these files; records the searches. */
function finding(found: readonly string[]) {
  const asked: unknown[] = [];
  const client: Partial<SandboxClient> = {
    async find(path, glob, _signal, options) {
      asked.push([path, glob, options]);
      return { matches: found, truncated: false };
    },
    async grep(path, regex, _signal, options) {
      asked.push([path, regex, options]);
      const lines = found.flatMap((file) => [2, 10].map((line) => ({ file, line, content: ` line ${line} ` })));
      return { matches: lines, truncated: false };
    },
  };
  const used = { client: client as SandboxClient, [Symbol.asyncDispose]: async () => {} };
  const sandboxes = { use: async () => used };
  return { asked, files: fileService({ sandboxes: sandboxes as never, known: async () => {} }) };
}

test('search results are sorted, whatever the order in which the sandbox reads its folders', async () => {
  const { files } = finding(['a/b', 'a.txt', 'B', 'a/a']);
  const { matches } = await files.find(newSession(), { path: '.', pattern: '*', types: [] }, signal);
  expect(matches).toEqual(['B', 'a.txt', 'a/a', 'a/b']);
  const lines = await files.grep(newSession(), { path: '.', pattern: 'line', types: [] }, signal);
  expect(lines.matches.map(({ file, line, content }) => [file, line, content])).toEqual(
    ['B', 'a.txt', 'a/a', 'a/b'].flatMap((file) => [2, 10].map((line) => [file, line, `line ${line}`])),
  );
});

test('the types of files are told to the sandbox, and held against one of an older image that does not know them', async () => {
  const { files, asked } = finding(['a.py', '.b.py', 'c.md']);
  const query = { path: 'src', pattern: 'x', types: ['*.py'] };
  expect((await files.find(newSession(), query, signal)).matches).toEqual(['.b.py', 'a.py']);
  const { matches } = await files.grep(newSession(), query, signal);
  expect(new Set(matches.map(({ file }) => file))).toEqual(new Set(['.b.py', 'a.py']));
  expect(asked).toEqual(Array(2).fill(['src', 'x', { types: ['*.py'] }]));
});
