import { once } from 'node:events';
import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type Duplex, PassThrough, Readable } from 'node:stream';
import { combineSignals, neverAbortingSignal, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { Semaphore } from '../../core/concurrency/semaphore.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { FileByteRange } from './abilities.ts';
import { collectBody, ProtocolViolationError, readDeclaredLength, releaseBodyMemory } from './answers/answer-body.ts';
import {
  type DaemonResponse,
  type DaemonResponseName,
  daemonResponseRules,
  maxLargeResponseBytes,
} from './answers/answers.ts';
import type { DaemonTrust } from './answers/daemon-trust.ts';
import { toRefusalError } from './answers/refusal.ts';
import { validateResponseInTurn } from './answers/validate-answer.ts';
import type { OpenFile } from './client.ts';

export interface DaemonRequest {
  readonly method: string;
  readonly path: string;
  readonly json?: unknown;
  readonly raw?: Uint8Array;
  readonly body?: AsyncIterable<Uint8Array>;
  /** Maximum time until the response begins, and between bytes of a stream. 0 means no limit. */
  readonly timeoutMs?: number;
  readonly onAnswer?: () => void;
}
interface StreamRequest extends DaemonRequest {
  /** `patient`: like `bytes`, without a time limit between bytes. `both`: a raw two-way stream. */
  readonly stream?: 'bytes' | 'patient' | 'both';
}
type Trailers = Readonly<Record<string, string | undefined>>;

/** Ends a call that hangs although health checks succeed. */
const defaultTimeoutMs = 30_000;
/** Maximum time from the first byte to the last, unless the response is a stream. */
const answerMs = 30_000;
/** Leaves some of the daemon's 96 connections for other calls. */
const maxLong = 64;
/** Maximum number of raw streams. Each uses a connection and a file descriptor. */
const maxStreams = 1_600;
const maxHeaderBytes = 16 * 1024;

const protocol = 'corral-stream';

export interface DaemonConnection {
  readonly agent: Agent;
  readonly token: Secret;
  /** The epoch of the session's lease, if servers share sessions. The daemon rejects lower epochs. */
  readonly epoch?: number;
  /** Undefined if the connection is always re-established. */
  readonly lost?: AbortSignal;
}
interface Exchange {
  readonly response: IncomingMessage;
  readonly stream: Duplex | undefined;
  readonly chunks: AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
}
/** The daemon's responses are hostile until checked. The first violation ends all trust in this connection. */
export function createRequester({
  agent,
  token,
  epoch,
  trust,
  lost = neverAbortingSignal,
}: DaemonConnection & { readonly trust: DaemonTrust }) {
  const own = new Semaphore(maxLargeResponseBytes);
  const lasting = new Semaphore(maxLong);
  let streams = 0;
  async function exchange<Result>(
    ask: StreamRequest,
    signal: AbortSignal,
    read: (exchange: Exchange) => Promise<Result>,
  ): Promise<Result> {
    throwIfAborted(signal);
    const canLast = ask.stream === 'patient' || (ask.stream !== 'both' && ask.timeoutMs === 0);
    using _slot = canLast ? await lasting.acquire(signal) : undefined;
    if (trust.broken.aborted) throw trust.broken.reason;
    if (lost.aborted) throw connectionLost(lost.reason);
    const body = ask.raw ?? (ask.json === undefined ? undefined : Buffer.from(JSON.stringify(ask.json)));
    const outgoing = request({
      agent,
      host: 'sandbox',
      method: ask.method,
      path: ask.path,
      maxHeaderSize: maxHeaderBytes,
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        ...(epoch !== undefined && { 'corral-epoch': epoch }),
        ...(body && { 'content-length': body.length, 'content-type': contentType(ask) }),
        ...(ask.stream === 'both' && { connection: 'upgrade', upgrade: protocol }),
      },
    });
    const stop = () => outgoing.destroy(new Error('cancelled'));
    const timeoutMs = ask.timeoutMs ?? defaultTimeoutMs;
    // A socket timeout would start only once the HTTP agent opens a connection.
    let timedOut = false;
    const expire = () => {
      timedOut = true;
      outgoing.destroy(new Error('timed out'));
    };
    let timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
    signal.addEventListener('abort', stop, { once: true });
    for (const end of [trust.broken, lost]) end.addEventListener('abort', stop, { once: true });
    const { answered, failure } = answerOf(outgoing, ask);
    if (ask.body) pour(ask.body, outgoing);
    else outgoing.end(body);
    try {
      const { response, stream } = await answered;
      if ((response.statusCode ?? 0) >= 400) {
        clearTimeout(timer);
        timer = setTimeout(expire, answerMs);
        const { maxBytes } = daemonResponseRules.refusal;
        using body = await collectBody(response, { maxBytes, signal, isMeasured: false, own });
        throw toRefusalError(trusted(await validateResponseInTurn('refusal', body.bytes)), { epoch });
      }
      if (!ask.stream) {
        clearTimeout(timer);
        timer = setTimeout(expire, answerMs);
      }
      if (ask.stream === 'patient') clearTimeout(timer);
      ask.onAnswer?.();
      const chunks = ask.stream === 'patient' ? response : refreshing(response, timer);
      return await read({ response, stream, signal, chunks });
    } catch (thrown) {
      throwIfAborted(signal);
      const broken = failure() ?? thrown;
      outgoing.destroy();
      if (trust.broken.aborted) throw trust.broken.reason;
      if (broken instanceof ProtocolViolationError) {
        throw trust.reportViolation({ reason: broken.reason, call: nameOf(ask), detail: broken.message });
      }
      // `cancelled` means here that the connection closed during the call, because this caller's signal has not fired
      if (thrown instanceof AppError && thrown.code !== 'cancelled') throw thrown;
      if (timedOut)
        throw new AppError('sandbox_unresponsive', 'The sandbox is not responding. Try again.', { cause: thrown });
      throw connectionLost(thrown);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      for (const end of [trust.broken, lost]) end.removeEventListener('abort', stop);
    }
  }

  async function answered<Name extends DaemonResponseName>(
    name: Name,
    response: IncomingMessage,
    signal: AbortSignal,
  ): Promise<DaemonResponse<Name>> {
    expected(response, 200);
    const { maxBytes } = daemonResponseRules[name];
    using body = await collectBody(response, { maxBytes, signal, isMeasured: true, own });
    const validationResult = await validateResponseInTurn(name, body.bytes);
    releaseBodyMemory(body);
    return trusted(validationResult);
  }

  return {
    json: <Name extends DaemonResponseName>(name: Name, ask: DaemonRequest, signal: AbortSignal) =>
      exchange(ask, signal, ({ response }) => answered(name, response, signal)),
    sending: <Name extends DaemonResponseName>(
      name: Name,
      ask: DaemonRequest & Required<Pick<DaemonRequest, 'body'>>,
      signal: AbortSignal,
    ): Promise<DaemonResponse<Name>> =>
      exchange({ ...ask, timeoutMs: 0 }, signal, ({ response }) => answered(name, response, signal)),
    done: (ask: DaemonRequest, signal: AbortSignal) =>
      exchange(ask, signal, async ({ response }): Promise<void> => {
        expected(response, 204);
        using _ = await collectBody(response, { maxBytes: 0, signal, isMeasured: false, own });
      }),
    /** A body longer than `maxBytes` makes the daemon untrusted. */
    whole: (ask: DaemonRequest, maxBytes: number, signal: AbortSignal) =>
      exchange(ask, signal, async ({ response }) => {
        expected(response, 200);
        using body = await collectBody(response, { maxBytes, signal, isMeasured: true, own });
        return body.bytes;
      }),
    /** A file longer than `maxBytes` makes the daemon untrusted. */
    file: (ask: DaemonRequest, maxBytes: number, signal: AbortSignal): Promise<OpenFile> =>
      openFile(
        (until, read) =>
          exchange({ ...ask, stream: 'patient' }, until, async (answer) => {
            expected(answer.response, 200);
            await read(answer);
          }),
        maxBytes,
        signal,
      ),
    bytes: (
      ask: DaemonRequest & { readonly maxBytes?: number },
      onBytes: (chunk: Uint8Array) => void | Promise<void>,
      signal: AbortSignal,
    ) =>
      exchange({ ...ask, stream: 'bytes' }, signal, async ({ response, chunks }): Promise<Trailers> => {
        expected(response, 200);
        let left = ask.maxBytes ?? Number.POSITIVE_INFINITY;
        for await (const chunk of chunks) {
          left -= chunk.length;
          if (left < 0) throw new ProtocolViolationError('too_large', `more than ${ask.maxBytes} bytes`);
          await onBytes(chunk);
        }
        return response.trailers;
      }),
    /** Opens a raw two-way stream, which the caller destroys. Rejects: conflict (too many streams). */
    async upgrade(ask: DaemonRequest, signal: AbortSignal): Promise<Duplex> {
      if (streams >= maxStreams) {
        throw new AppError('conflict', `This sandbox has ${maxStreams} open streams, the maximum. Close some first.`);
      }
      streams++;
      const over = () => void streams--;
      try {
        return await exchange({ ...ask, stream: 'both' }, signal, async ({ response, stream }): Promise<Duplex> => {
          if (!stream) {
            response.destroy();
            throw new ProtocolViolationError('bad_status', `${response.statusCode} where a stream was requested`);
          }
          stream.on('error', () => {}); // the `close` event reports the end
          if (signal.aborted) stream.destroy();
          throwIfAborted(signal);
          if (stream.closed) over();
          else stream.once('close', over);
          return stream;
        });
      } catch (thrown) {
        over();
        throw thrown;
      }
    },
  };
}

