import { expect, test } from 'vitest';
import { hostsVolumes, type MountedVolume } from '../../../drivers/driver.ts';
import { VolumeId } from '../../../src/core/model/ids.ts';
import { budget, sh, type TestedDriver } from './harness.ts';

export function volumeConformance(tested: () => TestedDriver): void {
  const mount = (volume: VolumeId, over: Partial<MountedVolume> = {}): MountedVolume => ({
    volume,
    path: '/mnt/deep/cache',
    access: 'write',
    quotaBytes: 2 ** 20,
    ...over,
  });
  const volumes = () => {
    const { driver } = tested();
    if (!hostsVolumes(driver)) throw new Error('the driver has no volumes');
    return driver;
  };

  test('what a sandbox writes into a volume its next one and a reader have', { tags: ['all'] }, async () => {
    const id = VolumeId.parse(`vol-${tested().spec().sessionId}`);
    await volumes().makeVolume(id, budget());
    await volumes().makeVolume(id, budget());
    try {
      const first = tested().spec({ volumes: [mount(id)] });
      await tested().driver.provision(first, budget());
      {
        await using link = await tested().driver.attach(first.id, budget());
        const write =
          'cd /mnt/deep/cache && mkdir a && echo one > a/file && chmod 600 a/file && ln -s /etc/passwd out && echo ok';
        expect(await sh(link, write)).toBe('ok\n');
      }
      await tested().driver.destroy(first.id, 'remove', budget());
      const next = tested().spec({ volumes: [mount(id, { path: '/data' })] });
      const reader = tested().spec({ volumes: [mount(id, { access: 'read' })] });
      await Promise.all([next, reader].map((it) => tested().driver.provision(it, budget())));
      await using writing = await tested().driver.attach(next.id, budget());
      await using reading = await tested().driver.attach(reader.id, budget());
      expect(await sh(writing, 'cat /data/a/file && echo two > /data/a/file && chmod 644 /data/a/file')).toBe('one\n');
      expect(await sh(reading, 'cat /mnt/deep/cache/a/file; readlink /mnt/deep/cache/out')).toBe('two\n/etc/passwd\n');
      expect(await sh(reading, 'touch /mnt/deep/cache/x 2>&1 | grep -c "Read-only"')).toBe('1\n');
      expect(await sh(reading, 'ls -A /mnt/deep')).toBe('cache\n');
      expect(await volumes().volumes(budget())).toEqual([id]);
    } finally {
      for (const box of await tested().driver.list(budget())) await tested().driver.destroy(box.id, 'remove', budget());
      await volumes().removeVolume(id, budget());
    }
    expect(await volumes().volumes(budget())).toEqual([]);
    await volumes().removeVolume(id, budget());
  });

  test('a sandbox does not start with a volume that is gone, and the volume stays so', async () => {
    const spec = tested().spec({ volumes: [mount(VolumeId.parse(`vol-${tested().spec().sessionId}`))] });
    await expect(tested().driver.provision(spec, budget())).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    expect([await volumes().volumes(budget()), await tested().harness.remains(spec.id)]).toEqual([[], []]);
  });

  test('a program that writes beyond the quota of a volume is ended', { tags: ['all'] }, async () => {
    const id = VolumeId.parse(`vol-${tested().spec().sessionId}`);
    await volumes().makeVolume(id, budget());
    try {
      const spec = tested().spec({ volumes: [mount(id)] });
      await tested().driver.provision(spec, budget());
      await using link = await tested().driver.attach(spec.id, budget());
      const fill =
        'for n in $(seq 400); do head -c 4194304 /dev/zero; sleep 0.05; done > /mnt/deep/cache/big; echo done';
      expect(await sh(link, fill)).not.toContain('done');
      expect(Number(await sh(link, 'du -sm /mnt/deep/cache | cut -f1'))).toBeLessThan(800);
    } finally {
      for (const box of await tested().driver.list(budget())) await tested().driver.destroy(box.id, 'remove', budget());
      await volumes().removeVolume(id, budget());
    }
  });
}
