import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createTimeoutSignal, sleep, throwIfAborted } from '../../../src/core/concurrency/cancel.ts';
import { Semaphore } from '../../../src/core/concurrency/semaphore.ts';
import { AppError, type ErrorCode } from '../../../src/core/errors/errors.ts';
import { tryParseJson } from '../../../src/core/text/text.ts';
import type { KubernetesOptions } from '../options.ts';
import type { KubeCredentials } from './credentials.ts';

export interface KubeApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** The request's action, such as "list pods", for error messages. */
  readonly what: string;
  readonly accept?: string;
  /** Maximum number of attempts while the API server is unavailable. Default: until the signal aborts. */
  readonly tries?: number;
}

interface Options extends Pick<KubernetesOptions, 'clock' | 'random' | 'maxInFlight'> {
  readonly credentials: KubeCredentials;
}

const attemptMs = 15_000;
const maxBytes = 64 * 2 ** 20;

/** Rejects only with AppError. Unlike `CoreV1Api`, it reuses TLS connections and limits response sizes. */
export function openKubeApi({ credentials, clock, random, maxInFlight }: Options) {
  const slots = new Semaphore(maxInFlight, {
    maxWaiting: 2_000,
    whenFull: 'Too many requests are waiting for the cluster.',
  });

  async function send(
    { method, path, body, what, accept }: KubeApiRequest,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    throwIfAborted(signal);
    const options = await credentials.apply().catch((cause: Error) => {
      const message = `The credentials for the Kubernetes API are unusable: ${cause.message}`;
      throw new AppError('driver_unavailable', message, { cause });
    });
    const url = new URL(credentials.server.pathname.replace(/\/$/, '') + path, credentials.server);
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = {
      ...options.headers,
      accept: accept ?? 'application/json',
      'user-agent': 'corral',
      ...(text !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
    };
    const outgoing = make(url, { ...options, method, headers, signal });
    outgoing.end(text);
    let response: IncomingMessage;
    try {
      [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      outgoing.on('error', () => {});
    } catch (cause) {
      throwIfAborted(signal);
      throw unansweredError(cause);
    }
    const status = response.statusCode ?? 500;
    if (status < 300) return response;
    if (status === 401) credentials.forget();
    throw toClusterError(what, await refusalFrom(response, status, signal));
  }

  async function attempt<Answer>(request: KubeApiRequest, signal: AbortSignal): Promise<Answer> {
    using until = createTimeoutSignal(attemptMs, clock, signal);
    try {
      return tryParseJson(await readText(await send(request, until.signal))) as Answer;
    } catch (error) {
      throwIfAborted(signal);
      throw error instanceof AppError && !until.signal.aborted ? error : unansweredError(error);
    }
  }

  async function ask<Answer>(request: KubeApiRequest, signal: AbortSignal): Promise<Answer> {
    for (let failures = 0; ; failures += 1) {
      let last: unknown;
      try {
        using _slot = await slots.acquire(signal);
        return await attempt<Answer>(request, signal);
      } catch (error) {
        const wait = waitAfter(error, failures, random);
        if (wait === undefined || failures + 1 >= (request.tries ?? Number.POSITIVE_INFINITY)) throw error;
        last = error;
        await sleep(wait, signal, clock).catch((fired: AppError) => {
          // The last failure explains the wait better than the deadline error does.
          throw fired.code === 'deadline_exceeded' ? last : fired;
        });
      }
    }
  }

  return {
    ask,
    async askFor<Answer>(request: KubeApiRequest, signal: AbortSignal) {
      try {
        return await ask<Answer>(request, signal);
      } catch (error) {
        if (readKubeErrorStatus(error) === 404 && (error as AppError).code !== 'driver_unavailable') return undefined;
        throw error;
      }
    },
    stream: send,
  };
}
export type KubeApi = ReturnType<typeof openKubeApi>;

/** Milliseconds until the next attempt. Undefined if a retry would not help. */
function waitAfter(error: unknown, failures: number, random: () => number): number | undefined {
  if (!(error instanceof AppError) || error.code !== 'driver_unavailable') return undefined;
  const refusal = findRefusal(error);
  const jitter = 1 + random();
  const backoff = Math.min(100 * 2 ** Math.min(failures, 10), 5_000) * jitter;
  if (!refusal) return backoff;
  if (refusal.status === 401) return failures === 0 ? 50 : undefined; // retry once, with a freshly read token
  if (refusal.status === 429) return Math.max(refusal.retryAfterMs ?? 1_000, 0) * (1 + random() / 4) + backoff / 4;
  return refusal.status >= 500 ? Math.max(refusal.retryAfterMs ?? 0, backoff) : undefined;
}

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw new Error('the answer is too large');
    parts.push(part);
  }
  if (!response.complete) throw new Error('the answer was cut off');
  return Buffer.concat(parts).toString();
}

async function refusalFrom(response: IncomingMessage, status: number, signal: AbortSignal): Promise<Refusal> {
  const text = await readText(response).catch(() => '');
  throwIfAborted(signal);
  const { reason = '', message = text.slice(0, 500) } = (tryParseJson(text) ?? {}) as {
    reason?: string;
    message?: string;
  };
  const seconds = Number(response.headers['retry-after']);
  const retryAfterMs = Number.isFinite(seconds) && response.headers['retry-after'] ? seconds * 1_000 : undefined;
  return { status, reason, message, retryAfterMs };
}

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
}

function findRefusal(thrown: unknown): Refusal | undefined {
  const { cause } = thrown instanceof AppError ? thrown : {};
  const isRefusal = typeof cause === 'object' && cause !== null && 'status' in cause && 'reason' in cause;
  return isRefusal ? (cause as Refusal) : undefined;
}
export const readKubeErrorStatus = (thrown: unknown): number | undefined => findRefusal(thrown)?.status;

export function toClusterError(what: string, cause: Refusal): AppError {
  const { retryAfterMs } = cause;
  const [code, text] = explain(what, cause);
  return new AppError(code, text, { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

const rejected = /violates PodSecurity|admission webhook|is forbidden: (minimum|maximum|failed quota)/;

function explain(what: string, { status, message }: Refusal): readonly [ErrorCode, string] {
  const [quota] = (status === 403 && /exceeded quota: ([^,]+), requested: (.+)/.exec(message)) || [];
  if (quota) return ['quota', `The namespace's quota is used up (${quota}). End sandboxes, or raise it.`];
  if (status === 403 && rejected.test(message))
    return ['sandbox_unavailable', `The cluster rejected the sandbox: ${message}`];
  if (status === 401)
    return ['driver_unavailable', 'The Kubernetes API does not accept the credentials of this server.'];
  if (status === 403)
    return ['driver_unavailable', `The Kubernetes API does not allow this server to ${what}: ${message}`];
  if (status === 404 && /^namespaces /.test(message))
    return ['driver_unavailable', `The namespace of the sandboxes is missing: ${message}`];
  if (status === 429 || status >= 500)
    return ['driver_unavailable', `The Kubernetes API cannot ${what} right now (${status}).`];
  return ['sandbox_unavailable', `The Kubernetes API refused to ${what}: ${message}`];
}

function unansweredError(cause: unknown): AppError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return new AppError('driver_unavailable', `The Kubernetes API does not answer${code ? ` (${code})` : ''}.`, {
    cause,
  });
}
