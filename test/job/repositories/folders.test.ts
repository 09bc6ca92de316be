// @module-tag nightly
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClient } from '../../support/clients/trpc.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { worlds } from '../../support/worlds.ts';

let root: string;
const canary = 'canary-of-a-folder-91c3';
const git = (...args: string[]) =>
  execFileSync(
    'git',
    ['-c', 'user.name=A', '-c', 'user.email=a@example.org', '-c', 'init.defaultBranch=main', ...args],
    { encoding: 'utf8', cwd: root },
  ).trim();

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'corral-folder-e2e-')));
  mkdirSync(join(root, 'git'));
  const at = join(root, 'git/project');
  git('init', '--quiet', at);
  writeFileSync(join(at, 'a.txt'), 'one\n');
  git('-C', at, 'add', '--all');
  git('-C', at, 'commit', '--quiet', '-m', 'Begin');
  git('-C', at, 'branch', 'packed');
  git('-C', at, 'gc', '--quiet');
  writeFileSync(join(at, 'a.txt'), 'two\n');
  git('-C', at, 'commit', '--quiet', '--all', '-m', 'Second');
  git('-C', at, 'tag', 'v1');
  writeFileSync(join(at, 'b.txt'), canary);
  git('-C', at, 'add', '--all');
  git('-C', at, 'stash', '--quiet');
  writeFileSync(join(at, '.env'), canary);
  // A stranger wrote its settings and hooks.
  const trap = join(root, 'trap.sh');
  writeFileSync(trap, `#!/bin/sh\ntouch ${root}/trapped\n`);
  chmodSync(trap, 0o755);
  for (const name of ['core.fsmonitor', 'core.sshCommand', 'uploadpack.packObjectsHook', 'core.alternateRefsCommand'])
    git('-C', at, 'config', name, trap);
  git('-C', at, 'config', 'core.hooksPath', root);
  git('-C', at, 'config', 'remote.origin.url', `https://bot:${canary}@example.org/x`);
  git('-C', at, 'config', 'remote.origin.uploadpack', trap);
  for (const hook of ['post-checkout', 'pre-receive', 'reference-transaction', 'post-update'])
    symlinkSync(trap, join(at, '.git/hooks', hook));
  git('init', '--quiet', '--bare', join(root, 'secret'));
  symlinkSync(join(root, 'secret'), join(root, 'git/link'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const real = worlds.filter(({ driver }) => driver === 'process' || driver === 'docker');
describe.each(real)('on $driver', (world) => {
  test('a session begins with a folder of the server, works on a copy, and gives its work back as a patch', async (context) => {
    await using server = await realServer(context, world, { CORRAL_REPOSITORIES_FOLDERS: join(root, 'git') });
    using client = openClient(server.server.url, 'ws');
    const url = `file://${root}/git/project`;
    const create = (repositories: { url: string; ref?: string; path?: string; depth?: number }[]) =>
      client.sessions.create.mutate({ title: 'Folder', repositories });
    const { id } = await create([
      { url },
      { url, ref: 'packed', path: 'old', depth: 1 },
      { url, ref: git('-C', join(root, 'git/project'), 'rev-parse', 'v1~'), path: 'commit' },
      { url: `file://${root}/git/link` },
      { url: `file://${root}/git/missing` },
    ]);
    const list = () => client.repositories.list.query({ sessionId: id });
    const states = async () => (await list()).map(({ path, state }) => `${path} ${state}`);
    const ends = ['project ready', 'old ready', 'commit ready', 'link failed', 'missing failed'];
    await expect.poll(states).toEqual(ends);
    const [project, , , link, missing] = await list();
    expect(project).toMatchObject({ access: 'read', baseBranch: 'main' });
    expect(link?.error).toContain('leads out of the folders');
    expect(missing?.error).toContain('There is no folder');
    const run = async (command: string) => (await client.sandbox.exec.mutate({ sessionId: id, command })).stdout.trim();
    expect(await run('cat project/a.txt old/a.txt commit/a.txt; git -C old rev-list --count HEAD')).toBe(
      'two\none\none\n1',
    );
    expect(await run('git -C project tag; git -C project remote get-url origin; git -C project stash list')).toBe(
      `v1\n${url}`,
    );
    expect(await run(`ls -A .corral/fetching 2>/dev/null; grep -rlaF '${canary}' . 2>/dev/null`)).toBe('');
    expect(await run(`ls ${root} 2>/dev/null`)).toBe('');

    await run('echo three > project/a.txt');
    const of = { sessionId: id, path: 'project' };
    await client.repositories.commit.mutate({ ...of, message: 'Third' });
    await expect(client.repositories.push.mutate(of)).rejects.toThrow(/writes to no folder of the server/);
    expect(await run('cd project && git push origin HEAD >/dev/null 2>&1; echo $?')).not.toBe('0');
    expect((await client.repositories.patch.query(of)).text).toContain('-two\n+three');
    expect(git('-C', join(root, 'git/project'), '-c', 'core.fsmonitor=false', 'log', '--format=%s', 'main')).toBe(
      'Second\nBegin',
    );

    await expect(create([{ url: `file://${root}/secret` }])).rejects.toThrow(/CORRAL_REPOSITORIES_FOLDERS/);
    await expect(create([{ url: `file://${root}/git/../secret` }])).rejects.toThrow(/CORRAL_REPOSITORIES_FOLDERS/);
    expect(await run('true')).toBe('');
    expect(() => execFileSync('ls', [join(root, 'trapped')], { stdio: 'ignore' })).toThrow();
  });
});
