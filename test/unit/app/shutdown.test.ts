import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { listenForShutdown } from '../../../src/app/shutdown.ts';

let now = 0;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function draining(graceMs: number) {
  const codes: number[] = [];
  const late: string[] = [];
  const proc = Object.assign(new EventEmitter(), { exit: (code: number) => void codes.push(code) });
  const shutdown = listenForShutdown(graceMs, {
    proc: proc as unknown as NodeJS.Process,
    late: () => late.push('late'),
  });
  onTestFinished(() => shutdown[Symbol.dispose]());
  const signal = (name: NodeJS.Signals) => proc.emit(name, name);
  signal('SIGTERM');
  return { codes, late, signal, requested: shutdown.requested };
}
/** Time passes, but the event loop gets no turn. */
const standStill = (ms: number) => {
  now += ms;
};
function turns(ms: number): void {
  for (let n = 0; n < ms; n++) {
    now += 1;
    vi.advanceTimersByTime(1);
  }
}

test.each([
  ['another signal', 0, 'SIGINT', [130]],
  ['the same signal a moment later', 300, 'SIGTERM', [143]],
  ['the same signal, as a ctrl-c that arrives twice', 299, 'SIGTERM', []],
] as const)('after %s (%i ms) the server exits at once, or not', (_, ms, name, expected) => {
  const { codes, signal } = draining(60_000);
  turns(ms);
  signal(name);
  expect(codes).toEqual(expected);
});

test('F007 a server that stood still for longer than its grace still has time to finish', () => {
  const { codes, requested } = draining(400);
  expect(requested.aborted).toBe(true);
  standStill(600);
  turns(100);
  expect(codes).toEqual([]);
});

test('F007 work that hangs ends with the grace, and the exit code says so', () => {
  const { codes, late } = draining(100);
  turns(99);
  expect(codes).toEqual([]);
  turns(1);
  expect([codes, late]).toEqual([[1], ['late']]);
});

test('F007 a server that stands still again and again ends all the same, after three times its grace', () => {
  const { codes } = draining(200);
  for (let n = 0; n < 4; n++) {
    expect(codes).toEqual([]);
    standStill(160);
    turns(20);
  }
  expect(codes).toEqual([1]);
});
