// @module-tag nightly
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { Corral, CorralError } from '../../../src/client/index.ts';
import { run } from '../../support/clients/api.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { worlds } from '../../support/worlds.ts';

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (thrown) => (thrown instanceof CorralError ? `${thrown.code} ${thrown.message}` : Promise.reject(thrown)),
  );

// Volumes through the server, from their making to their removal, also over the death of the server.
for (const world of worlds) {
  test(`a volume has one writer and its readers, outlives sessions and a killed server, and moves its content: on ${world.driver}`, async (context) => {
    const settings = await world.ready(context);
    const server = await serverProcess({ ...settings, CORRAL_DRIVER: world.driver });
    const corral = new Corral({ url: server.url });
    onTestFinished(async () => {
      for await (const { id } of corral.list()) await (await corral.open(id)).remove().catch(() => {}); // after a failure
      for (const { id } of await corral.volumes.list()) await corral.volumes.remove(id).catch(() => {});
      await server[Symbol.asyncDispose]();
    });
    const { volumes } = corral;
    const { id } = await volumes.create('cache', { quota: '64MiB' });
    await volumes.write('cache', 'first/one.txt', 'one');
    const mount = { volume: 'cache', path: '/mnt/cache' };
    const writing = { ...mount, access: 'write' } as const;

    // The first writer takes the files over. A second one is refused, a reader is not.
    const writer = await corral.create({ volumes: [writing] });
    const change =
      'cd /mnt/cache && cat first/one.txt && echo two > first/two.txt && echo secret > closed && chmod 600 closed && ' +
      'ln -s /etc/passwd out && ln -s ../../.. up && ln -s first here';
    expect((await writer.exec(change)).stdout).toBe('one');
    expect(await codeOf(corral.create({ volumes: [writing] }))).toContain(`conflict The session ${writer.id} writes`);
    const reader = await corral.create({ volumes: [mount] });
    expect((await reader.exec('cat /mnt/cache/first/two.txt; touch /mnt/cache/x')).stdout).toBe('two\n');
    expect((await reader.exec('touch /mnt/cache/x 2>&1')).stdout).toContain('Read-only');

    // Content is read meanwhile; no link leads out, and nothing is written.
    const textOf = async (path: string) => (await buffer((await volumes.read('cache', path)).body)).toString();
    expect(await textOf('first/two.txt')).toBe('two\n');
    expect(await textOf('here/two.txt')).toBe('two\n');
    for (const path of ['out', 'up/etc/passwd', 'up/workspace/volume/closed'])
      expect(await codeOf(textOf(path))).toMatch(/^(invalid_request|not_found|conflict)/);
    expect(await codeOf(textOf('../first/two.txt'))).toMatch(/^invalid_request/);
    expect(await codeOf(volumes.write('cache', 'x', 'x'))).toContain(writer.id);
    expect(await codeOf(volumes.restore('cache', 'x'))).toContain(writer.id);

    // The right to write survives the death of the server and a pause, and a copy of the session reads.
    server.kill('SIGKILL');
    await server.restart();
    expect(await codeOf(corral.create({ volumes: [writing] }))).toContain(writer.id);
    await writer.pause('files');
    expect(await codeOf(corral.create({ volumes: [writing] }))).toContain(writer.id);
    expect((await writer.exec('cat /mnt/cache/closed; echo three > /mnt/cache/three')).stdout).toBe('secret\n');
    const [copy] = await writer.forks(1);
    if (!copy || copy instanceof CorralError) throw copy ?? new Error('no fork was made');
    expect((await copy.exec('cat /mnt/cache/three; touch /mnt/cache/x 2>&1')).stdout).toMatch(/^three\n.*Read-only/);

    // With the writer its right ends, and nothing of the volume. A volume that a session has is not deleted.
    await writer.remove();
    await copy.remove();
    expect(await codeOf(volumes.remove('cache'))).toContain(`conflict The session ${reader.id} has`);
    await volumes.write('cache', 'first/one.txt', 'changed');
    expect((await reader.exec('cat /mnt/cache/first/one.txt')).stdout).toBe('changed');
    expect(await codeOf(volumes.write('cache', 'big', new Uint8Array(65 * 2 ** 20)))).toMatch(/^payload_too_large/);
    expect((await volumes.files('cache')).map(({ name }) => name).sort()).toEqual(
      ['closed', 'first', 'here', 'out', 'three', 'up'].sort(),
    );

    // A backup has everything, a restore takes the place of everything, and no archive changes nothing.
    const archive = await buffer(await volumes.backup('cache'));
    await volumes.removeFile('cache', 'first');
    expect(await codeOf(volumes.restore('cache', 'no archive'))).toMatch(/^conflict/);
    expect((await volumes.files('cache')).map(({ name }) => name)).not.toContain('first');
    await volumes.restore('cache', archive);
    expect(await textOf('first/one.txt')).toBe('changed');
    expect(await textOf('closed')).toBe('secret\n'); // nobody writes, so the reader has the rights of a writer
    const next = await corral.create({ volumes: [{ ...writing, path: '/data' }] });
    expect((await next.exec('cat /data/closed && echo more >> /data/closed && ls /data')).stdout).toContain('secret\n');
    for (const box of [reader, next]) await box.remove();
    await volumes.remove('cache');
    expect(await codeOf(volumes.get(id))).toContain('not_found');
    const left =
      world.driver === 'docker'
        ? await run('docker', ['volume', 'ls', '-q', '--filter', `name=${id}`])
        : { stdout: '' };
    expect(left.stdout).toBe('');
  });
}
