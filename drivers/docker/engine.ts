import { Agent } from 'node:http';
import { inspect } from 'node:util';
import Dockerode from 'dockerode';
import { raceAbort, throwIfAborted } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';

/**
 * Milliseconds for the engine to start answering. A longer silence means that the request or its answer was lost, which would
 * otherwise block a start for minutes.
 */
const usualAnswerMs = 60_000;

/**
 * dockerode formats each request's options for its debug log, even when that log is off. Formatting an agent with all its sockets
 * takes 3 ms of the server's only thread.
 */
class QuietAgent extends Agent {
  [inspect.custom](): string {
    return 'Agent';
  }
}

/**
 * Opens the engine at a DOCKER_HOST address. The engine must be on this machine, because sandboxes dial the server's Unix
 * sockets.
 */
export function openDockerEngine(host: string, answerMs = usualAnswerMs): Dockerode {
  const socketPath = host.startsWith('unix://') ? host.slice('unix://'.length) : host;
  if (!socketPath.startsWith('/')) {
    const why = 'sandboxes reach the server through Unix sockets, which do not cross machines';
    throw new AppError('unsupported', `The Docker engine at ${host} cannot be used: ${why}. Use a unix:// address.`);
  }
  // `host: undefined` keeps dockerode from reading DOCKER_HOST. No keep-alive: dialling a Unix socket costs less than a retry
  // after the engine closes an idle connection.
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
