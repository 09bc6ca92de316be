import { expect, test } from 'vitest';
import { inBackground } from '../../../src/app/start/startup.ts';
import { composeCore } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const untilFired = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

test('background work is stopped by its disposal, which waits for its end', async () => {
  const steps: string[] = [];
  const work = inBackground(new AbortController().signal, async (signal) => {
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
  await using _work = inBackground(closing.signal, async (signal) => {
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
