import { expect, test } from 'vitest';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { flushSandbox } from '../../../../src/sessions/engine/sandbox/sandbox-actors.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { fakeSandbox } from '../../../support/sandboxes/fake-sandbox.ts';

const never = new AbortController().signal;
const until = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

test('a freeze waits for files that are written to a slow disk, and the processes are named although it gives up', async () => {
  const clock = manualClock();
  const requests: string[] = [];
  const client: SandboxClient = {
    ...fakeSandbox(),
    processes: async () => [{ pid: 7, cmd: 'make all', started: '' }],
    exec: async ({ command }, signal) => {
      requests.push(command);
      return await until(signal);
    },
  };
  const ended: unknown[] = [];
  const settled = flushSandbox(client, clock, never).then((commands) => ended.push(commands));
  await expect.poll(() => requests).toEqual(['sync -f .']);
  await clock.pass(10_000);
  expect(ended).toEqual([]);
  clock.advance(10_000);
  await settled;
  expect(ended).toEqual([['make all']]);
});

test('a sandbox that does not answer is frozen all the same', async () => {
  const clock = manualClock();
  const exec = async () => ({ exitCode: 0, stdout: '', stderr: '', timedOut: false });
  const client: SandboxClient = { ...fakeSandbox(), processes: until, exec };
  const settled = flushSandbox(client, clock, never);
  await clock.pass(2_000);
  expect(await settled).toEqual([]);
});
