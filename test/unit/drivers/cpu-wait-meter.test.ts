// @module-tag nightly
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCpuWaitMeter } from '../../../drivers/shared/pool/cpu-wait-meter.ts';
import { removeFolder } from '../../support/stores/store.ts';

/** A parent with a child that looks like the daemon of a sandbox and does this. */
async function sandbox(program: string): Promise<{ init: number; daemon: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-starved-'));
  const file = join(folder, 'sandboxd.mjs');
  await writeFile(file, program);
  const init = spawn('/bin/bash', ['-c', `"${process.execPath}" "${file}" & echo $!; wait`]);
  const pid = Number(await new Promise((resolve) => init.stdout.once('data', resolve)));
  onTestFinished(async () => {
    process.kill(pid, 'SIGKILL');
    init.kill('SIGKILL');
    await removeFolder(folder);
  });
  await expect.poll(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1')).toContain('sandboxd.mjs');
  return { init: init.pid ?? 0, daemon: pid };
}

test('a process without a daemon is never starved', async () =>
  expect(await createCpuWaitMeter(1_999_999_999)()).toBe(0));

test('a part of the machine’s pressure counts, but not for a daemon that is stopped', async () => {
  const { init, daemon } = await sandbox('setInterval(() => {}, 1_000_000);');
  let pressureMs = 0;
  const starvedMs = createCpuWaitMeter(init, async () => pressureMs);
  const grown = async () => {
    const from = await starvedMs();
    pressureMs += 100_000;
    return (await starvedMs()) - from;
  };
  await expect.poll(grown).toBeGreaterThan(59_000); // a daemon is found within a second
  process.kill(daemon, 'SIGSTOP');
  await expect.poll(() => readFileSync(`/proc/${daemon}/stat`, 'latin1').split(') ')[1]?.[0]).toBe('T');
  await starvedMs();
  expect(await grown()).toBeLessThan(10_000);
});
