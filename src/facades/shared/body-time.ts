import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { answerBrokenRequest } from './errors.ts';

/** Until a request has come in whole; answers may take as long as they like. */
const wholeMs = 30_000;
/** An upload may take its time, as long as something of it comes at least this often. */
const idleMs = 30_000;
const lookMs = 5_000;

/**
 * Node has one limit for all requests, which would cut every upload over a slow line. Must be added before whatever
 * may refuse a request: the body of a refused one comes in too.
 */
export function limitBodyTime(app: FastifyInstance, clock: Clock): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request;
    if (hasBody(raw)) watch(raw, clock, request.route.config.upload ? stalled(raw, clock) : undefined);
    done();
  });
}

const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function watch(raw: IncomingMessage, clock: Clock, isOver: (() => boolean) | undefined): void {
  const give = () => {
    if (raw.complete) return;
    if (isOver && !isOver()) {
      timer = clock.setTimeout(give, lookMs);
      return;
    }
    const late = Object.assign(new Error('The body did not come in time.'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    answerBrokenRequest(late as Parameters<typeof answerBrokenRequest>[0], raw.socket);
  };
  let timer = clock.setTimeout(give, isOver ? lookMs : wholeMs);
  const settled = () => clock.clearTimeout(timer);
  raw.once('end', settled).once('close', settled);
}

/** Whether nothing came for too long; while it is we who do not read, the sender is not to blame. */
function stalled(raw: IncomingMessage, clock: Clock): () => boolean {
  let seen = raw.socket.bytesRead;
  let since = clock.now();
  return () => {
    if (raw.socket.bytesRead !== seen || raw.readableLength > 0) {
      seen = raw.socket.bytesRead;
      since = clock.now();
    }
    return clock.now() - since >= idleMs;
  };
}
