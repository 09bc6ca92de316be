import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { throwIfFired } from '../core/cancel.ts';
import { AppError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { type AnswerName, type AnswerOf, answers } from './answers.ts';
import { Broken, collected } from './body.ts';
import { judged } from './judge-thread.ts';
import { refusal } from './refusal.ts';
import type { Trust } from './trust.ts';

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly json?: unknown;
  readonly raw?: Uint8Array;
  /** Until the answer begins, and between the bytes of a stream; 0: for ever, for what another call watches over. */
  readonly timeoutMs?: number;
  /** It was taken up; what it gives comes now. */
  readonly onAnswer?: () => void;
}
interface How extends Ask {
  /** `bytes`: as they come, for as long as they come. `both`: the connection is wanted as a stream of its own. */
  readonly stream?: 'bytes' | 'both';
}
type Trailers = Readonly<Record<string, string | undefined>>;

const defaultTimeoutMs = 10_000;
/** For all of an answer that is no stream, once it began. */
const answerMs = 30_000;
const maxHeaderBytes = 16 * 1024;

/** What the daemon and we call a connection that turns into raw bytes both ways. */
const protocol = 'corral-stream';

export interface Way {
  readonly agent: Agent;
  readonly token: Secret;
  /** Of the session's owner, where there may be several servers: the daemon refuses those of older ones. */
  readonly epoch?: number;
}
interface Exchange {
  readonly response: IncomingMessage;
  readonly stream: Duplex | undefined;
  /** The bytes as they come. */
  readonly chunks: AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
}
/**
 * One exchange with the daemon. What comes out of a sandbox is hostile until it was judged: headers, sizes, counts and
 * shapes are bounded, and the first answer that breaks a rule ends the trust in this way into it.
 */
export function requester({ agent, token, epoch, trust }: Way & { readonly trust: Trust }) {
  async function exchange<Result>(
    ask: How,
    signal: AbortSignal,
    read: (exchange: Exchange) => Promise<Result>,
  ): Promise<Result> {
    throwIfFired(signal);
    if (trust.broken.aborted) throw trust.broken.reason;
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
    // Not the socket's own timer: it would not run while the agent still waits for a connection.
    let timedOut = false;
    const expire = () => {
      timedOut = true;
      outgoing.destroy(new Error('timed out'));
    };
    let timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
    signal.addEventListener('abort', stop, { once: true });
    trust.broken.addEventListener('abort', stop, { once: true });
    const { answered, failure } = answerOf(outgoing, ask);
    outgoing.end(body);
    try {
      const { response, stream } = await answered;
      if ((response.statusCode ?? 0) >= 400) {
        clearTimeout(timer);
        timer = setTimeout(expire, answerMs);
        const bytes = await collected(response, { maxBytes: answers.refusal.maxBytes, signal, isMeasured: false });
        throw refusal(trusted(await judged('refusal', bytes)), { epoch });
      }
      if (!ask.stream) {
        clearTimeout(timer);
        timer = setTimeout(expire, answerMs);
      }
      ask.onAnswer?.();
      return await read({ response, stream, signal, chunks: refreshing(response, timer) });
    } catch (thrown) {
      throwIfFired(signal);
      const broken = failure() ?? thrown;
      outgoing.destroy();
      if (trust.broken.aborted) throw trust.broken.reason;
      if (broken instanceof Broken) {
        throw trust.breaks({ reason: broken.reason, call: nameOf(ask), detail: broken.message });
      }
      // Cancelled, and not by this caller: the sandbox was given up under it.
      if (thrown instanceof AppError && thrown.code !== 'cancelled') throw thrown;
      if (timedOut) throw new AppError('sandbox_unresponsive', 'The sandbox does not answer.', { cause: thrown });
      throw new AppError('sandbox_lost', 'The connection to the sandbox is gone.', { cause: thrown });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      trust.broken.removeEventListener('abort', stop);
    }
  }

  return {
    /** A JSON answer of that kind. */
    json: <Name extends AnswerName>(name: Name, ask: Ask, signal: AbortSignal) =>
      exchange(ask, signal, async ({ response }): Promise<AnswerOf<Name>> => {
        expected(response, 200);
        const bytes = await collected(response, { maxBytes: answers[name].maxBytes, signal, isMeasured: true });
        return trusted(await judged(name, bytes));
      }),
    /** An answer that says nothing but that it was done. */
    done: (ask: Ask, signal: AbortSignal) =>
      exchange(ask, signal, async ({ response }): Promise<void> => {
        expected(response, 204);
        await collected(response, { maxBytes: 0, signal, isMeasured: false });
      }),
    /** The body, of which there may be so much; more is a daemon that cannot be trusted. */
    whole: (ask: Ask, maxBytes: number, signal: AbortSignal) =>
      exchange(ask, signal, async ({ response }) => {
        expected(response, 200);
        return await collected(response, { maxBytes, signal, isMeasured: true });
      }),
    /** The body as it comes; resolves with the trailers once all of it was there. */
    bytes: (
      ask: Ask & { readonly maxBytes?: number },
      onBytes: (chunk: Uint8Array) => void | Promise<void>,
      signal: AbortSignal,
    ) =>
      exchange({ ...ask, stream: 'bytes' }, signal, async ({ response, chunks }): Promise<Trailers> => {
        expected(response, 200);
        let left = ask.maxBytes ?? Number.POSITIVE_INFINITY;
        for await (const chunk of chunks) {
          left -= chunk.length;
          if (left < 0) throw new Broken('too_large', `more than ${ask.maxBytes} bytes`);
          await onBytes(chunk);
        }
        return response.trailers;
      }),
    /** Raw bytes both ways from here on; the caller destroys it. */
    upgrade: (ask: Ask, signal: AbortSignal) =>
      exchange({ ...ask, stream: 'both' }, signal, async ({ response, stream }): Promise<Duplex> => {
        if (!stream) {
          response.destroy();
          throw new Broken('bad_status', `${response.statusCode} where a stream was asked for`);
        }
        stream.on('error', () => {}); // its close says the rest
        if (signal.aborted) stream.destroy();
        throwIfFired(signal);
        return stream;
      }),
  };
}

