import type { FastifyReply } from 'fastify';
import { neverFires } from '../../core/cancel.ts';

/** Fires when the client disconnects before its answer. */
export function whileConnected(reply: FastifyReply): AbortSignal {
  const hangUp = new AbortController();
  reply.raw.once('close', () => hangUp.abort());
  return hangUp.signal;
}

/** As `whileConnected`, but a request with an idempotency key continues, because a retry will ask for its result. */
export function whileWanted(reply: FastifyReply): AbortSignal {
  const mayAskAgain = reply.request.headers['idempotency-key'] !== undefined;
  return mayAskAgain ? neverFires : whileConnected(reply);
}