/** `failure` returns the sandbox's HTTP violation, if any, even one that follows a valid head. */
function answerOf(outgoing: ClientRequest, { stream: target }: StreamRequest) {
  const { promise, resolve, reject } = Promise.withResolvers<{ response: IncomingMessage; stream?: Duplex }>();
  let failure: ProtocolViolationError | undefined;
  const fail = (reason: ProtocolViolationError) => {
    failure ??= reason;
    reject(failure);
    outgoing.destroy();
  };
  outgoing.once('response', (response) => {
    response.on('error', () => {}); // without a reader, the error must not end the process
    resolve({ response });
  });
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    const broken = parserComplaint(error);
    failure ??= broken;
    reject(broken ?? error);
  });
  // HTTP allows any number of informational responses, but the daemon sends none.
  outgoing.once('information', () => fail(new ProtocolViolationError('bad_status', 'an informational response')));
  outgoing.once('upgrade', (response, stream, head) => {
    stream.on('error', () => {});
    if (target !== 'both') {
      stream.destroy();
      return fail(new ProtocolViolationError('bad_status', '101 where no stream was requested'));
    }
    if (head.length > 0) stream.unshift(head);
    resolve({ response, stream });
  });
  return {
    answered: promise as Promise<{ response: IncomingMessage; stream: Duplex | undefined }>,
    failure: () => failure,
  };
}

