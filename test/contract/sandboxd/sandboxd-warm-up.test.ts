import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { scan, variable } from '../../../sandbox-images/sandboxd/processes/proc.ts';
import { realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget } from './sandboxd.ts';

test('a daemon that has warmed itself up leaves no process behind, and nothing that a client sees', async () => {
  const daemon = await realSandboxd();
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const { client, workspace } = daemon;
  const id = `sbx-${daemon.folder.slice(-6)}`;
  const own = () => scan().filter(({ pid }) => variable(pid, 'CORRAL_SANDBOX_ID') === id);
  const pid = await daemon.daemonPid();
  /** The page faults of the daemon's children that have ended. */
  const ended = () => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[8]);
  let before = 0;
  const isAtRest = () => {
    const [earlier, now] = [before, ended()];
    before = now;
    return now > 0 && now === earlier;
  };
  await expect.poll(isAtRest, { interval: 1_000 }).toBe(true);
  await expect.poll(() => own().length).toBeLessThanOrEqual(2); // init and the daemon
  expect(await client.processes(budget())).toEqual([]);
  expect(await client.listFiles(workspace, budget())).toEqual([]);
});
