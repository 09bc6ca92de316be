// @module-tag nightly
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClient } from '../../support/clients/trpc.ts';
import { type GitServer, gitServer } from '../../support/egress/git-server.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { worlds } from '../../support/worlds.ts';

const processWorld = worlds.find(({ driver }) => driver === 'process') as (typeof worlds)[number];
let git: GitServer;
beforeAll(async () => {
  git = await gitServer('bot', 'a-secret-that-is-not-used');
});
afterAll(() => git?.[Symbol.asyncDispose]());

test('submodules are fetched, one that needs a credential and files in Git LFS are told, and the rest is there', async (context) => {
  git.make('public/inner', { 'inner.txt': 'inner\n' });
  git.make('team/hidden', { 'hidden.txt': 'hidden\n' });
  const gitmodules = (['hidden', 'inner', 'outside'] as const).map((name) => {
    const url = { hidden: git.urlOf('team/hidden'), inner: '../inner.git', outside: 'file:///etc' }[name];
    return `[submodule "${name}"]\n\tpath = parts/${name}\n\turl = ${url}\n`;
  });
  const files = { '.gitmodules': gitmodules.join(''), '.gitattributes': '*.bin filter=lfs\n', 'a.bin': 'pointer\n' };
  git.make('public/outer', files, (run) => {
    const commit = git.git('public/inner', 'rev-parse', 'main').trim();
    const hidden = git.git('team/hidden', 'rev-parse', 'main').trim();
    run('update-index', '--add', '--cacheinfo', `160000,${hidden},parts/hidden`);
    run('update-index', '--add', '--cacheinfo', `160000,${commit},parts/inner`);
    run('update-index', '--add', '--cacheinfo', `160000,${commit},parts/outside`);
    run('commit', '--quiet', '-m', 'Parts');
  });
  await using real = await realServer(context, processWorld, git.settings);
  using client = openClient(real.server.url, 'ws');
  const { id } = await client.sessions.create.mutate({ repositories: [{ url: git.urlOf('public/outer') }] });
  const command = 'cat outer/parts/*/* outer/a.bin';
  const { stdout } = await client.sandbox.exec.mutate({ sessionId: id, command });
  expect(stdout).toBe('inner\npointer\n');
  const told = real.factsOf(id, 'repository').find(({ data }) => data.kind === 'ready')?.data.detail;
  expect(told).toMatch(/2 submodules could not be fetched [(]parts[/]hidden: fatal: Authentication failed/);
  expect(told).toContain('It has files in Git LFS, which are pointers here.');
});