/** The beginning of the answer, and why there is none or not all of it, where the sandbox broke a rule of HTTP. */
function answerOf(outgoing: ClientRequest, { stream: wanted }: How) {
  const { promise, resolve, reject } = Promise.withResolvers<{ response: IncomingMessage; stream?: Duplex }>();
  let failure: Broken | undefined;
  const fail = (reason: Broken) => {
    failure ??= reason;
    reject(failure);
    outgoing.destroy();
  };
  outgoing.once('response', (response) => resolve({ response }));
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    const broken = parserComplaint(error);
    failure ??= broken;
    reject(broken ?? error);
  });
  // Of these any number may come before an answer, and the daemon sends none.
  outgoing.once('information', () => fail(new Broken('bad_status', 'an answer before the answer')));
  outgoing.once('upgrade', (response, stream, head) => {
    stream.on('error', () => {});
    if (wanted !== 'both') {
      stream.destroy();
      return fail(new Broken('bad_status', '101 where no stream was asked for'));
    }
    if (head.length > 0) stream.unshift(head);
    resolve({ response, stream });
  });
  return {
    answered: promise as Promise<{ response: IncomingMessage; stream: Duplex | undefined }>,
    failure: () => failure,
  };
}

/** What the parser says of bytes that are no HTTP. A connection that ended in the midst of an answer is only lost. */
function parserComplaint({ code = '' }: NodeJS.ErrnoException): Broken | undefined {
  if (!code.startsWith('HPE_') || code === 'HPE_INVALID_EOF_STATE') return undefined;
  if (code.endsWith('OVERFLOW')) return new Broken('bad_headers', `more than ${maxHeaderBytes} bytes of headers`);
  return new Broken('not_http', code);
}

function expected({ statusCode }: IncomingMessage, status: number): void {
  if (statusCode !== status) throw new Broken('bad_status', `${statusCode} where ${status} was due`);
}

function trusted<Value>(said: Awaited<ReturnType<typeof judged>> | { ok: true; value: Value }): Value {
  if (said.ok) return said.value as Value;
  throw new Broken(said.reason, said.detail);
}

/** The call without the ids and names that it was made for. */
function nameOf({ method, path }: Ask): string {
  const [folder = '', , ...rest] = path.split('?')[0]?.split('/').slice(1) ?? [];
  const fixed = ['files', 'desktop'].includes(folder) ? path.split('?')[0] : undefined;
  return `${method} ${fixed ?? [`/${folder}`, ...(path.split('/').length > 2 ? ['{id}'] : []), ...rest].join('/')}`;
}

const contentType = (ask: Ask) => (ask.raw ? 'application/octet-stream' : 'application/json');

async function* refreshing(response: IncomingMessage, timer: NodeJS.Timeout | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of response) {
    timer?.refresh();
    yield chunk;
  }
}
