import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { findBubblewrap } from '../../../drivers/process/find-bubblewrap.ts';
import { buildSeccompProgram } from '../../../drivers/shared/seccomp/program.ts';
import { hostileCalls, refusedCalls } from '../../support/hostile/hostile-calls.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

const run = promisify(execFile);
const bubblewrap = await findBubblewrap('bwrap');
if (!bubblewrap && process.env.CI === 'true') throw new Error('There is no bubblewrap, and in CI its tests must run.');

/** The kernel's answers to hostile system calls, with and without our filter. */
async function answers(filter: string): Promise<Record<string, string>> {
  const folder = folderOfTest();
  const program = join(folder, 'filter');
  await writeFile(program, buildSeccompProgram(process.arch) ?? '');
  const inside = ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--unshare-all', 'python3', '-c'];
  const script = `exec bwrap ${filter} "$@" 9<${program}`;
  const { stdout } = await run('/bin/sh', ['-c', script, 'sh', ...inside, hostileCalls]);
  return JSON.parse(stdout);
}

describe.skipIf(!bubblewrap)('the filter that the kernel runs', () => {
  eachNeeds('python');
  test('refuses keyrings, name spaces, mounts, VSOCK and what else no sandbox needs', async () => {
    const reported = await answers('--seccomp 9');
    expect(reported).toMatchObject(refusedCalls);
    if (process.arch === 'x64') {
      expect(reported).toMatchObject({ 'getpid of x32': 'refused', 'getpid of 32 bits': 'killed by SIGSYS' });
    }
  });

  test('is what refuses: without it the kernel would grant keys and name spaces', async () => {
    expect(await answers('')).toMatchObject({ keyctl: 'allowed', 'unshare user': 'allowed', clone3: 'EINVAL' });
  });
});
