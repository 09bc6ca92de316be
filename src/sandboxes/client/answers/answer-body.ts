import type { IncomingMessage } from 'node:http';
import { Semaphore } from '../../../core/concurrency/semaphore.ts';
import type { ProtocolViolationReason } from '../../../core/model/events.ts';
import { maxImmediateValidationBytes } from './validate-answer.ts';

export class ProtocolViolationError extends Error {
  readonly reason: ProtocolViolationReason;

  constructor(reason: ProtocolViolationReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** Maximum bytes of large responses in memory, for all sandboxes together. */
const held = new Semaphore(32 * 1024 * 1024);

interface Limit {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Requires a content-length, because a chunked body can be split to make reading expensive. */
  readonly isMeasured: boolean;
  /** Keeps one slow sandbox from exhausting the shared limit. */
  readonly own: Semaphore;
}
interface Body extends Disposable {
  readonly bytes: Buffer;
}

/** Rejects: ProtocolViolationError (the body is too long, or a required content-length is missing). */
export async function collectBody(response: IncomingMessage, limit: Limit): Promise<Body> {
  const { signal, own } = limit;
  const length = readDeclaredLength(response, limit);
  const isLarge = length > maxImmediateValidationBytes;
  using stack = new DisposableStack();
  if (isLarge) {
    stack.use(await own.acquire(signal, length));
    stack.use(await held.acquire(signal, length));
  }
  const whole = Buffer.allocUnsafeSlow(length);
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    if (size + part.length > length) throw tooLarge(limit);
    size += part.copy(whole, size);
  }
  const counted = stack.move();
  return { bytes: whole.subarray(0, size), [Symbol.dispose]: () => counted.dispose() };
}

/** Frees the memory now, because garbage collection may be minutes away. */
export const releaseBodyMemory = ({ bytes }: Pick<Body, 'bytes'>): void =>
  void (bytes.buffer as ArrayBuffer).transfer(0);

export function readDeclaredLength(
  { headers }: IncomingMessage,
  limit: Pick<Limit, 'maxBytes' | 'isMeasured'>,
): number {
  const text = headers['content-length'];
  if (text === undefined && limit.isMeasured) throw new ProtocolViolationError('bad_headers', 'no content-length');
  const length = text === undefined ? limit.maxBytes : Number(text);
  if (length > limit.maxBytes) throw tooLarge(limit);
  return length;
}

const tooLarge = ({ maxBytes }: Pick<Limit, 'maxBytes'>) =>
  new ProtocolViolationError('too_large', `more than ${maxBytes} bytes`);
