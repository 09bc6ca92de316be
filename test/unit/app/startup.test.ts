import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfigText } from '../../../src/app/commands/local-config.ts';
import { listenWithAdvice } from '../../../src/app/start/listen.ts';
import { runInBackground } from '../../../src/app/start/startup.ts';
import { prepareDataFolder } from '../../../src/storage/data-folder.ts';
import { composeCore } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const untilFired = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

test('background work is stopped by its disposal, which waits for its end', async () => {
  const steps: string[] = [];
  const work = runInBackground(new AbortController().signal, async (signal) => {
    await untilFired(signal);
    await new Promise((resolve) => setImmediate(resolve));
    steps.push('work ended');
  });
  await work[Symbol.asyncDispose]();
  steps.push('disposed');
  expect(steps).toEqual(['work ended', 'disposed']);
});

test('background work is stopped when the server drains', async () => {
  const closing = new AbortController();
  let hasEnded = false;
  await using _work = runInBackground(closing.signal, async (signal) => {
    await untilFired(signal);
    hasEnded = true;
  });
  closing.abort();
  await expect.poll(() => hasEnded).toBe(true);
});

test('a start that fails in a late phase ends the earlier ones: the same data folder opens again', async () => {
  using folder = temporaryFolder();
  const start = (settings: Record<string, string>) => composeCore(settings, folder.path);
  await expect(start({ CORRAL_APPROVALS_TOOLS: 'no_such_tool' })).rejects.toThrow('there is no tool no_such_tool');
  await using second = await start({});
  expect(await second.core.services.sessions.list()).toEqual([]);
});

async function listen(host: string, port: number) {
  const server = createServer();
  const stop = () => void server.close();
  await listenWithAdvice({ host, port }, () => once(server.listen(port, host), 'listening'));
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: stop };
}

test('a port that another program has is an error that names it and another one', async () => {
  using first = await listen('127.0.0.1', 0);
  await expect(listen('127.0.0.1', first.port)).rejects.toMatchObject({
    code: 'invalid_request',
    publicMessage: expect.stringMatching(
      `cannot listen on 127.0.0.1:${first.port}: another program listens there already.*PORT=${first.port + 1}`,
    ),
  });
});

test('an address of another machine is an error that says so', () =>
  expect(listen('192.0.2.1', 0)).rejects.toThrow('192.0.2.1 is not an address of this machine'));

test('an error that is not about the address stays unchanged', async () => {
  const bug = new TypeError('a bug');
  await expect(listenWithAdvice({ host: '127.0.0.1', port: 1 }, () => Promise.reject(bug))).rejects.toBe(bug);
});

test('a folder that the system cannot make is one error at once, also below /proc', () =>
  expect(() => prepareDataFolder('/proc/x/data')).toThrow('The data folder /proc/x/data cannot be created or written'));

test('a file in its place is named as one', () =>
  expect(() => prepareDataFolder('/dev/null')).toThrow('The data folder /dev/null is not a folder'));

test('missing parents are made, for this user alone', () => {
  using root = temporaryFolder();
  const made = join(root.path, 'a/b');
  prepareDataFolder(made);
  expect(statSync(made).mode & 0o777).toBe(0o700);
});

test('CORRAL_CONFIG names another file of settings', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'other.yaml');
  writeFileSync(file, 'port: 1234');
  expect(readConfigText(file)).toBe('port: 1234');
});

test('a named file that is not there is refused by its path', () =>
  expect(() => readConfigText('/nowhere/other.yaml')).toThrow(/CORRAL_CONFIG is \/nowhere\/other.yaml/));
