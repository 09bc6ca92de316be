import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClient } from '../../support/clients/trpc.ts';
import { type GitServer, gitServer } from '../../support/egress/git-server.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { worlds } from '../../support/worlds.ts';

const secret = 'canary-of-a-repository-7d20c1f4b9';
const processWorld = worlds.find(({ driver }) => driver === 'process') as (typeof worlds)[number];
let git: GitServer;
beforeAll(async () => {
  git = await gitServer('bot', secret);
});
afterAll(() => git?.[Symbol.asyncDispose]());

const settings = () => ({
  CORRAL_EGRESS_POLICY: 'allow-list',
  CORRAL_EGRESS_ALLOW: git.at,
  CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.0/8',
  CORRAL_EXTRA_CA: git.certificate,
});

test('a session fetches its repositories, and its work is committed, pushed, and taken as a patch', {
  timeout: 240_000,
}, async (context) => {
  git.make('public/one', { 'README.md': 'one\n', 'src/a.txt': 'a\n' }, (run) => {
    run('branch', 'release');
    run('tag', 'v1');
  });
  git.make('public/two', { 'two.txt': 'two\n' });
  await using real = await realServer(context, processWorld, settings());
  using client = openClient(real.server.url, 'ws');
  const { id } = await client.sessions.create.mutate({
    title: 'Mend the totals, please',
    author: { name: 'Ada Example', email: 'ada@example.org' },
    repositories: [
      { url: git.urlOf('public/one') },
      { url: git.urlOf('public/two'), path: 'libs/second', depth: 1, access: 'read' },
      { url: git.urlOf('public/missing') },
    ],
  });
  const states = async () =>
    (await client.repositories.list.query({ sessionId: id })).map(({ path, state }) => `${path} ${state}`);
  await expect
    .poll(states, { timeout: 90_000 })
    .toEqual(['one ready', 'libs/second ready', 'missing failed']);
  const [one, two, missing] = await client.repositories.list.query({ sessionId: id });
  expect(one).toMatchObject({ branch: `corral/mend-the-totals-please-${id.slice(0, 8)}`, baseBranch: 'main' });
  expect(one?.baseCommit).toBe(git.git('public/one', 'rev-parse', 'main').trim());
  expect(missing?.error).toContain('knows no repository');
  const kinds = real.factsOf(id, 'repository').map(({ data }) => `${data.path} ${data.kind}`);
  expect(kinds).toEqual([
    ...['one fetching', 'one ready', 'libs/second fetching', 'libs/second ready'],
    ...['missing fetching', 'missing failed'],
  ]);

  const of = (path: string) => ({ sessionId: id, path });
  const run = async (command: string) => {
    const { stdout, stderr, exitCode } = await client.sandbox.exec.mutate({ sessionId: id, command });
    return exitCode === 0 ? stdout.trim() : `${exitCode}: ${stdout}${stderr}`;
  };
  expect(await run('cat libs/second/two.txt; git -C one status --porcelain --branch')).toBe(
    `two\n## ${one?.branch}`,
  );
  expect(await client.repositories.status.query(of('one'))).toMatchObject({ ahead: 0, files: [] });
  await expect(client.repositories.commit.mutate({ ...of('one'), message: 'Nothing' })).rejects.toThrow(/Nothing has/);

  // What the agent writes into the repository's own settings changes nothing that a person asked for.
  const trap = 'touch "$HOME/trapped"; exit 1';
  await run(`cd one && echo changed > README.md && echo new > "a file" && rm src/a.txt && echo ignored > x.log
    echo '*.log' > .gitignore && echo '* filter=trap' > .git/info/attributes && echo '*.md filter=trap diff=trap' > .gitattributes
    for hook in pre-commit commit-msg post-commit pre-push reference-transaction post-index-change; do
      printf '#!/bin/sh\\n${trap}\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done
    git config filter.trap.clean '${trap}'; git config filter.trap.required true; git config diff.trap.textconv '${trap}'
    git config diff.external '${trap}'; git config core.fsmonitor '${trap}'; git config core.pager '${trap}'
    git config url.https://example.org/.pushInsteadOf https:// ; git config remote.origin.pushurl https://example.org/x`);
  const status = await client.repositories.status.query(of('one'));
  expect(status.files.map(({ path, change }) => `${change} ${path}`)).toEqual([
    ...['added .gitattributes', 'added .gitignore', 'modified README.md', 'added a file', 'deleted src/a.txt'],
  ]);
  const { text } = await client.repositories.diff.query({ ...of('one'), file: 'README.md' });
  expect(text).toContain('-one\n+changed');
  expect(text).not.toContain('a file');
  const first = await client.repositories.commit.mutate({ ...of('one'), message: 'Change one', files: ['README.md'] });
  expect(first.branch).toBe(one?.branch);
  const { commit } = await client.repositories.commit.mutate({ ...of('one'), message: 'Change the rest' });
  expect(await client.repositories.status.query(of('one'))).toMatchObject({ head: commit, ahead: 2, files: [] });
  expect(await client.repositories.push.mutate(of('one'))).toMatchObject({ branch: one?.branch, commit });
  expect(await run('ls "$HOME/trapped" 2>/dev/null; true')).toBe('');
  const shown = git.git('public/one', 'log', '--format=%an <%ae> %cn|%s|%(trailers:key=Corral-Session,valueonly,separator=)', `main..${one?.branch}`);
  expect(shown.trim().split('\n')).toEqual([
    `Ada Example <ada@example.org> Ada Example|Change the rest|${id}`,
    `Ada Example <ada@example.org> Ada Example|Change one|${id}`,
  ]);
  expect(git.git('public/one', 'show', '--stat', '--format=', `${one?.branch}^`)).toMatch(/README\.md \|[^|]*1 file/);

  const patch = await client.repositories.patch.query(of('one'));
  const copy = mkdtempSync(join(tmpdir(), 'corral-am-'));
  context.onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  const local = (args: string[], input?: string) =>
    execFileSync('git', ['-c', 'user.name=B', '-c', 'user.email=b@example.org', ...args], { cwd: copy, encoding: 'utf8', ...(input !== undefined && { input }) });
  local(['init', '--quiet']);
  execFileSync('sh', ['-c', 'echo one > README.md; mkdir src; echo a > src/a.txt'], { cwd: copy });
  local(['add', '--all']);
  local(['commit', '--quiet', '-m', 'Begin']);
  local(['am', '--quiet'], patch.text);
  expect(local(['log', '--format=%s'])).toBe('Change the rest\nChange one\nBegin\n');

  // Pushing further than the person asked, or where the session may only read, is refused.
  await run('cd one && git checkout -q -b main origin/main 2>/dev/null; echo x > x.txt');
  await client.repositories.commit.mutate({ ...of('one'), message: 'On main' });
  await expect(client.repositories.push.mutate(of('one'))).rejects.toThrow(/branch that others work on/);
  expect(two?.access).toBe('read');
  await expect(client.repositories.push.mutate(of('libs/second'))).rejects.toThrow(/may only read/);

  git.make('public/missing', { a: 'a' });
  expect(await client.repositories.fetch.mutate(of('missing'))).toMatchObject({ state: 'ready' });
  await expect(client.repositories.fetch.mutate(of('missing'))).rejects.toThrow(/is there already/);
  await expect(client.repositories.status.query(of('nowhere'))).rejects.toThrow(/no repository in the folder/);
});
