import { Agent } from 'node:http';
import { inspect } from 'node:util';
import Dockerode from 'dockerode';
import { raceAbort, sleep, throwIfAborted } from '../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../src/core/contracts/clock.ts';
import { AppError } from '../../src/core/errors/errors.ts';

const maxTries = 8;

/** Retries on HTTP 500 for about 4 s, because a busy container may not freeze in time. */
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

/** Maximum wait for the start of the engine's response. */
const usualAnswerMs = 60_000;

/** Saves 3 ms per request: dockerode formats the agent even if its debug log is off. */
class QuietAgent extends Agent {
  [inspect.custom](): string {
    return 'Agent';
  }
}

/** The engine must be on this machine, because sandboxes dial the server's Unix sockets. */
export function openDockerEngine(host: string, answerMs = usualAnswerMs): Dockerode {
  const socketPath = host.startsWith('unix://') ? host.slice('unix://'.length) : host;
  if (!socketPath.startsWith('/')) {
    const why = 'sandboxes reach the server through Unix sockets, which do not cross machines';
    throw new AppError('unsupported', `The Docker engine at ${host} cannot be used: ${why}. Use a unix:// address.`);
  }
  // `host: undefined` keeps dockerode from reading DOCKER_HOST. No keep-alive, because the engine closes idle
  // connections.
  const agent = new QuietAgent({ keepAlive: false });
  return new Dockerode({ socketPath, host: undefined, agent, connectionTimeout: answerMs } as object);
}

/** Rejects only with AppError, and immediately when the signal aborts. */
export async function callEngine<Value>(signal: AbortSignal, request: () => Promise<Value>): Promise<Value> {
  throwIfAborted(signal);
  try {
    return await raceAbort(request(), signal);
  } catch (thrown) {
    throwIfAborted(signal);
    throw engineError(thrown);
  }
}

function engineError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const cause = thrown;
  if (readEngineErrorStatus(thrown) !== undefined) {
    return new AppError(
      'sandbox_unavailable',
      `The Docker engine rejected the request: ${readEngineErrorText(thrown)}`,
      {
        cause,
      },
    );
  }
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'EACCES') {
    const advice = 'Start the server as a user with access, for example a member of the group "docker".';
    return new AppError(
      'driver_unavailable',
      `The server has no permission to use the Docker engine's socket. ${advice}`,
      {
        cause,
      },
    );
  }
  return new AppError('driver_unavailable', 'The Docker engine does not answer.', { cause });
}

export function readEngineErrorStatus(thrown: unknown): number | undefined {
  const refusal = thrown instanceof AppError ? thrown.cause : thrown;
  return (refusal as { statusCode?: number } | undefined)?.statusCode;
}

export function readEngineErrorText(thrown: unknown): string {
  const refusal = thrown instanceof AppError ? (thrown.cause ?? thrown) : thrown;
  const { json, message } = refusal as { json?: { message?: string }; message?: string };
  return (json?.message ?? message ?? String(refusal)).trim();
}

export async function findEngineObject<Value>(
  signal: AbortSignal,
  request: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await callEngine(signal, request);
  } catch (error) {
    if (readEngineErrorStatus(error) === 404) return undefined;
    throw error;
  }
}

/** Resolves once the name is free. Ignores other installations' containers. `known`: a recent inspection. */
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
      // `v` also removes the anonymous volumes that an image declares.
      await callEngine(signal, () => container.remove({ force: true, v: true, abortSignal: signal }));
      return;
    } catch (error) {
      if (readEngineErrorStatus(error) === 404) return;
      if (readEngineErrorStatus(error) !== 409) throw error;
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
