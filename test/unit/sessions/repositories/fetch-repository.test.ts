import { expect, test } from 'vitest';
import { AppError, sandboxLossCodes } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { RepositoryInput, toSessionRepository } from '../../../../src/core/model/repository.ts';
import { fetchRepository } from '../../../../src/sessions/repositories/fetch-repository.ts';
import { RepositoryPreparer } from '../../../../src/sessions/repositories/preparation.ts';

/** The result of a fetch whose script ends this way. */
const fetched = (answer: { exitCode?: number; stdout?: string; stderr?: string }, host = 'example.org') =>
  fetchRepository(
    {
      workdir: '/workspace',
      exec: async () => ({ exitCode: 0, stdout: '', stderr: '', timedOut: false, ...answer }) as never,
    },
    {
      session: SessionId.parse('0123456789abcdef'),
      repository: toSessionRepository(RepositoryInput.parse({ url: `https://${host}/team/project` })),
      branch: 'corral/x',
      author: { name: 'Ada', email: 'ada@example.org' },
    },
    new AbortController().signal,
  );
const commit = 'a'.repeat(40);

test('submodules that were not fetched, and files in Git LFS, are remarks of a fetch that succeeds', async () => {
  const stdout = `note submodules 1 parts/hidden: could not read Username\nnote lfs\nbase main\nstart ${commit}\n`;
  const { notes, baseCommit } = await fetched({ stdout });
  expect(baseCommit).toBe(commit);
  expect(notes[0]).toContain('A submodule could not be fetched (parts/hidden: could not read Username)');
  expect(notes[1]).toContain('With git-lfs in the image: git lfs pull.');
  const two = await fetched({ stdout: `note submodules 2 a: gone\nstart ${commit}\n` });
  expect(two.notes).toEqual([expect.stringContaining('2 submodules could not be fetched (a: gone)')]);
  expect((await fetched({ stdout: `base main\nstart ${commit}\n` })).notes).toEqual([]);
});

test.each([
  ['could not read Username for https://example.org', 'forbidden', /Bind one with "git" to this session/],
  ['Received HTTP code 403 from proxy after CONNECT', 'forbidden', /egress policy does not allow .*network settings/],
  ['CONNECT tunnel failed, response 403', 'forbidden', /egress policy does not allow/],
  ['CONNECT tunnel failed, response 502', 'provider_error', /cannot reach .*Check the address/],
  ['egress to 192.0.2.2:80 refused: not listed. returned error: 403', 'forbidden', /egress policy does not allow/],
  ['The requested URL returned error: 403', 'forbidden', /credential lacks permission/],
  ["repository 'https://example.org/a/' not found", 'not_found', /has no repository/],
])('a fetch that fails with %j says what to do', async (why, code, text) => {
  const failing = fetched({ exitCode: 1, stderr: `fatal: ${why}` });
  await expect(failing).rejects.toMatchObject({ code, message: expect.stringMatching(text) });
  await expect(fetched({ exitCode: 1, stderr: 'Connection refused' }, 'localhost')).rejects.toThrow(/localhost in the/);
});

type Dependencies = ConstructorParameters<typeof RepositoryPreparer>[0];

test.each([...sandboxLossCodes])('a setup that ends with %s is no failure: the next sandbox runs it', async (code) => {
  const files = { isOn: false, clear: () => Promise.reject(new AppError(code, 'It stalled.')) };
  const preparation = new RepositoryPreparer({ files } as unknown as Dependencies);
  const wish = { repository: { path: 'app' }, found: undefined, mayKeep: false };
  const found = { setup: undefined };
  const preparing = preparation.prepare({} as never, { ...wish, found } as never, new AbortController().signal);
  await expect(preparing).rejects.toMatchObject({ code });
});
