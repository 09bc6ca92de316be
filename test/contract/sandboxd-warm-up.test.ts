import { setTimeout as sleep } from 'node:timers/promises';
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
  const [atFirst, most] = [own().length, { count: 0 }];
  for (let n = 0; n < 100 && most.count <= atFirst; n++) {
    most.count = Math.max(most.count, own().length);
    await sleep(5);
  }
  expect(most.count).toBeGreaterThan(atFirst);
  await expect.poll(() => own().length, { timeout: 5_000 }).toBeLessThanOrEqual(2); // init and the daemon
  expect(await client.processes(budget())).toEqual([]);
  expect(await client.listFiles(workspace, budget())).toEqual([]);
});
