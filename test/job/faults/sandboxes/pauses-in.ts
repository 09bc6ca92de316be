// Pauses, kills of the server, snapshots and forks: afterwards a sandbox has its files.
import { describe, expect, test } from 'vitest';
import { type RealServer, realServer, trpcOf } from '../../../support/servers/real-server.ts';
import type { World } from '../../../support/worlds.ts';

const { TEST_PAUSE_CYCLES, TEST_PAUSE_BYTES } = process.env;
const cycles = Number(TEST_PAUSE_CYCLES ?? 50);
const largeBytes = Number(TEST_PAUSE_BYTES ?? 2 ** 30);
const files = 10_000;
const waiters = 100;
const small = 2 ** 23;

/** Plain, nested, large, sparse, linked, executable and renamed files, and one half-written file. */
const treeOf = (large: number) => `mkdir -p t/deep && cd t
for n in $(seq ${files}); do echo $n > deep/f$n; done
head -c ${large} /dev/urandom > large
truncate -s 64M sparse; printf middle | dd of=sparse bs=1 seek=9000000 conv=notrunc 2>/dev/null; printf end >> sparse
ln -s deep/f1 link; ln -s nowhere broken; ln deep/f2 hard
printf '#!/bin/sh\\n' > run; chmod 750 run
mv deep/f3 moved; printf half > half
setfattr -n user.a -v b run 2>/dev/null || true`;
/** A program that keeps a half-written file open, and writes to another one through mapped memory. */
const holder = `cat > /tmp/holder.py <<'END'
import mmap, time
written = open('t/written', 'wb', buffering=0)
written.write(b'first half')
with open('t/mapped', 'wb') as made: made.truncate(1 << 20)
shared = open('t/mapped', 'r+b')
mapped = mmap.mmap(shared.fileno(), 0)
mapped[70000:70004] = b'seen'
open('/tmp/holds', 'w').close()
time.sleep(1e6)
END
nohup python3 /tmp/holder.py > /dev/null 2>&1 &
until [ -e /tmp/holds ]; do sleep 0.05; done`;
/** A program that counts in memory and prints its count. */
const counter = `nohup bash -c 'n=0; while :; do n=$((n+1)); echo $n > /tmp/beat.new; mv /tmp/beat.new /tmp/beat; sleep 0.02; done' > /dev/null 2>&1 &
echo $! > /tmp/counter; until [ -s /tmp/beat ]; do sleep 0.05; done; cat /tmp/beat`;
/** Prints whether the same program continues to count from there. */
const goesOn = (from: number) =>
  `for n in $(seq 3000); do [ "$(cat /tmp/beat)" -gt ${from} ] && kill -0 $(cat /tmp/counter) && echo on && break; sleep 0.05; done`;
// A copy can have other holes, and a start can give the sandbox another user. Access times and tar's process number are
// not part of the tree.
const hash =
  'tar --sort=name --xattrs --owner=0 --group=0 --pax-option=delete=atime,delete=ctime,exthdr.name=%d/%f -cf - t | b2sum';
// A copy has times in whole seconds and no extended attributes.
const copiedHash = 'tar --sort=name --format=gnu --owner=0 --group=0 -cf - t | b2sum';
/** The steps of a pause and of the resume after it. Only Docker freezes. */
const freezing = ['driver.pause.before', 'driver.pause.after', 'driver.resume.before', 'driver.resume.after'];
const ending = ['driver.destroy.before', 'driver.destroy.after'];
/** Runs commands of a session, and throws when one fails. */
const shellOf = (real: RealServer) => async (sessionId: string, command: string) => {
  const ran = await trpcOf(real).sandbox.exec.mutate({ sessionId, command, timeoutMs: 300_000 });
  expect(ran).toMatchObject({ exitCode: 0, timedOut: false });
  return ran.stdout;
};
const phases = (real: RealServer, id: string) => real.factsOf(id, 'sandbox.phase').map(({ data }) => data.phase);

export const pausesIn = (world: World) =>
  describe(`a sandbox that is paused with ${world.driver}`, () => {
    test('keeps every file over many pauses, and continues counting where memory is promised', async (context) => {
      await using real = await realServer(context, world);
      const { sandbox } = trpcOf(real);
      const id = await real.ready();
      const of = { sessionId: id };
      const says = (command: string) => shellOf(real)(id, command);
      await says(treeOf(largeBytes));
      await says(holder);
      const before = await says(hash);
      const { pause } = await sandbox.status.query(of);
      for (let n = 0; n < cycles; n++) {
        const keeps = pause === 'memory' && n % 2 === 0 ? 'memory' : 'files';
        const counted = Number(await says(counter));
        expect(counted).toBeGreaterThan(0);
        expect(await sandbox.pause.mutate({ ...of, keeps })).toMatchObject({ condition: 'paused', keeps });
        expect(await sandbox.resume.mutate(of)).toMatchObject({ condition: 'running', keeps: null });
        expect(await says(hash)).toBe(before);
        if (keeps === 'memory') expect(await says(goesOn(counted))).toBe('on\n');
      }
      const ended = real.factsOf(id, 'sandbox.phase').flatMap(({ data }) => data.ended ?? []);
      expect(ended.join('\n')).toContain('/tmp/beat');
      await real.holds(id);
    });

    test('is resumed once for a hundred that wait for it, and all are answered', async (context) => {
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

    test.for(world.driver === 'docker' ? [...freezing, ...ending] : ending)(
      'keeps what it reported as kept although the server was killed at %s',
      async (point, context) => {
        await using real = await realServer(context, world, { NODE_ENV: 'test', CORRAL_FAILPOINTS: `${point}=exit@1` });
        const id = await real.ready();
        const of = { sessionId: id };
        const exec = (command: string) => shellOf(real)(id, command);
        await exec(treeOf(small));
        const before = await exec(hash);
        const keeps = freezing.includes(point) ? 'memory' : 'files';
        const counted = Number(await exec(counter));
        const reported = await trpcOf(real)
          .sandbox.pause.mutate({ ...of, keeps })
          .catch(() => null);
        if (reported)
          await trpcOf(real)
            .sandbox.resume.mutate(of)
            .catch(() => {});
        await real.server.restart({ CORRAL_FAILPOINTS: '' });
        expect(await exec(hash)).toBe(before);
        if (reported && keeps === 'memory') expect(await exec(goesOn(counted))).toBe('on\n');
        expect(await trpcOf(real).sandbox.pause.mutate({ ...of, keeps })).toMatchObject({ condition: 'paused', keeps });
        expect(await exec(hash)).toBe(before);
        await real.holds(id);
      },
    );

    test('has its files after the server was killed while it was paused', async (context) => {
      await using real = await realServer(context, world);
      const { sandbox } = trpcOf(real);
      const id = await real.ready();
      const of = { sessionId: id };
      await shellOf(real)(id, treeOf(small));
      const before = await shellOf(real)(id, hash);
      await sandbox.pause.mutate({ ...of, keeps: 'files' });
      real.server.kill('SIGKILL');
      await real.server.restart();
      expect(await trpcOf(real).sandbox.status.query(of)).toMatchObject({ condition: 'paused', keeps: 'files' });
      expect(await shellOf(real)(id, hash)).toBe(before);
      await real.holds(id);
    });

    test('gives its files to boxes that begin with its snapshot, and to forks, which go their own ways', async (context) => {
      await using real = await realServer(context, world);
      const { sandbox, sessions, snapshots } = trpcOf(real);
      const id = await real.ready();
      const says = shellOf(real);
      await says(id, treeOf(small));
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
