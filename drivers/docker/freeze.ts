import type Dockerode from 'dockerode';
import { sleep } from '../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../src/core/contracts/clock.ts';
import { callEngine, readEngineErrorStatus } from './engine.ts';

const maxTries = 8;

/**
 * Retries for about 4 s, because the runtime gives up ("unable to freeze") if a busy process does not stop in time. Rejects with
 * the engine's last refusal.
 */
export async function pauseContainer(
  container: Pick<Dockerode.Container, 'pause'>,
  signal: AbortSignal,
  clock?: Clock,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await callEngine(signal, () => container.pause({ abortSignal: signal }));
      return;
    } catch (error) {
      if (readEngineErrorStatus(error) !== 500 || tries === maxTries) throw error;
      await sleep(Math.min(25 * 2 ** tries, 1_000), signal, clock);
    }
  }
}
