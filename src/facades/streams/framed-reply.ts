import type { FastifyReply } from 'fastify';
import { errorDocsPathOf } from '../../core/errors/error-pages.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { encodeStreamFrameHeader, type StreamChannel } from '../../core/text/stream-frames.ts';
import { toPublicMessage, wireErrors } from '../../http/errors/wire-errors.ts';
import { getCurrentPrincipal } from '../../http/guard/caller.ts';
import type { HttpLogger } from '../../http/routes/observe.ts';
import { type SseContext, waitForDrain, writeStreamHead } from '../../http/transport/sse.ts';

const pingMs = 15_000;
/** Disconnects a client that has not read all queued bytes within this time. */
const stalledMs = 60_000;

export interface FramedReply extends Disposable {
  readonly gone: AbortSignal;
  write(channel: StreamChannel, payload: Uint8Array): Promise<void>;
  end(outcome: object): void;
}

/** Takes over the response, so refuse a request before this call. */
export function openFramedReply(reply: FastifyReply, { clock, closing, opened }: SseContext): FramedReply {
  const res = reply.hijack().raw;
  const hangUp = new AbortController();
  const counted = opened();
  const { ended } = getCurrentPrincipal();
  const leave = () => hangUp.abort();
  const cut = () => void res.destroy();
  let timer = clock.setTimeout(ping, pingMs);
  function ping() {
    if (!res.writableNeedDrain) res.write(encodeStreamFrameHeader('ping'));
    timer = clock.setTimeout(ping, pingMs);
  }
  for (const signal of [closing, ended]) signal?.addEventListener('abort', cut, { once: true });
  res.once('close', leave).on('error', () => {}); // a write can fail on a connection that has just closed
  if (res.closed || res.destroyed) leave();
  if (closing.aborted || ended?.aborted) cut();
  writeStreamHead(res, {
    ...reply.getHeaders(),
    'content-type': 'application/octet-stream',
    'cache-control': 'no-store, no-transform',
  });
  res.write(encodeStreamFrameHeader('ping'));
  return {
    gone: hangUp.signal,
    async write(channel, payload) {
      if (hangUp.signal.aborted) return;
      // Two writes instead of a copy: Node combines writes made in the same tick.
      res.write(encodeStreamFrameHeader(channel, payload.length));
      if (res.write(payload)) return;
      await waitForDrain(res, stalledMs, clock, hangUp.signal);
    },
    end(outcome) {
      if (hangUp.signal.aborted) return;
      const text = Buffer.from(JSON.stringify(outcome));
      res.write(encodeStreamFrameHeader('end', text.length));
      res.end(text);
    },
    [Symbol.dispose]() {
      clock.clearTimeout(timer);
      for (const signal of [closing, ended]) signal?.removeEventListener('abort', cut);
      counted[Symbol.dispose]();
      if (!res.writableEnded) res.destroy(); // a reply that ends without its outcome must not look complete
    },
  };
}

export function toFailureOutcome(thrown: unknown, logger: Pick<HttpLogger, 'error'>, what: string): object {
  const error = toAppError(thrown);
  if (wireErrors[error.code].http === 500) logger.error({ err: error.cause ?? error }, what);
  const docs = errorDocsPathOf(error.code);
  const more = docs !== undefined && { docs };
  return { error: { code: error.code, message: toPublicMessage(error), retryable: error.retryable, ...more } };
}
