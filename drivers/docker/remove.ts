import type Dockerode from 'dockerode';
import { sleep } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { callEngine, findEngineObject, readEngineErrorStatus } from './engine.ts';

/**
 * Kills and removes the container; resolves once its name is free. Does nothing if another installation owns it. `known`: a fresh
 * inspection, which saves a request.
 */
export async function removeContainer(
  engine: Dockerode,
  nameOrId: string,
  instance: string,
  signal: AbortSignal,
  known?: Dockerode.ContainerInspectInfo,
): Promise<void> {
  for (let listed = known; ; listed = undefined) {
    const look = () => engine.getContainer(nameOrId).inspect({ abortSignal: signal });
    const found = listed ?? (await findEngineObject(signal, look));
    if (found?.Config.Labels?.['corral.owner-instance'] !== instance) return;
    const container = engine.getContainer(found.Id);
    try {
      // `v` also removes anonymous volumes, which the engine creates if the image declares volumes.
      await callEngine(signal, () => container.remove({ force: true, v: true, abortSignal: signal }));
      return;
    } catch (error) {
      if (readEngineErrorStatus(error) === 404) return;
      if (readEngineErrorStatus(error) !== 409) throw error; // 409: another call is removing it
      await sleep(25, signal);
    }
  }
}

export async function removeVolume(
  engine: Dockerode,
  name: string,
  signal: AbortSignal,
  inUse = (cause: unknown) => new AppError('sandbox_unavailable', busy, { cause }),
): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await callEngine(signal, () => engine.getVolume(name).remove({ abortSignal: signal }));
      return;
    } catch (error) {
      if (readEngineErrorStatus(error) === 404) return;
      const isUsed = readEngineErrorStatus(error) === 409;
      if (!isUsed || tries === 40) throw isUsed ? inUse(error) : error;
      await sleep(50, signal);
    }
  }
}

const busy = "The sandbox's workspace is still in use, so it could not be removed. Try again.";
