import type Dockerode from 'dockerode';
import { pause } from '../../src/core/cancel.ts';
import { AppError } from '../../src/core/errors.ts';
import { ask, statusOf } from './engine.ts';

/** Resolves with what became of the container once it does not run any more, through restarts of the engine. */
export async function watchContainer(engine: Dockerode, id: string, signal: AbortSignal): Promise<AppError> {
  const container = engine.getContainer(id);
  for (let failures = 0; ; failures += 1) {
    try {
      const { StatusCode } = await ask(signal, () => container.wait({ abortSignal: signal }));
      return await lossOf(container, StatusCode, signal);
    } catch (error) {
      if (statusOf(error) === 404) return new AppError('sandbox_lost', 'The sandbox was removed.');
      await pause(Math.min(250 * 2 ** failures, 5_000), signal);
    }
  }
}

async function lossOf(container: Dockerode.Container, code: number, signal: AbortSignal): Promise<AppError> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(2_000)]);
  const found = await ask(patience, () => container.inspect({ abortSignal: patience })).catch(() => undefined);
  if (found?.State.OOMKilled) {
    return new AppError('sandbox_lost', 'The sandbox was killed because it ran out of memory.');
  }
  return new AppError('sandbox_lost', `The sandbox ended with exit code ${code}.`);
}
