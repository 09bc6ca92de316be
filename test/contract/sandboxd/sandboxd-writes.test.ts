import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { openedSandboxd, realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget } from './sandboxd.ts';
import { realWriteContract } from './sandboxd-writes.ts';

realWriteContract('on this machine', () => realSandboxd());

test('a daemon that is killed during a transfer leaves the old file, and its successor can write', async () => {
  const daemon = await openedSandboxd();
  const { client, workspace } = daemon;
  const write = (content: AsyncIterable<Uint8Array>) => client.paths.write(`${workspace}/f`, content, budget());
  async function* all(text: string) {
    yield Buffer.from(text);
  }
  const text = async () => (await client.exec({ command: 'cat f' }, budget())).stdout;
  await write(all('old'));
  async function* half() {
    yield Buffer.from('n');
    await expect.poll(async () => (await client.listFiles('.', budget())).some(({ size }) => size === 1)).toBe(true);
    process.kill(await daemon.daemonPid(), 'SIGKILL');
    await new Promise(() => {});
  }
  await expect(write(half())).rejects.toThrow();
  await expect.poll(() => text().catch(() => undefined)).toBe('old');
  await write(all('new'));
  expect(await text()).toBe('new');
});

test('a source that failed before the write is an error, and nothing waits for it', async () => {
  const daemon = await openedSandboxd();
  const body = new PassThrough().on('error', () => {}).destroy(new Error('broken before'));
  await new Promise((closed) => body.once('close', closed)); // `once` of node:events rejects for the error
  await expect(daemon.client.paths.write(`${daemon.workspace}/f`, body, budget())).rejects.toMatchObject({
    code: 'sandbox_lost',
  });
});
