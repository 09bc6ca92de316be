import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cell, watchLoop } from '../../../src/observability/loop-watchdog.ts';

test('work that holds the event loop is written with its stack while it holds it, once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'corral-watchdog-'));
  try {
    const file = join(folder, 'log');
    using watchdog = watchLoop({ blockedMs: 400, fd: openSync(file, 'a') });
    Atomics.add(watchdog.counts, cell.beats, 1); // the loop has turned before
    holdTheLoop(watchdog.counts);
    const [line = '', ...others] = readFileSync(file, 'utf8').trim().split('\n');
    expect(JSON.parse(line)).toMatchObject({ level: 'error', msg: 'the event loop is blocked', blockedMs: 400 });
    expect(JSON.parse(line).stack[0]).toMatch(/^holdTheLoop \(.*loop-watchdog\.test\.ts\S*:\d+:\d+\)$/);
    expect(others).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function holdTheLoop(counts: Int32Array): void {
  while (Atomics.load(counts, cell.reports) === 0);
}
