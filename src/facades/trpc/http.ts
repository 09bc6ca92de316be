import type { ReadableStream } from 'node:stream/web';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { incomingMessageToRequest } from '@trpc/server/adapters/node-http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CallLimiter } from '../../api/procedure/context.ts';
import { appRouter } from '../../api/router.ts';
import type { App } from '../../http/routes/routes.ts';
import { parseJsonBody, parseJsonParameter } from '../../http/transport/json-body.ts';
import { openSse } from '../../http/transport/sse.ts';
import { reportBug, type TrpcDeps } from './deps.ts';

const maxBatchSize = 500;

export function mountTrpcHttp(app: App, deps: TrpcDeps): void {
  app.route({
    method: ['GET', 'POST'],
    url: '/trpc/:path',
    exposeHeadRoute: false,
    config: { connectionParams: true, stream: true },
    handler: (request, reply) => answer(request, reply, deps),
  });
}

async function answer(request: FastifyRequest, reply: FastifyReply, deps: TrpcDeps): Promise<FastifyReply | undefined> {
  const { acting, version, clock, previews, logger, sse } = deps;
  const response = await fetchRequestHandler({
    router: appRouter,
    endpoint: '/trpc',
    req: toFetch(request, reply),
    maxBatchSize,
    createContext: () => ({
      ...acting(request.principal),
      version,
      clock,
      previews,
      reached: { host: request.headers.host, scheme: request.client.scheme },
      calls: new CallLimiter(),
      drained: async () => {},
    }),
    onError: ({ error, path }) => reportBug(logger, error, path),
  });
  if (response.headers.get('content-type') === 'text/event-stream') {
    await stream(reply, response, sse);
    return undefined;
  }
  for (const [name, value] of response.headers) reply.header(name, name === 'vary' ? `Origin, ${value}` : value);
  reply.code(response.status);
  return reply.send(response.headers.has('transfer-encoding') ? response.body : await response.text());
}

/** Converts a request for tRPC. Rejects JSON that is too complex, because tRPC parses it once more without a limit. */
function toFetch({ raw, rawBody, query }: FastifyRequest, reply: FastifyReply): Request {
  if (rawBody) parseJsonBody(rawBody);
  for (const one of [(query as { input?: unknown }).input].flat()) {
    if (typeof one === 'string') parseJsonParameter(one);
  }
  // Fastify has already read the body. Like our other routes, this route parses it as JSON and ignores its content type.
  if (raw.method === 'POST') raw.headers['content-type'] = 'application/json';
  return incomingMessageToRequest(Object.assign(raw, { body: rawBody?.toString() ?? '' }), reply.raw, {
    maxBodySize: null,
  });
}

/**
 * tRPC's own stream, with the pings, backpressure and shutdown of our other streams. No end message is sent: a client treats an
 * announced end as final, but resumes after a broken connection.
 */
async function stream(reply: FastifyReply, response: Response, sse: TrpcDeps['sse']): Promise<void> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  using out = openSse(reply, sse);
  const leave = () => void reader.cancel().catch(() => {});
  if (out.gone.aborted) leave();
  else out.gone.addEventListener('abort', leave, { once: true });
  let frame: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done || !value || out.gone.aborted) return;
    frame.push(value);
    if (!endsFrame(value)) continue; // tRPC writes line by line; each frame is sent in one write
    const full = out.write(Buffer.concat(frame));
    frame = [];
    if (full) await full;
  }
}

const endsFrame = (piece: Uint8Array) => piece.length === 2 && piece[0] === 0x0a && piece[1] === 0x0a;
