import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watchdogCounterIndex } from '../../../src/core/concurrency/watch-loop.ts';
import { watchEventLoop } from '../../../src/observability/loop-watchdog.ts';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

test.each(['own', 'store'] as const)(
  'work that holds the event loop is logged with its stack by the %s thread',
  async (thread) => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'log');
    using watchdog = watchEventLoop({ blockedMs: 400, thread, fd: openSync(file, 'a') });
    await using _store = thread === 'store' ? await openSqliteStore({ path: join(folder.path, 'a.db') }) : undefined;
    Atomics.add(watchdog.counts, watchdogCounterIndex.beats, 1); // the loop has had a turn before
    holdTheLoop(watchdog.counts);
    const [line = '', ...others] = readFileSync(file, 'utf8').trim().split('\n');
    expect(JSON.parse(line)).toMatchObject({ level: 'error', msg: 'the event loop is blocked', blockedMs: 400 });
    expect(JSON.parse(line).stack[0]).toMatch(/^holdTheLoop \(.*loop-watchdog\.test\.ts\S*:\d+:\d+\)$/);
    expect(others).toEqual([]);
  },
);

function holdTheLoop(counts: Int32Array): void {
  while (Atomics.load(counts, watchdogCounterIndex.reports) === 0);
}
