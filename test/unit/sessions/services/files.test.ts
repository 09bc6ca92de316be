import { describe, expect, test } from 'vitest';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { createFileService } from '../../../../src/sessions/services/files.ts';
import { newSession } from '../../../support/stores/store.ts';

const { signal } = new AbortController();

/** A sandbox whose searches always find these files; records the searches. */
function finding(found: readonly string[]) {
  const requests: unknown[] = [];
  const client: Partial<SandboxClient> = {
    async find(path, glob, _signal, options) {
      requests.push([path, glob, options]);
      return { matches: found, truncated: false };
    },
    async grep(path, regex, _signal, options) {
      requests.push([path, regex, options]);
      const lines = found.flatMap((file) => [2, 10].map((line) => ({ file, line, content: ` line ${line} ` })));
      return { matches: lines, truncated: false };
    },
  };
  const used = { client: client as SandboxClient, [Symbol.asyncDispose]: async () => {} };
  const sandboxes = { use: async () => used };
  const nothing = async () => {};
  return {
    requests,
    files: createFileService({ sandboxes: sandboxes as never, hydrate: nothing as never, known: nothing }),
  };
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

test('the sandbox gets the types of files, and held against one of an older image that does not know them', async () => {
  const { files, requests } = finding(['a.py', '.b.py', 'c.md']);
  const query = { path: 'src', pattern: 'x', types: ['*.py'] };
  expect((await files.find(newSession(), query, signal)).matches).toEqual(['.b.py', 'a.py']);
  const { matches } = await files.grep(newSession(), query, signal);
  expect(new Set(matches.map(({ file }) => file))).toEqual(new Set(['.b.py', 'a.py']));
  expect(requests).toEqual(Array(2).fill(['src', 'x', { types: ['*.py'] }]));
});

describe('a listing that starts nothing', () => {
  const listing = (state: string, isHeld: boolean, client?: Partial<SandboxClient>) => {
    const entries = async () => [];
    const use = async () => ({ client: { listFiles: entries }, [Symbol.asyncDispose]: async () => {} });
    const files = createFileService({
      sandboxes: { use, look: async () => client } as never,
      hydrate: async () => ({ sandboxState: state, sandboxHeld: isHeld }) as never,
      known: async () => {},
    });
    return files;
  };
  const starts = { starts: false };

  test.each([
    ['none was started', 'created', false],
    ['it was stopped', 'stopped', true],
    ['it is being stopped', 'running', true],
  ])('is refused where %s, and so are the changed files', async (_where, state, isHeld) => {
    const refused = { code: 'sandbox_not_found' };
    await expect(listing(state, isHeld).list(newSession(), '.', signal, starts)).rejects.toMatchObject(refused);
    await expect(listing(state, isHeld).changes(newSession(), signal, starts)).rejects.toMatchObject(refused);
  });

  test('reads a sandbox that runs, and resumes one that is paused', async () => {
    const running = listing('running', false, { listFiles: async () => [] });
    expect(await running.list(newSession(), '.', signal, starts)).toEqual([]);
    expect(await listing('running', false).list(newSession(), '.', signal, starts)).toEqual([]);
  });
});
