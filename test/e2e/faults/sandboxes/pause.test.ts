import { createTRPCClient, httpLink } from '@trpc/client';
import { describe, expect, test } from 'vitest';
import type { AppRouter } from '../../../../src/client/index.ts';
import { isNightly } from '../../../support/runner/nightly.ts';
import { type RealServer, realServer } from '../../../support/servers/real-server.ts';
import { worldsOrOnly } from '../../../support/worlds.ts';

const trpcOf = ({ server }: RealServer) =>
  createTRPCClient<AppRouter>({ links: [httpLink({ url: `${server.url}/trpc` })] });
const [cycles, files, big] = isNightly ? [50, 10_000, '1G'] : [3, 50, '8M'];
const waiters = 100;

/** Plain, nested, sparse, linked, executable and renamed files, and one that stays half written. */
const tree = `mkdir -p t/deep && cd t
for n in $(seq ${files}); do echo $n > deep/f$n; done
truncate -s ${big} sparse; printf end >> sparse
ln -s deep/f1 link; ln -s nowhere broken; ln deep/f2 hard
printf '#!/bin/sh\\n' > run; chmod 750 run
mv deep/f3 moved; printf half > half
setfattr -n user.a -v b run 2>/dev/null || true`;
// A copy may have other holes. A start may give the sandbox another user. The times of reading and the number of tar's process are no part of the tree.
const hash =
  'tar --sort=name --xattrs --owner=0 --group=0 --pax-option=delete=atime,delete=ctime,exthdr.name=%d/%f -cf - t | sha256sum';
// A copy has times in whole seconds, and no extended attributes.
const copiedHash = 'tar --sort=name --format=gnu --owner=0 --group=0 -cf - t | sha256sum';
const phases = (real: RealServer, id: string) => real.factsOf(id, 'sandbox.phase').map(({ data }) => data.phase);

describe.each(worldsOrOnly('process'))('a sandbox that is paused with $driver', (world) => {
  test('keeps every file over many pauses, and goes on counting where memory is promised', {
    timeout: 900_000,
  }, async (context) => {
    await using real = await realServer(context, world);
    const { sandbox } = trpcOf(real);
    const id = await real.ready();
    const of = { sessionId: id };
    const says = async (command: string) => (await sandbox.exec.mutate({ ...of, command, timeoutMs: 300_000 })).stdout;
    await says(tree);
    const before = await says(hash);
    const { pause } = await sandbox.status.query(of);
    await says('nohup sh -c "while :; do date +%s%N > /tmp/beat; sleep 0.05; done" > /dev/null 2>&1 & echo $! > pid');
    for (let n = 0; n < cycles; n++) {
      const keeps = pause === 'memory' && n % 2 === 0 ? 'memory' : 'files';
      expect(await sandbox.pause.mutate({ ...of, keeps })).toMatchObject({ condition: 'paused', keeps });
      expect(await sandbox.resume.mutate(of)).toMatchObject({ condition: 'running', keeps: null });
      expect(await says(hash)).toBe(before);
      if (pause === 'memory' && n === 0) expect(await says('kill -0 $(cat pid) && echo alive')).toBe('alive\n');
    }
    const ended = real.factsOf(id, 'sandbox.phase').flatMap(({ data }) => data.ended ?? []);
    expect(ended.join('\n')).toContain('/tmp/beat');
    await real.holds(id);
  });

  test('is resumed once for a hundred that wait for it, and all are answered', {
    timeout: 300_000,
  }, async (context) => {
    await using real = await realServer(context, world);
    const { sandbox } = trpcOf(real);
    const id = await real.ready();
    await sandbox.exec.mutate({ sessionId: id, command: 'echo kept > note' });
    await sandbox.pause.mutate({ sessionId: id });
    const from = phases(real, id).length;
    const answers = await Promise.all(
      Array.from({ length: waiters }, () => sandbox.exec.mutate({ sessionId: id, command: 'cat note' })),
    );
    expect(answers.map(({ stdout }) => stdout)).toEqual(Array.from({ length: waiters }, () => 'kept\n'));
    const up = phases(real, id).slice(from);
    expect(up.filter((phase) => phase === 'ready' || phase === 'resumed')).toHaveLength(1);
    await real.holds(id);
  });

  test('has its files after the server was killed while it was paused', { timeout: 300_000 }, async (context) => {
    await using real = await realServer(context, world);
    const { sandbox } = trpcOf(real);
    const id = await real.ready();
    const of = { sessionId: id };
    await sandbox.exec.mutate({ ...of, command: tree, timeoutMs: 300_000 });
    const before = await sandbox.exec.mutate({ ...of, command: hash });
    await sandbox.pause.mutate({ ...of, keeps: 'files' });
    real.server.kill('SIGKILL');
    await real.server.restart();
    expect(await trpcOf(real).sandbox.status.query(of)).toMatchObject({ condition: 'paused', keeps: 'files' });
    expect(await trpcOf(real).sandbox.exec.mutate({ ...of, command: hash })).toMatchObject({ stdout: before.stdout });
    await real.holds(id);
  });

  test('gives its files to boxes that begin with its snapshot, and to forks, which go their own ways', {
    timeout: 300_000,
  }, async (context) => {
    await using real = await realServer(context, world);
    const { sandbox, sessions, snapshots } = trpcOf(real);
    const id = await real.ready();
    const says = async (sessionId: string, command: string) =>
      (await sandbox.exec.mutate({ sessionId, command, timeoutMs: 300_000 })).stdout;
    await says(id, tree);
    const before = await says(id, copiedHash);
    const { id: snapshot } = await snapshots.create.mutate({ sessionId: id, name: 'build-cache' });
    await says(id, 'echo later > t/later');
    const copy = await sessions.create.mutate({ snapshot: 'build-cache' });
    expect(await says(copy.id, copiedHash)).toBe(before);
    const forks = await sandbox.fork.mutate({ sessionId: id, count: 2 });
    const made = forks.flatMap((one) => ('sessionId' in one ? [one.sessionId] : []));
    expect(made).toHaveLength(2);
    for (const [n, fork] of made.entries()) expect(await says(fork, `cat t/later; echo ${n} > own`)).toBe('later\n');
    expect(await Promise.all(made.map((fork) => says(fork, 'cat own')))).toEqual(['0\n', '1\n']);
    await snapshots.delete.mutate({ id: snapshot });
    await expect(sessions.create.mutate({ snapshot: 'build-cache' })).rejects.toThrow('no such snapshot');
    for (const one of [...made, copy.id, id]) await real.holds(one);
  });
});
