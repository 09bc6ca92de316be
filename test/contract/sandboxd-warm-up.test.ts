import { expect, onTestFinished, test } from 'vitest';
import { scan, variable } from '../../sandbox-images/sandboxd/proc.ts';
import { realSandboxd } from '../support/sandboxd.ts';
import { budget } from './sandboxd.ts';

test('a daemon that has warmed itself up leaves no process behind, and nothing that a client sees', async () => {
  const daemon = await realSandboxd();
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const { client, workspace } = daemon;
  const id = `sbx-${daemon.folder.slice(-6)}`;
  const own = () => scan().filter(({ pid }) => variable(pid, 'CORRAL_SANDBOX_ID') === id);
  const atFirst = own().length;
  await expect.poll(() => own().length, { interval: 2, timeout: 5_000 }).toBeGreaterThan(atFirst);
  await expect.poll(() => own().length, { timeout: 5_000 }).toBeLessThanOrEqual(2); // init and the daemon
  expect(await client.processes(budget())).toEqual([]);
  expect(await client.listFiles(workspace, budget())).toEqual([]);
});
