import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { startDesktopProcess } from '../../../../sandbox-images/sandboxd/desktop/child-process.ts';
import { findUnusedDisplayNumber } from '../../../../sandbox-images/sandboxd/desktop/display.ts';
import {
  programStoppedMessage,
  type RunningProgram,
  superviseProgram,
} from '../../../../sandbox-images/sandboxd/desktop/service.ts';
import { readCommandLine } from '../../../../sandbox-images/sandboxd/processes/proc.ts';
import { createDaemonProcessSet } from '../../../../sandbox-images/sandboxd/shared-state.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

function kept(failures: readonly number[] = []) {
  const clock = manualClock();
  const running: { die: (why: string) => void; ended: boolean }[] = [];
  const reasons: string[] = [];
  let starts = 0;
  const it = superviseProgram<number>({
    clock,
    async start(): Promise<RunningProgram<number>> {
      starts++;
      if (failures.includes(starts)) throw new Error(`start ${starts} fails`);
      const { promise, resolve } = Promise.withResolvers<string>();
      const one = { die: resolve, ended: false };
      running.push(one);
      const end = async () => {
        one.ended = true;
      };
      return { value: starts, died: promise, end };
    },
    died: (why) => void reasons.push(why),
  });
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { clock, it, running, reasons, settled, starts: () => starts };
}

test('concurrent callers start the service once', async () => {
  const { it, starts } = kept();
  expect([it.state, await Promise.all([it.get(), it.get()])]).toEqual(['stopped', [1, 1]]);
  expect([it.state, starts()]).toEqual(['running', 1]);
});

test('the service restarts after it dies, with growing delays', async () => {
  const { it, clock, running, reasons, settled, starts } = kept();
  await it.get();
  for (const [at, ms] of [100, 200, 400].entries()) {
    running[at]?.die('killed');
    await settled();
    expect(it.state).toBe('starting');
    clock.advance(ms - 1);
    await settled();
    expect(starts()).toBe(at + 1);
    clock.advance(1);
    await settled();
    expect(starts()).toBe(at + 2);
  }
  expect(reasons).toEqual(['killed', 'killed', 'killed']);
  expect(running.map(({ ended }) => ended)).toEqual([true, true, true, false]);
});

test('a service that fails to start gives the reason, and the next call tries again', async () => {
  const { it } = kept([1]);
  await expect(it.get()).rejects.toThrow('start 1 fails');
  expect([it.state, await it.get()]).toEqual(['stopped', 2]);
});

test('a service that its caller gives up is ended and replaced', async () => {
  const { it, clock, running, reasons, settled } = kept();
  await it.get();
  it.giveUp('it hangs');
  const next = it.get();
  await settled();
  clock.advance(100);
  expect([await next, [reasons, running[0]?.ended]]).toEqual([2, [['it hangs'], true]]);
});

test('stopping ends it, and anyone who waits for the next one is notified', async () => {
  const { it, running, settled } = kept();
  await it.get();
  running[0]?.die('killed');
  await settled();
  const waiting = expect(it.get()).rejects.toMatchObject({ publicMessage: programStoppedMessage });
  await it.stop();
  await waiting;
  expect(it.state).toBe('stopped');
});

test('the end of a desktop program also ends what left its session', async () => {
  const program = await startDesktopProcess(createDaemonProcessSet(process.pid, process.ppid), {
    command: ['/bin/sh', '-c', '(setsid sleep 60 & echo $!); exec sleep 60'],
    cwd: '/',
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'ignore'],
    oomScore: 0,
  });
  const [orphan] = await once(program.process.stdout as Readable, 'data');
  await program.end();
  expect(readCommandLine(Number(orphan))).toBe('');
});

const all = Array.from({ length: 9_900 }, (_, at) => 100 + at);

test('a display takes a number whose socket no display has, however few are left', { tags: ['all'] }, async () => {
  await using folder = await temporaryFolder();
  const free = new Set(all.filter((number) => number % 20 === 0));
  for (const number of all) if (!free.has(number)) await writeFile(join(folder.path, `X${number}`), '');

  for (let times = 0; times < 50; times++) expect(free).toContain(await findUnusedDisplayNumber(folder.path));
});

test('a machine that never had a display has every number', async () =>
  expect(all).toContain(await findUnusedDisplayNumber('/tmp/no-such-folder-of-displays')));

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'corral-displays-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
