// @module-tag nightly
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeScript } from '../../../src/sessions/repositories/checkpoint-scripts.ts';
import { runGit } from '../../../src/sessions/repositories/git.ts';
import { fence } from '../../support/clients/api.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { type Git, type GitServer, gitServer } from '../../support/egress/git-server.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { worlds } from '../../support/worlds.ts';

const files = 100_000;
let git: GitServer;
let shims: string;
beforeAll(async () => {
  git = await gitServer('bot', 'a-secret-that-is-not-used');
  // A git of the server's own would be this one.
  shims = mkdtempSync(join(tmpdir(), 'corral-shims-'));
  writeFileSync(join(shims, 'git'), `#!/bin/sh\ntouch ${shims}/ran\nexit 1\n`);
  chmodSync(join(shims, 'git'), 0o755);
});
afterAll(async () => {
  await git?.[Symbol.asyncDispose]();
  rmSync(shims, { recursive: true, force: true });
});

const trap = 'touch "$HOME/trapped" /workspace/trapped /tmp/trapped; exit 1';
const submodules = {
  ext: 'ext::sh -c touch% /workspace/trapped',
  option: '--upload-pack=touch /workspace/trapped',
  file: 'file:///etc',
  ssh: 'ssh://-oProxyCommand=touch%20/workspace/trapped/x',
  up: '../../../../etc',
} as const;

/** Gives a repository what its author can put into a commit. */
function fill(run: Git): void {
  const link = (to: string, name: string) => {
    writeFileSync(join(shims, 'link'), to);
    const hash = run('hash-object', '-w', join(shims, 'link')).trim();
    run('update-index', '--add', '--cacheinfo', `120000,${hash},${name}`);
  };
  link('/etc/passwd', 'links/absolute');
  link('../../../../../../etc', 'links/up');
  link('.git/hooks', 'links/hooks');
  const head = run('rev-parse', 'HEAD').trim();
  for (const name of Object.keys(submodules))
    run('update-index', '--add', '--cacheinfo', `160000,${head},parts/${name}`);
  run('commit', '--quiet', '-m', 'Links and submodules');
}
const modules = Object.entries(submodules)
  .map(([name, url]) => `[submodule "${name}"]\n\tpath = parts/${name}\n\turl = ${url}\n\tupdate = !${trap}\n`)
  .join('');

