// @module-tag nightly
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../support/clients/api.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { type GitServer, gitServer } from '../../support/egress/git-server.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

let git: GitServer;
beforeAll(async () => {
  git = await gitServer('bot', 'a-secret-that-is-not-used');
});
afterAll(() => git?.[Symbol.asyncDispose]());

const files = {
  lock: 'one\n',
  'later-lock': 'two\n',
  '.gitignore': 'packages/\nlib/made/\n*.made\n',
  '.corral/corral.yaml': 'cache: [lock]\n',
  'lib/kept.txt': 'kept\n',
  '.corral/setup.sh': `
mkdir -p packages/.bin lib/made && cp lock packages/one
head -c 8 /dev/urandom | od -An -tx1 >packages/id
ln -s ../one packages/.bin/one
echo deep >lib/made/deep.txt
echo beside >'lib/a b.made'
`,
};

const folders = async (data: string) =>
  (await readdir(join(data, 's'))).flatMap((name) => /^sbx-(\w{16})$/.exec(name)?.[1] ?? []);
async function volumes(ofServerOf: string): Promise<string[]> {
  const format = '{{.Label "corral.owner-instance"}} {{.Label "corral.session"}}';
  const { stdout } = await run('docker', ['volume', 'ls', '--format', format]);
  const rows = stdout.split('\n').map((row) => row.split(' '));
  const instance = rows.find(([, session]) => session === ofServerOf)?.[0];
  return rows.flatMap(([owner, session]) => (owner === instance && session ? [session] : []));
}

inEachWorld('process', 'with $driver', (world) => {
  test(`prepared files lie ready for the next sessions, which share nothing, until the lock file changes`, async (context) => {
    const name = `public/ready-${world.driver}`;
    git.make(name, files, (run) => {
      run('checkout', '--quiet', '-b', 'two');
      run('mv', '-f', 'later-lock', 'lock');
      run('commit', '--quiet', '-m', 'Two');
      run('checkout', '--quiet', 'main');
    });
    // With one, each session that takes it makes exactly one more; else their number depends on how fast sessions come.
    await using real = await realServer(context, world, { ...git.settings, CORRAL_REPOSITORIES_READY_WORKSPACES: '1' });
    const { server } = real;
    const client = openClient(server.url, 'ws');
    context.onTestFinished(() => client[Symbol.dispose]());
    const counted = async (event: string) => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      return Number(new RegExp(`corral_ready_workspaces_total\\{event="${event}"\\} (\\d+)`).exec(metrics)?.[1] ?? 0);
    };
    const reaches = (event: string, count: number) => expect.poll(() => counted(event), { interval: 100 }).toBe(count);
    const begin = async () => {
      const { id } = await client.sessions.create.mutate({ repositories: [{ url: git.urlOf(name), path: 'app' }] });
      const run = async (command: string) => {
        const { stdout, stderr, exitCode } = await client.sandbox.exec.mutate({ sessionId: id, command });
        return exitCode === 0 ? stdout.trim() : `${exitCode}: ${stdout}${stderr}`;
      };
      const made = await run('cat app/packages/id');
      const [found] = await client.repositories.list.query({ sessionId: id });
      return { id, run, made, setup: found?.environment?.setup };
    };
    const first = await begin();
    expect(first.setup).toBe('ran');
    await reaches('made', 1);

    const second = await begin();
    expect([[second.setup, second.made], await counted('taken')]).toEqual([['restored', first.made], 1]);
    expect(
      await second.run('cat app/packages/.bin/one app/lib/made/deep.txt "app/lib/a b.made" app/lib/kept.txt'),
    ).toBe('one\ndeep\nbeside\nkept');
    expect(await second.run('git -C app status --porcelain; ls -A .corral; find app -links +1 -type f')).not.toMatch(
      /prepared|[?M]|app/,
    );
    await second.run('echo mine >app/packages/one; echo mine >app/packages/new; echo mine >app/lib/made/deep.txt');
    await reaches('made', 2);

    const third = await begin();
    expect([[third.setup, third.made], await counted('taken')]).toEqual([['restored', first.made], 2]);
    for (const { run } of [first, third])
      expect(await run('cat app/packages/one app/lib/made/deep.txt; ls app/packages')).toBe('one\ndeep\nid\none');
    await reaches('made', 3);

    // The workspace that waits has the files of the old lock file, and goes to the session that finds the new one.
    git.git(name, 'update-ref', 'refs/heads/main', 'refs/heads/two');
    const changed = await begin();
    expect([changed.setup, await changed.run('cat app/packages/one')]).toEqual(['ran', 'two']);
    expect(await changed.run('ls -A .corral')).not.toContain('prepared');
    await reaches('made', 4);
    const served = await begin();
    expect([served.setup, served.made]).toEqual(['restored', changed.made]);

    await reaches('made', 5);
    const sessions: string[] = [first, second, third, changed, served].map(({ id }) => id);
    const foreign = async () => {
      const held = world.driver === 'docker' ? await volumes(served.id) : await folders(server.data);
      return held.filter((id) => !sessions.includes(id));
    };
    server.kill('SIGTERM');
    await server.restart({ CORRAL_REPOSITORIES_READY_WORKSPACES: '0' });
    expect(await foreign()).toEqual([]);
  });
});
