import { EventEmitter } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { onShutdown } from '../../../src/app/shutdown.ts';

function draining(graceMs: number) {
  const codes: number[] = [];
  const late: string[] = [];
  const proc = Object.assign(new EventEmitter(), { exit: (code: number) => void codes.push(code) });
  const shutdown = onShutdown(graceMs, { proc: proc as unknown as NodeJS.Process, late: () => late.push('late') });
  onTestFinished(() => shutdown[Symbol.dispose]());
  proc.emit('SIGTERM', 'SIGTERM');
  return { codes, late, requested: shutdown.requested };
}
/** Gives the event loop no turn. */
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const turns = async (count: number) => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setTimeout(resolve, 1));
};

test('F007 a server that stood still for longer than its grace still has time to finish', async () => {
  const { codes, requested } = draining(400);
  expect(requested.aborted).toBe(true);
  standStill(600);
  await turns(3);
  expect(codes).toEqual([]);
});

test('F007 work that hangs ends with the grace, and the exit code says so', async () => {
  const { codes, late } = draining(100);
  await expect.poll(() => codes[0], { interval: 5 }).toBe(1);
  expect(late).toEqual(['late']);
});

test('F007 a server that stands still again and again ends all the same, after three times its grace', async () => {
  const { codes } = draining(200);
  for (let n = 0; n < 4; n++) {
    standStill(160);
    await turns(1);
  }
  expect(codes[0]).toBe(1);
});
