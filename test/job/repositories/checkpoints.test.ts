// @module-tag all
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { type GitServer, gitServer } from '../../support/egress/git-server.ts';
import { worldServer } from '../../support/servers/real-server.ts';
import { processWorld } from '../../support/worlds.ts';

let git: GitServer;
beforeAll(async () => {
  git = await gitServer('bot', 'a-secret-that-is-not-used');
});
afterAll(() => git?.[Symbol.asyncDispose]());

test('each run that changed files leaves a checkpoint, next to the index and branches of a hostile repository', async (context) => {
  git.make('public/one', { 'a.txt': 'one\n', '.gitignore': '*.log\n' });
  await using real = await worldServer(context, processWorld, git.settings);
  using client = openClient(real.server.url, 'ws');
  const { id } = await client.sessions.create.mutate({ repositories: [{ url: git.urlOf('public/one') }] });
  const of = { sessionId: id };
  const run = async (script: string) => {
    await real.client.send(id, fence('sh', script));
    const ends = real.factsOf(id, 'run.end').length;
    await expect.poll(() => real.factsOf(id, 'run.end').length).toBeGreaterThan(ends);
  };
  const shell = async (command: string) => (await client.sandbox.exec.mutate({ sessionId: id, command })).stdout.trim();
  const numbers = async () =>
    (await client.checkpoints.list.query(of)).map(({ number, files }) => `${number}: ${files}`);

  const trap = 'touch "$HOME/trapped"; exit 1';
  await run(`cd one && echo two > a.txt && echo log > x.log && echo top > ../top.txt
    git config filter.trap.clean '${trap}'; git config core.fsmonitor '${trap}'; git config diff.external '${trap}'
    echo '*.txt filter=trap diff=trap' > .gitattributes; ln -s /etc/passwd link
    for hook in post-checkout post-index-change reference-transaction; do
      printf '#!/bin/sh\\n${trap}\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done
    git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c filter.trap.clean=cat add a.txt; rm -f "$HOME/trapped"`);
  await expect.poll(numbers).toEqual(['0: 0', '1: 4']);
  const kept = 'git --git-dir=one/.git for-each-ref; sha256sum one/.git/index';
  const before = await shell(kept);
  await run('cat one/a.txt');
  expect(await numbers()).toEqual(['0: 0', '1: 4']);
  await run('cd one && echo three > a.txt && rm link && mkdir -p deep && echo new > deep/new.txt && rm ../top.txt');
  await expect.poll(numbers).toEqual(['0: 0', '1: 4', '2: 4']);

  const { files, text } = await client.checkpoints.diff.query({ ...of, from: 1, to: 2 });
  expect(files.map(({ path, change }) => `${change} ${path}`)).toEqual([
    ...['modified one/a.txt', 'added one/deep/new.txt', 'deleted one/link', 'deleted top.txt'],
  ]);
  expect(text).toContain('-two\n+three');
  expect((await client.checkpoints.diff.query({ ...of, from: 2 })).files).toEqual([]);

  expect(await client.checkpoints.restore.mutate({ ...of, number: 1 })).toEqual({ before: 2 });
  expect(await shell('cat one/a.txt top.txt one/x.log; readlink one/link; ls one/deep 2>/dev/null; true')).toBe(
    'two\ntop\nlog\n/etc/passwd',
  );
  expect((await client.checkpoints.diff.query({ ...of, from: 1 })).files).toEqual([]);
  expect(await numbers()).toEqual(['0: 0', '1: 4', '2: 4', '3: 4']);
  await client.checkpoints.restore.mutate({ ...of, number: 2 });
  expect(await shell('cat one/a.txt one/deep/new.txt')).toBe('three\nnew');
  expect(await shell(kept)).toBe(before);
  expect(await shell('ls "$HOME/trapped" 2>/dev/null; true')).toBe('');
  const rest = (method: string, path: string) => real.client.ask(method, `/${id}/checkpoints${path}`);
  const listed = (await rest('GET', '')).body.data as { checkpoints: object[] };
  expect(listed.checkpoints).toEqual(await client.checkpoints.list.query(of));
  expect((await rest('GET', '/1/diff?to=2')).body.data).toMatchObject({ files, text });
  for (const [status, method, path] of [
    [404, 'POST', '/99/restore'],
    [404, 'GET', '/1/diff?to=99'],
    [400, 'GET', '/x/diff'],
    [400, 'GET', '/1/diff?to=-1'],
  ] as const)
    expect((await rest(method, path)).status, path).toBe(status);
  await expect(client.checkpoints.diff.query({ ...of, from: 99 })).rejects.toThrow(/no checkpoint 99/);
  await expect(client.checkpoints.restore.mutate({ ...of, number: 99 })).rejects.toThrow(/no checkpoint 99/);
});
