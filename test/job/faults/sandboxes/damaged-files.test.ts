// @module-tag nightly
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type SessionId, sandboxIdOf } from '../../../../src/core/model/ids.ts';
import { run } from '../../../support/clients/api.ts';
import { type RealServer, realServer, trpcOf } from '../../../support/servers/real-server.ts';
import { inEachWorld, type World } from '../../../support/worlds.ts';

/** The folder of the host that has the files of a sandbox that does not run. */
async function filesOf({ driver }: World, { server }: RealServer, id: string): Promise<string> {
  if (driver === 'process') return join(server.data, 's', sandboxIdOf(id as SessionId), 'workspace');
  const [volume] = (await run('docker', ['volume', 'ls', '-q', '--filter', `label=corral.session=${id}`])).stdout.split(
    '\n',
  );
  return (await run('docker', ['volume', 'inspect', '-f', '{{.Mountpoint}}', volume ?? ''])).stdout.trim();
}

const damages: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  altered: (folder) => writeFile(join(folder, 't/deep/f1'), '9\n'),
  'cut short': (folder) => truncate(join(folder, 't/half'), 2),
  gone: (folder) => rm(join(folder, 't'), { recursive: true }),
};
const tree = `mkdir -p t/deep && cd t && for n in $(seq 30); do echo $n > deep/f$n; done
printf half > half; ln -s deep/f1 link; ln deep/f2 hard; printf x > run; chmod 750 run`;
const hash =
  'cd t && { find . -printf "%y %m %P %l\\n" | sort; find . -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum; } 2>/dev/null | sha256sum';

const diesInPause = [
  'manifest.list.after',
  'snapshot.put.after',
  'manifest.copy.after',
  'manifest.put.after',
  'manifest.record.after',
];
const diesInRepair = [
  'manifest.repair.before',
  'manifest.aside.after',
  'manifest.unpack.after',
  'manifest.check.after',
];
const killedAt = [
  'manifest.aside.after',
  ...diesInPause,
  ...diesInRepair.filter((point) => point !== 'manifest.aside.after'),
];

/** The copies of files that the server keeps, oldest first. */
async function copiesOf({ server }: RealServer): Promise<string[]> {
  const { stdout } = await run('find', [server.data, '-name', 'files-*', '-size', '-20k', '-printf', '%T@ %p\\n']);
  const isGzip = async (path: string) => (await readFile(path)).subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]));
  const all = stdout
    .split('\n')
    .filter(Boolean)
    .sort()
    .map((line) => line.slice(line.indexOf(' ') + 1));
  return (await Promise.all(all.map(async (path) => ((await isGzip(path)) ? [path] : [])))).flat();
}

inEachWorld('process', 'files that are damaged while their sandbox is paused with $driver', (world) => {
  test.for(Object.keys(damages))('come back from the copy of the pause where one is %s', async (name, context) => {
    await using real = await realServer(context, world);
    const { sandbox } = trpcOf(real);
    const id = await real.ready();
    const of = { sessionId: id };
    const says = async (command: string) => (await sandbox.exec.mutate({ ...of, command })).stdout;
    await says(tree);
    const before = await says(hash);
    await sandbox.pause.mutate({ ...of, keeps: 'files' });
    await damages[name]?.(await filesOf(world, real, id));
    expect(await says(hash)).toBe(before);
    const [fact, ...more] = real.factsOf(id, 'sandbox.files_damaged');
    expect(more).toEqual([]);
    expect(fact?.data).toMatchObject({ lost: [], lostCount: 0, detail: expect.stringContaining('Nothing is lost') });
    const { filesDamaged } = await sandbox.status.query(of);
    expect(filesDamaged).toMatchObject({ copy: { at: expect.any(Number) }, lostCount: 0, aside: fact?.data.aside });
    const kept = await says('ls -d damaged-*/t');
    expect(kept).toBe(name === 'gone' ? '' : `${filesDamaged?.aside}/t\n`);
    await real.holds(id);
  });

  test('leave what an older whole copy has where the newest copy is damaged too, and the log names what is lost', async (context) => {
    await using real = await realServer(context, world);
    const { sandbox } = trpcOf(real);
    const id = await real.ready();
    const of = { sessionId: id };
    const says = async (command: string) => (await sandbox.exec.mutate({ ...of, command })).stdout;
    await says('echo early > early');
    await sandbox.pause.mutate({ ...of, keeps: 'files' });
    await says('echo late > late');
    await sandbox.pause.mutate({ ...of, keeps: 'files' });
    const newest = (await copiesOf(real)).at(-1) as string;
    await truncate(newest, 20);
    await rm(join(await filesOf(world, real, id), 'early'));
    expect(await says('cat early; cat late')).toBe('early\n');
    const [fact] = real.factsOf(id, 'sandbox.files_damaged');
    expect(fact?.data).toMatchObject({ lost: ['late'], lostCount: 1 });
    expect(await says(`cat ${fact?.data.aside}/late`)).toBe('late\n');
    await real.holds(id);
  });

  test.for(killedAt)('are whole although the server was killed at %s', async (point, context) => {
    await using real = await realServer(context, world, { NODE_ENV: 'test', CORRAL_FAILPOINTS: `${point}=exit@1` });
    const id = await real.ready();
    const of = { sessionId: id };
    const says = async (command: string) => (await trpcOf(real).sandbox.exec.mutate({ ...of, command })).stdout;
    await says(tree);
    const before = await says(hash);
    await trpcOf(real)
      .sandbox.pause.mutate({ ...of, keeps: 'files' })
      .catch(() => {});
    if (!diesInPause.includes(point)) {
      await rm(join(await filesOf(world, real, id), 't/half'));
      await trpcOf(real)
        .sandbox.resume.mutate(of)
        .catch(() => {});
    }
    await real.server.restart({ CORRAL_FAILPOINTS: '' });
    expect(await says(hash)).toBe(before);
    await trpcOf(real).sandbox.pause.mutate({ ...of, keeps: 'files' });
    expect(await says(hash)).toBe(before);
    await real.holds(id);
  });
});
