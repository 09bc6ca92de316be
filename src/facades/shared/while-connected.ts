import type { FastifyReply } from 'fastify';

/** Fires when the client hangs up before it has its answer. */
export function whileConnected(reply: FastifyReply): AbortSignal {
  const hangUp = new AbortController();
  reply.raw.once('close', () => hangUp.abort());
  return hangUp.signal;
}

/** The same, but for a request with an idempotency key: whoever asks again with it wants to find what became of the first. */
export function whileWanted(reply: FastifyReply): AbortSignal {
  const mayAskAgain = reply.request.headers['idempotency-key'] !== undefined;
  return mayAskAgain ? new AbortController().signal : whileConnected(reply);
}
