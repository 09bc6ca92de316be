import type { IncomingMessage } from 'node:http';
import type { UntrustedReason } from '../core/events.ts';
import { BytesBudget } from './bytes-budget.ts';
import { onLoopBytes } from './validation-thread.ts';

/** The sandbox sent something that its daemon never sends. */
export class Broken extends Error {
  readonly reason: UntrustedReason;

  constructor(reason: UntrustedReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** Small answers are not counted: even many of them need little memory. */
const held = new BytesBudget(96 * 1024 * 1024);

interface Limit {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /**
   * The answer must have a content-length. A chunked body can be cut so fine that reading it costs more than its content
   * is worth.
   */
  readonly isMeasured: boolean;
}

/** The whole body of an answer. Throws Broken as soon as its length, declared or actual, exceeds the limit. */
export async function collected(response: IncomingMessage, { maxBytes, signal, isMeasured }: Limit): Promise<Buffer> {
  const tooLarge = () => new Broken('too_large', `more than ${maxBytes} bytes`);
  const said = response.headers['content-length'];
  if (said === undefined && isMeasured) throw new Broken('bad_headers', 'no content-length');
  const length = said === undefined ? maxBytes : Number(said);
  if (length > maxBytes) throw tooLarge();
  using _held = length > onLoopBytes ? await held.take(length, signal) : undefined;
  const whole = Buffer.allocUnsafeSlow(length); // memory of its own, which can be transferred to a thread
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    if (size + part.length > length) throw tooLarge();
    size += part.copy(whole, size);
  }
  return whole.subarray(0, size);
}
