import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { neverAbortingSignal } from '../../core/concurrency/cancel.ts';

export function createDisconnectController(raw: ServerResponse): AbortController {
  const gone = new AbortController();
  const leave = () => {
    if (!raw.writableFinished) gone.abort(); // aborting is expensive, and nothing listens after the response
  };
  if (raw.destroyed) leave();
  else raw.once('close', leave);
  return gone;
}

export const abortOnDisconnect = (reply: FastifyReply): AbortSignal => createDisconnectController(reply.raw).signal;

/** A request with an idempotency key continues, because a retry may request its result. */
export function abortUnlessIdempotent(reply: FastifyReply): AbortSignal {
  const mayAskAgain = reply.request.headers['idempotency-key'] !== undefined;
  return mayAskAgain ? neverAbortingSignal : abortOnDisconnect(reply);
}
