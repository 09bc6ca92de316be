// @module-tag all
import { expect, onTestFinished, test } from 'vitest';
import { memorySandboxd } from '../../support/sandboxes/memory-sandboxd.ts';
import { realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget } from './sandboxd.ts';
import { realTerminalContract, terminalContract } from './sandboxd-terminals.ts';

terminalContract('in memory', async () => memorySandboxd());
terminalContract('on this machine', () => realSandboxd());
realTerminalContract('on this machine', () => realSandboxd());

test('a daemon that was killed leaves no terminal behind', async () => {
  const daemon = await realSandboxd();
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const { client } = daemon;
  await client.terminals.open('t', budget());
  await client.terminals.write('t', 'sleep 76\n', budget());
  const sleeping = async () => (await client.processes(budget())).some(({ cmd }) => cmd === 'sleep 76');
  await expect.poll(sleeping).toBe(true);
  process.kill(await daemon.daemonPid(), 'SIGKILL');
  await expect.poll(() => client.terminals.list(budget())).toEqual([]);
  await expect.poll(sleeping).toBe(false);
});

test('an image without `script` has no terminals, and says so', async () => {
  const daemon = await realSandboxd({ PATH: '/nowhere' });
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  await expect(daemon.client.terminals.open('t', budget())).rejects.toMatchObject({ code: 'unsupported' });
});
