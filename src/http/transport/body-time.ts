import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../core/contracts/clock.ts';
import { handleClientError } from '../errors/errors.ts';

const wholeMs = 30_000;
const idleMs = 30_000;
const checkMs = 5_000;

/** Add before any hook that can refuse a request: the bodies of refused requests are still read. */
export function enforceBodyTimeouts(app: FastifyInstance, clock: Clock): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request;
    if (hasBody(raw) && !request.route.config.idleBody)
      watch(raw, clock, request.route.config.upload ? stalled(raw, clock) : undefined);
    done();
  });
}

/** Closing the connection instead would reset it, and a client that is still sending would lose the response. */
export function drainBody(request: IncomingMessage): void {
  request.unpipe();
  request.resume();
}

const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function watch(raw: IncomingMessage, clock: Clock, isOver: (() => boolean) | undefined): void {
  const give = () => {
    if (raw.complete) return;
    if (isOver && !isOver()) {
      timer = clock.setTimeout(give, checkMs);
      return;
    }
    const late = Object.assign(new Error('The request body did not arrive in time.'), {
      code: 'ERR_HTTP_REQUEST_TIMEOUT',
    });
    handleClientError(late as Parameters<typeof handleClientError>[0], raw.socket);
  };
  let timer = clock.setTimeout(give, isOver ? checkMs : wholeMs);
  const settled = () => clock.clearTimeout(timer);
  raw.once('end', settled).once('close', settled);
}

/** Counts only time during which the server is waiting for bytes. */
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
