import type { FastifyReply } from 'fastify';

/** Fires when the client hangs up before it has its answer. */
export function whileConnected(reply: FastifyReply): AbortSignal {
  const hangUp = new AbortController();
  reply.raw.once('close', () => hangUp.abort());
  return hangUp.signal;
}
