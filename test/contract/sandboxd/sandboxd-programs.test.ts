// @module-tag all
import { describe, expect, onTestFinished, test } from 'vitest';
import { nightly } from '../../support/runner/tags.ts';
import { hasDocker } from '../../support/sandboxes/docker.ts';
import { buildImage, sandboxContainer } from '../../support/sandboxes/sandbox-container.ts';
import { realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget } from './sandboxd.ts';
import { programContract } from './sandboxd-programs.ts';

programContract('on this machine', () => realSandboxd());

// The same daemon passes these on this machine in every run.
const docker = await hasDocker();
describe.skipIf(!docker)(docker ? 'in a container' : 'in a container: skipped, Docker does not answer', nightly, () => {
  let built: Promise<void> | undefined;
  programContract('in a container', async () => {
    built ??= buildImage();
    await built;
    return await sandboxContainer();
  });
});

test('a daemon that was killed leaves no program behind', async () => {
  const daemon = await realSandboxd();
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const { client } = daemon;
  await client.programs.open({ id: 'p', argv: ['sleep', '831'] }, budget());
  const sleeping = async () => (await client.processes(budget())).some(({ cmd }) => cmd === 'sleep 831');
  await expect.poll(sleeping).toBe(true);
  process.kill(await daemon.daemonPid(), 'SIGKILL');
  await expect.poll(() => client.programs.list(budget())).toEqual([]);
  await expect.poll(sleeping).toBe(false);
});
