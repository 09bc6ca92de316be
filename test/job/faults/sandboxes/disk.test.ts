// @module-tag nightly
// The daemon ends any program that fills the disk beyond its sandbox's limit, and the sandbox continues.
import { expect, test } from 'vitest';
import { fence } from '../../../support/clients/api.ts';
import { reaches, realServer } from '../../../support/servers/real-server.ts';
import { inEachWorld } from '../../../support/worlds.ts';

const mebibyte = 2 ** 20;
// Each program stops after 1 GiB if no limit stops it.
const many = 'for i in $(seq 256); do head -c 4M /dev/zero > fill$i; sleep 0.01; done; echo finished';
const unnamed = `python3 -c '
import os, time
kept = []
for n in range(64):
  file = open("gone", "wb"); os.unlink("gone"); kept.append(file)
  for _ in range(4):
    file.write(bytes(4 << 20)); file.flush(); time.sleep(0.02)
print("fin" + "ished")'`;

inEachWorld('docker', 'the disk in $driver', (world) => {
  test('a command over the disk limit is killed and reported, the server stays healthy, and deleting files frees the sandbox', async (context) => {
    await using real = await realServer(context, world, { CORRAL_SANDBOX_DISK: '128MiB' });
    const id = await real.ready();
    const output = () => String(real.factsOf(id, 'tool.called').at(-1)?.data.output);
    const exceeded = () => real.factsOf(id, 'sandbox.disk_exceeded').length;

    await real.client.chat(id, fence('sh', 'fallocate -l 300M large; stat -c %s large; rm -f large'));
    expect(output()).toMatch(/File (too large|size limit exceeded)/); // the kernel refuses the write in advance

    for (const [command, clean] of [
      [many, 'rm fill*'],
      [unnamed, 'true'],
    ] as const) {
      const before = exceeded();
      await real.client.send(id, fence('sh', command));
      await reaches(() => exceeded() > before);
      expect(await fetch(`${real.server.url}/health`)).toMatchObject({ status: 200 });
      await real.rests(id);
      expect(output()).not.toContain('finished');
      await real.client.chat(id, fence('sh', `du -sm --apparent-size . | cut -f1; ${clean}; echo cleaned`));
      expect(Number.parseInt(output(), 10)).toBeLessThan(700);
      expect(output()).toContain('cleaned');
    }
    const [fact] = real.factsOf(id, 'sandbox.disk_exceeded');
    expect(fact?.data).toMatchObject({ reason: 'limit', limitBytes: 128 * mebibyte });
    expect(fact?.data.usedBytes).toBeGreaterThan(128 * mebibyte);
    await real.client.chat(id, fence('sh', 'sleep 6; head -c 8M /dev/zero > small && echo written'));
    expect(output()).toContain('written');
    await real.holds(id);
  });

  test('no sandbox starts when free disk space is below the minimum, and the error names the setting', async (context) => {
    await using real = await realServer(context, world, { CORRAL_SANDBOX_MIN_FREE_DISK: '1000000GiB' });
    const id = await real.client.create();
    await real.client.send(id, fence('sh', 'echo never'));
    await real.rests(id, 'completed');
    const end = real.factsOf(id, 'run.end').at(-1);
    const called = real.factsOf(id, 'tool.called').at(-1);
    expect(JSON.stringify([end?.data, called?.data, real.log(id)])).toContain('CORRAL_SANDBOX_MIN_FREE_DISK');
    expect([await world.running(id), (await fetch(`${real.server.url}/health`)).status]).toEqual([[], 200]);
  });
});
