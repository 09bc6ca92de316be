// @module-tag nightly
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const corralYaml = `
egress: [packages.example.org]
ports: {web: 4321}
checks:
  test: test -f packages/one && echo fine
  lint: echo "line 3 is bad"; exit 3
cache: [lock]
`;
const files = {
  lock: 'one\n',
  '.gitignore': 'packages/\n',
  '.corral/corral.yaml': corralYaml,
  '.corral/setup.sh':
    'mkdir -p packages && cp lock packages/one && head -c 8 /dev/urandom | od -An -tx1 >packages/id\n',
  '.corral/start.sh': 'echo started >>started.txt\n',
};

test('a prepared repository serves the next sessions of its owner, which share nothing, until a named file changes', async (context) => {
  git.make('public/app', files);
  await using real = await realServer(context, processWorld, git.settings);
  using client = openClient(real.server.url, 'ws');
  const begin = async (ref?: string) => {
    const repository = { url: git.urlOf('public/app'), ...(ref !== undefined && { ref }) };
    const { id } = await client.sessions.create.mutate({ repositories: [repository] });
    const environment = async () => (await client.repositories.list.query({ sessionId: id }))[0]?.environment;
    await expect
      .poll(async () => (await environment())?.setup, { timeout: 120_000 })
      .toMatch(/^(ran|restored|failed)$/);
    const run = async (command: string) => {
      const { stdout, stderr, exitCode } = await client.sandbox.exec.mutate({ sessionId: id, command });
      return exitCode === 0 ? stdout.trim() : `${exitCode}: ${stdout}${stderr}`;
    };
    return { id, environment, run };
  };
  const first = await begin();
  expect(await first.environment()).toMatchObject({
    ...{ problem: null, setup: 'ran', starts: true, egress: ['packages.example.org'] },
    ports: [{ name: 'web', port: 4_321 }],
  });
  const made = await first.run('cat app/packages/id');
  await expect.poll(() => first.run('cat app/started.txt')).toBe('started');
  const { entries, allowed } = await client.egress.inForce.query({ sessionId: first.id });
  expect([...entries, ...allowed]).not.toContain('packages.example.org');

  const second = await begin();
  expect(await second.environment()).toMatchObject({ setup: 'restored' });
  expect(await second.run('cat app/packages/id')).toBe(made);
  expect(await second.run('git -C app status --porcelain packages lock')).toBe('');
  await second.run('echo mine >app/packages/one; echo mine >app/packages/new');
  const third = await begin();
  expect(await third.environment()).toMatchObject({ setup: 'restored' });
  expect(await third.run('cat app/packages/one; ls app/packages')).toBe('one\nid\none');
  expect(await first.run('cat app/packages/one; ls app/packages')).toBe('one\nid\none');

  // A stranger's branch with the same lock file neither takes nor leaves anything for the main branch.
  const bare = git.git('public/app', 'rev-parse', '--absolute-git-dir').trim();
  const work = mkdtempSync(join(tmpdir(), 'corral-prepared-'));
  context.onTestFinished(() => rmSync(work, { recursive: true, force: true }));
  const local = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=B', '-c', 'user.email=b@example.org', ...args], { cwd: work });
  local('clone', '--quiet', bare, '.');
  local('push', '--quiet', 'origin', 'HEAD:refs/heads/stranger');
  const stranger = await begin('stranger');
  expect(await stranger.environment()).toMatchObject({ setup: 'ran' });

  writeFileSync(join(work, 'lock'), 'two\n');
  local('commit', '--quiet', '-am', 'Two');
  local('push', '--quiet', 'origin', 'HEAD:refs/heads/main');
  const changed = await begin();
  expect(await changed.environment()).toMatchObject({ setup: 'ran' });
  expect(await changed.run('cat app/packages/one')).toBe('two');

  writeFileSync(join(work, 'lock'), 'three\n');
  local('commit', '--quiet', '-am', 'Three');
  local('push', '--quiet', 'origin', 'HEAD:refs/heads/main');
  const prebuild = async (path: string) => {
    const repositories = [{ url: git.urlOf(path) }];
    const automation = await client.automations.create.mutate({ kind: 'prebuild', name: 'Ahead', repositories });
    await client.automations.start.mutate({ id: automation.id });
    const last = async () => (await client.automations.starts.query({ id: automation.id }))[0];
    await expect.poll(async () => (await last())?.state).toBe('ended');
    return await last();
  };
  const ahead = await prebuild('public/app');
  expect(ahead).toMatchObject({ outcome: { status: 'completed' }, text: expect.stringMatching(/kept for later/) });
  expect((await client.sessions.list.query()).items.map(({ id }) => id)).not.toContain(ahead?.sessionId);
  const served = await begin();
  expect(await served.environment()).toMatchObject({ setup: 'restored' });
  expect(await served.run('cat app/packages/one')).toBe('three');
  git.make('public/bare', { 'a.txt': 'a\n' });
  expect(await prebuild('public/bare')).toMatchObject({
    outcome: { status: 'failed' },
    text: expect.stringMatching(/has no \.corral\/setup\.sh/),
  });

  const of = { sessionId: first.id, path: 'app' };
  const { checks } = await client.repositories.check.mutate(of);
  expect(checks).toMatchObject([
    { name: 'test', status: 'passed', exitCode: 0, output: 'fine' },
    { name: 'lint', status: 'failed', exitCode: 3, output: 'line 3 is bad' },
  ]);
  expect((await first.environment())?.checks.map(({ last }) => last?.status)).toEqual(['passed', 'failed']);
  expect(real.factsOf(first.id, 'repository').at(-1)?.data).toMatchObject({ kind: 'unchecked' });
  const rest = await real.client.ask('POST', `/${first.id}/repositories/checks`, { path: 'app', names: ['test'] });
  expect(rest).toMatchObject({ status: 200, body: { data: { checks: [{ name: 'test', status: 'passed' }] } } });
  await expect(client.repositories.check.mutate({ ...of, names: ['none'] })).rejects.toThrow(/no check none/);
});
