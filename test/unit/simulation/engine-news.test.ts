import { PassThrough } from 'node:stream';
import type Dockerode from 'dockerode';
import { expect, test } from 'vitest';
import { openContainerWatcher } from '../../../drivers/docker/watch.ts';
import { waitForNextLoopTurn } from '../../../src/core/contracts/clock.ts';
import { ManualClock } from '../../support/machines/manual-clock.ts';
import { Dice } from '../../support/simulation/dice.ts';

/** An engine whose event stream reports nothing: it stays open in silence, is refused, or is cut repeatedly. */
function silentEngine(dice: Dice, time: ManualClock) {
  const running = new Set<string>();
  let refused = 0;
  const engine = {
    getContainer: (id: string) => ({
      async inspect() {
        await time.sleep(dice.between(0, 20));
        return { State: { Running: running.has(id), Status: running.has(id) ? 'running' : 'exited', ExitCode: 137 } };
      },
    }),
    async getEvents({ abortSignal }: { abortSignal: AbortSignal }) {
      refused += 1;
      const way = dice.pick(['refuse', 'hang', 'silence', 'cut']);
      if (way === 'refuse') throw Object.assign(new Error('no route'), { code: 'ECONNREFUSED' });
      if (way === 'hang') return await new Promise<never>(() => {});
      const stream = new PassThrough();
      abortSignal.addEventListener('abort', () => stream.destroy());
      if (way === 'cut') time.setTimeout(() => stream.end(), dice.between(1, 2_000));
      return stream;
    },
  } as unknown as Dockerode;
  return { engine, running, refused: () => refused };
}

test('F025 an engine whose events are lost for good: the looks alone find each end within 31 s, and only ends', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const dice = new Dice(seed);
    const time = new ManualClock(1_700_000_000_000);
    const { engine, running, refused } = silentEngine(dice, time);
    const watch = openContainerWatcher(engine, 'corral', time);
    const stop = new AbortController();
    const endedAt = new Map<string, number>();
    const heardAt = new Map<string, number>();
    const ids = Array.from({ length: dice.between(1, 6) }, (_, n) => `box-${n}`);
    for (const id of ids) {
      running.add(id);
      void watch.over(id, stop.signal).then(
        () => heardAt.set(id, time.now()),
        () => {},
      );
      const end = () => {
        running.delete(id);
        endedAt.set(id, time.now());
      };
      if (dice.chance(0.7)) time.setTimeout(end, dice.between(0, 90_000));
      await time.pass(dice.between(0, 3_000));
    }
    await time.pass(140_000);
    const lag = ids.map((id) => (heardAt.get(id) ?? Number.POSITIVE_INFINITY) - (endedAt.get(id) ?? 0));
    const late = ids.filter(
      (id, n) => endedAt.has(id) !== heardAt.has(id) || (endedAt.has(id) && (lag[n] ?? 0) > 31_000),
    );
    expect(late, `seed ${seed}`).toEqual([]);
    expect(refused()).toBeGreaterThan(0);
    stop.abort();
    await waitForNextLoopTurn();
    await watch[Symbol.asyncDispose]();
    expect(time.pending(), `timers are left, seed ${seed}`).toBeLessThanOrEqual(1);
  }
});
