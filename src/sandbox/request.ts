import { type Agent, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { throwIfFired } from '../core/cancel.ts';
import { AppError, type ErrorCode, errorCodes } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly json?: unknown;
  readonly raw?: Uint8Array;
  /** Until the answer begins, and between its bytes; 0: for ever, for what another call watches over. */
  readonly timeoutMs?: number;
  /** It was taken up; what it gives comes now. */
  readonly onAnswer?: () => void;
  /** The connection is wanted as a stream of its own. */
  readonly upgrade?: boolean;
}
type Trailers = Readonly<Record<string, string | undefined>>;

const defaultTimeoutMs = 10_000;
const maxAnswerBytes = 64 * 1024 * 1024;

/** What the daemon and we call a connection that turns into raw bytes both ways. */
const protocol = 'corral-stream';

export interface Way {
  readonly agent: Agent;
  readonly token: Secret;
  /** Of the session's owner, where there may be several servers: the daemon refuses those of older ones. */
  readonly epoch?: number;
}

/** One exchange with the daemon. What comes out of a sandbox is not trusted: sizes are bounded, codes looked up. */
export function requester({ agent, token, epoch }: Way) {
  async function exchange<Result>(
    ask: Ask,
    signal: AbortSignal,
    read: (chunks: AsyncIterable<Buffer>, response: IncomingMessage, stream: Duplex | undefined) => Promise<Result>,
  ): Promise<Result> {
    throwIfFired(signal);
    const body = ask.raw ?? (ask.json === undefined ? undefined : Buffer.from(JSON.stringify(ask.json)));
    const { promise: answered, resolve, reject } = Promise.withResolvers<[IncomingMessage, Duplex?]>();
    const outgoing = request({
      agent,
      host: 'sandbox',
      method: ask.method,
      path: ask.path,
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        ...(epoch !== undefined && { 'corral-epoch': epoch }),
        ...(body && { 'content-length': body.length, 'content-type': contentType(ask) }),
        ...(ask.upgrade && { connection: 'upgrade', upgrade: protocol }),
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
    const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
    signal.addEventListener('abort', stop, { once: true });
    outgoing.once('response', (response) => resolve([response])).on('error', reject);
    outgoing.once('upgrade', (response, stream, head) => {
      if (head.length > 0) stream.unshift(head);
      resolve([response, stream]);
    });
    outgoing.end(body);
    try {
      const [response, stream] = await answered;
      const chunks = refreshing(response, timer);
      if ((response.statusCode ?? 500) >= 400)
        throw refusal(JSON.parse((await whole(chunks, maxAnswerBytes)).toString()));
      ask.onAnswer?.();
      return await read(chunks, response, stream);
    } catch (thrown) {
      throwIfFired(signal);
      // Cancelled, and not by this caller: the sandbox was given up under it.
      if (thrown instanceof AppError && thrown.code !== 'cancelled') throw thrown;
      outgoing.destroy();
      if (timedOut) throw new AppError('sandbox_unresponsive', 'The sandbox does not answer.', { cause: thrown });
      throw new AppError('sandbox_lost', 'The connection to the sandbox is gone.', { cause: thrown });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  return {
    json: <Result>(ask: Ask, signal: AbortSignal) =>
      exchange(ask, signal, async (chunks) => {
        const answer = (await whole(chunks, maxAnswerBytes)).toString();
        return (answer === '' ? undefined : JSON.parse(answer)) as Result;
      }),
    /** The body, of which there may be so much; more is a daemon that cannot be trusted. */
    whole: (ask: Ask, mostBytes: number, signal: AbortSignal) =>
      exchange(ask, signal, (chunks) => whole(chunks, mostBytes)),
    /** The body as it comes; resolves with the trailers once all of it was there. */
    bytes: (ask: Ask, onBytes: (chunk: Uint8Array) => void | Promise<void>, signal: AbortSignal) =>
      exchange(ask, signal, async (chunks, response): Promise<Trailers> => {
        for await (const chunk of chunks) await onBytes(chunk);
        return response.trailers;
      }),
    /** Raw bytes both ways from here on; the caller destroys it. */
    upgrade: (ask: Ask, signal: AbortSignal) =>
      exchange({ ...ask, upgrade: true }, signal, async (_chunks, _response, stream): Promise<Duplex> => {
        if (!stream) throw new Error('the daemon did not change the protocol');
        stream.on('error', () => {}); // its close says the rest
        if (signal.aborted) stream.destroy();
        throwIfFired(signal);
        return stream;
      }),
  };
}

const contentType = (ask: Ask) => (ask.raw ? 'application/octet-stream' : 'application/json');

async function* refreshing(response: IncomingMessage, timer: NodeJS.Timeout | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of response) {
    timer?.refresh();
    yield chunk;
  }
}

async function whole(chunks: AsyncIterable<Buffer>, mostBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of chunks) {
    size += part.length;
    if (size > mostBytes) throw new Error('the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function refusal(answer: { error?: { code?: unknown; message?: unknown } }): AppError {
  const code = errorCodes.find((known) => known === answer.error?.code) ?? ('internal' satisfies ErrorCode);
  const message = typeof answer.error?.message === 'string' ? answer.error.message.slice(0, 1_000) : 'It refused.';
  return new AppError(code, message);
}