for (const world of worlds)
  test(`${world.driver}: a hostile tree of 100,000 files runs nothing outside of what the agent itself runs, and its checkpoints are quick`, async (context) => {
    const name = (kind: string) => `public/${world.driver}-${kind}`;
    git.make(
      name('hostile'),
      { 'a.txt': 'one\n', '.gitattributes': '* filter=trap diff=trap merge=trap\n', '.gitmodules': modules },
      fill,
    );
    // Git takes no such path into an index, so only a tree that is made by hand has it.
    git.make(name('dotgit'), { 'a.txt': 'a\n' }, (run) => {
      const blob = run('rev-parse', 'HEAD:a.txt').trim();
      writeFileSync(
        join(shims, 'tree'),
        Buffer.concat([Buffer.from('100755 post-checkout\0'), Buffer.from(blob, 'hex')]),
      );
      const raw = (file: string) => run('hash-object', '-w', '-t', 'tree', '--literally', join(shims, file)).trim();
      const hooks = raw('tree');
      writeFileSync(join(shims, 'tree'), Buffer.concat([Buffer.from('40000 hooks\0'), Buffer.from(hooks, 'hex')]));
      const inner = raw('tree');
      writeFileSync(join(shims, 'tree'), Buffer.concat([Buffer.from('40000 .git\0'), Buffer.from(inner, 'hex')]));
      run('update-ref', 'refs/heads/main', run('commit-tree', raw('tree'), '-m', 'x').trim());
    });
    git.make(name('large'), { 'a.txt': 'a\n' });

    await using real = await realServer(context, world, {
      ...git.settings,
      PATH: `${shims}:${process.env.PATH}`,
      CORRAL_SANDBOX_MEMORY: '2GiB',
    });
    using client = openClient(real.server.url, 'ws');
    const { id } = await client.sessions.create.mutate({
      repositories: ['hostile', 'dotgit', 'large'].map((path) => ({ url: git.urlOf(name(path)), path })),
    });
    const states = async () =>
      (await client.repositories.list.query({ sessionId: id })).map(({ path, state }) => `${path} ${state}`);
    await expect.poll(states).toEqual(['hostile ready', 'dotgit failed', 'large ready']);
    const details = real.factsOf(id, 'repository').map(({ data }) => data.detail);
    expect(details.join('\n')).toContain(`${Object.keys(submodules).length} submodules could not be fetched`);
    const sh = async (command: string) => {
      const { stdout, stderr, exitCode } = await client.sandbox.exec.mutate({ sessionId: id, command });
      return exitCode === 0 ? stdout.trim() : `${exitCode}: ${stdout}${stderr}`;
    };
    const trapped = () => sh('ls -d "$HOME/trapped" /workspace/trapped /tmp/trapped 2>/dev/null; true');
    expect(await trapped()).toBe('');
    expect(await sh('ls -A hostile/parts/*; cat hostile/.git/hooks/post-checkout 2>/dev/null; true')).not.toContain(
      'passwd',
    );

    const run = async (script: string) => {
      const ends = real.factsOf(id, 'run.end').length;
      await real.client.send(id, fence('sh', script));
      await expect.poll(() => real.factsOf(id, 'run.end').length).toBeGreaterThan(ends);
      await sh('true'); // each use waits for the checkpoint of the run
    };
    // The agent adds what only a folder of git can have, also in repositories inside of the repository.
    await run(`cd large && git config user.name A && git config user.email a@example.org &&
    for d in $(seq 100); do mkdir d$d; (cd d$d; seq 1000 | split -l 1 -a 3 - f); done &&
    git add --all && git -c core.hooksPath=/dev/null commit -qm Files && git ls-files | wc -l >/workspace/.count
    cd ../hostile && echo two > a.txt && mkdir -p nested/deep && git init -q nested/deep && ln -s ../large/.git nested/.git
    echo 'gitdir: /workspace/large/.git' > links.git; mkdir odd && echo 'gitdir: ../../large/.git' > odd/.git
    for where in . nested/deep; do
      for name in core.fsmonitor core.sshCommand core.pager core.editor diff.external filter.trap.clean filter.trap.smudge \\
        filter.trap.process diff.trap.textconv diff.trap.command merge.trap.driver gpg.program credential.helper \\
        core.alternateRefsCommand uploadpack.packObjectsHook alias.add alias.status sequence.editor interactive.diffFilter; do
        git -C $where -c core.fsmonitor=false config $name '!${trap}'; done
      git -C $where -c core.fsmonitor=false config core.fsmonitor '${trap}'
      git -C $where -c core.fsmonitor=false config filter.trap.clean '${trap}'
      git -C $where -c core.fsmonitor=false config filter.trap.required true
      git -C $where -c core.fsmonitor=false config core.attributesFile ../.gitattributes
      git -C $where -c core.fsmonitor=false config core.hooksPath /workspace/hooks
      git -C $where -c core.fsmonitor=false config core.worktree /
    done
    mkdir /workspace/hooks; for hook in pre-commit commit-msg post-commit pre-push post-checkout post-index-change \\
      reference-transaction prepare-commit-msg pre-auto-gc fsmonitor-watchman; do
      printf '#!/bin/sh\\n${trap}\\n' >/workspace/hooks/$hook; chmod +x /workspace/hooks/$hook; done
    rm -f "$HOME/trapped" /workspace/trapped /tmp/trapped`);
    expect(Number(await sh('cat .count'))).toBe(files + 1);
    expect(await trapped()).toBe('');

    const of = { sessionId: id, path: 'hostile' };
    expect((await client.repositories.status.query(of)).files.map(({ path }) => path)).toContain('a.txt');
    expect((await client.repositories.diff.query({ ...of, file: 'a.txt' })).text).toContain('-one\n+two');
    await client.repositories.commit.mutate({ ...of, message: 'Two', files: ['a.txt'] });
    await client.repositories.push.mutate(of);
    expect((await client.repositories.patch.query(of)).text).toContain('+two');
    const listed = await client.checkpoints.list.query({ sessionId: id });
    expect(listed.at(-1)?.files).toBeGreaterThanOrEqual(files);
    await run('echo three > hostile/a.txt; echo changed > large/d1/faaa');
    const last = (await client.checkpoints.list.query({ sessionId: id })).at(-1)?.number ?? 0;
    const { files: changes } = await client.checkpoints.diff.query({ sessionId: id, from: last - 1, to: last });
    expect(changes.map(({ path }) => path)).toEqual(['hostile/a.txt', 'large/d1/faaa']);
    await client.checkpoints.restore.mutate({ sessionId: id, number: last - 1 });
    expect([await sh('cat hostile/a.txt'), await trapped()]).toEqual(['two', '']);
    expect(existsSync(join(shims, 'ran')), 'a git ran on the server').toBe(false);

    // Processor time, because others work on this machine too. The least of three tells what the work itself takes.
    const cpu = async (command: string) => {
      const { stderr } = await client.sandbox.exec.mutate({
        sessionId: id,
        command: `TIMEFORMAT='cpu %U %S'\ntime (${command}\n) >/dev/null`,
        timeoutMs: 120_000,
      });
      const [, user = 'NaN', system = 'NaN'] = /cpu ([\d.]+) ([\d.]+)/.exec(stderr) ?? [];
      return Number(user) + Number(system);
    };
    const taken: number[] = [];
    const stashed: number[] = [];
    await sh('rm -rf hostile dotgit');
    for (let round = 0; round < 4; round += 1) {
      await sh(`for d in $(seq 50); do echo round ${round} > large/d$d/faab; done`);
      stashed.push(await cpu('cd large && git stash create'));
      const commands: string[] = [];
      const values = { session: id, workdir: '/workspace', number: `${900 + round}`, oldest: '' };
      const keep = async ({ command }: { command: string }) => {
        commands.push(command);
        return { exitCode: 0, stdout: '', stderr: '', timedOut: false };
      };
      await runGit({ exec: keep } as never, { script: takeScript, values, timeoutMs: 1 }, new AbortController().signal);
      taken.push(await cpu(commands[0] ?? 'exit 1'));
    }
    const [checkpoint, stash] = [Math.min(...taken), Math.min(...stashed)];
    expect(checkpoint / stash, `${taken} against ${stashed}`).toBeLessThan(2);
  });