function parserComplaint({ code = '' }: NodeJS.ErrnoException): ProtocolViolationError | undefined {
  if (!code.startsWith('HPE_') || code === 'HPE_INVALID_EOF_STATE') return undefined;
  if (code.endsWith('OVERFLOW'))
    return new ProtocolViolationError('bad_headers', `more than ${maxHeaderBytes} bytes of headers`);
  return new ProtocolViolationError('not_http', code);
}

function expected({ statusCode }: IncomingMessage, status: number): void {
  if (statusCode !== status) throw new ProtocolViolationError('bad_status', `${statusCode} where ${status} was due`);
}

function trusted<Value>(reply: Awaited<ReturnType<typeof validateResponseInTurn>> | { ok: true; value: Value }): Value {
  if (reply.ok) return reply.value as Value;
  throw new ProtocolViolationError(reply.reason, reply.detail);
}

function nameOf({ method, path }: DaemonRequest): string {
  const [folder = '', , ...rest] = path.split('?')[0]?.split('/').slice(1) ?? [];
  const fixed = ['files', 'desktop', 'paths'].includes(folder) ? path.split('?')[0] : undefined;
  return `${method} ${fixed ?? [`/${folder}`, ...(path.split('/').length > 2 ? ['{id}'] : []), ...rest].join('/')}`;
}

/** Aborts if the body fails: the daemon would otherwise accept a truncated body. */
function pour(body: AsyncIterable<Uint8Array>, outgoing: ClientRequest): void {
  const from = body instanceof Readable ? body : Readable.from(body, { objectMode: false });
  if (from.errored) return void outgoing.destroy(from.errored);
  from.once('error', (error) => outgoing.destroy(error));
  outgoing.once('close', () => from.destroy());
  from.pipe(outgoing);
}

const connectionLost = (cause: unknown) =>
  new AppError('sandbox_lost', 'The connection to the sandbox was lost.', { cause });

const contentType = (ask: DaemonRequest) => (ask.raw ? 'application/octet-stream' : 'application/json');

async function* refreshing(response: IncomingMessage, timer: NodeJS.Timeout | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of response) {
    timer?.refresh();
    yield chunk;
  }
}

interface Answer {
  readonly response: IncomingMessage;
  readonly chunks: AsyncIterable<Buffer>;
}
type FileExchange = (signal: AbortSignal, read: (answer: Answer) => Promise<void>) => Promise<void>;

async function openFile(exchange: FileExchange, maxBytes: number, signal: AbortSignal): Promise<OpenFile> {
  const gone = new AbortController();
  const begun = Promise.withResolvers<OpenFile>();
  const content = new PassThrough();
  content.on('error', () => {}); // the content's reader gets the error too
  content.once('close', () => gone.abort());
  exchange(combineSignals([signal, gone.signal]), async ({ response, chunks }) => {
    begun.resolve({ size: readDeclaredLength(response, { maxBytes, isMeasured: true }), content });
    for await (const chunk of chunks) {
      if (!content.write(chunk)) await once(content, 'drain', { signal: gone.signal });
    }
    content.end();
  }).catch((error) => {
    begun.reject(error);
    content.destroy(error);
  });
  return await begun.promise;
}

export const toQueryString = (values: Record<string, string>) => new URLSearchParams(values).toString();

export const toFileRangeQuery = ({ from, most }: FileByteRange): Record<string, string> => ({
  ...(from && { from: String(from) }),
  ...(most !== undefined && { most: String(most) }),
});
