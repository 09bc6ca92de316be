import { expect, test } from 'vitest';
import { type RunningProgram, service, stoppedMeanwhile } from '../../../../sandbox-images/sandboxd/desktop/service.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

function kept(failures: readonly number[] = []) {
  const clock = manualClock();
  const running: { die: (why: string) => void; ended: boolean }[] = [];
  const reasons: string[] = [];
  let starts = 0;
  const it = service<number>({
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

test('stopping ends it, and anyone who waits for the next one is told', async () => {
  const { it, running, settled } = kept();
  await it.get();
  running[0]?.die('killed');
  await settled();
  const waiting = expect(it.get()).rejects.toMatchObject({ publicMessage: stoppedMeanwhile });
  await it.stop();
  await waiting;
  expect(it.state).toBe('stopped');
});
