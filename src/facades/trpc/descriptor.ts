import type { ReadableStream } from 'node:stream/web';
import type { TRPCError } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { incomingMessageToRequest } from '@trpc/server/adapters/node-http';
import { getWSConnectionHandler, type WSSHandlerOptions } from '@trpc/server/adapters/ws';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CallLimiter, type TrpcContext } from '../../api/procedure/context.ts';
import { fromTrpcError, trpcErrorStyle } from '../../api/procedure/errors.ts';
import { type AppRouter, appRouter } from '../../api/router.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import { wireErrors } from '../../http/errors/wire-errors.ts';
import type { HttpLogger } from '../../http/routes/observe.ts';
import type { App } from '../../http/routes/routes.ts';
import { parseJsonBody, parseJsonParameter } from '../../http/transport/json-body.ts';
import { openSse } from '../../http/transport/sse.ts';
import type { SocketRequest } from '../../http/transport/ws.ts';
import { type ClientSocket, closeCodes, closeOnKeyRevocation } from '../../http/transport/ws-socket.ts';
import { defineFacade, type FacadeDeps } from '../shared/facade.ts';

export const trpc = defineFacade({
  label: 'tRPC',
  audience: 'TypeScript and JavaScript programs: `corral/client`, which `npm run pack:client` packages',
  tag: undefined,
  paths: ['/trpc'],
  documents: '[examples/watch-session](../examples/watch-session)',
  routes: async (parts) => [
    {
      errors: { prefix: '/trpc', style: trpcErrorStyle },
      mount(app) {
        mountTrpcHttp(app, parts);
        mountTrpcSocket(parts);
      },
    },
  ],
});

const maxBatchSize = 500;

function mountTrpcHttp(app: App, deps: FacadeDeps): void {
  app.route({
    method: ['GET', 'POST'],
    url: '/trpc/:path',
    exposeHeadRoute: false,
    config: { connectionParams: true, stream: true },
    handler: (request, reply) => answer(request, reply, deps),
  });
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: FacadeDeps,
): Promise<FastifyReply | undefined> {
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

/** Rejects JSON that is too complex, because tRPC parses the body again without limits. */
function toFetch({ raw, rawBody, query }: FastifyRequest, reply: FastifyReply): Request {
  if (rawBody) parseJsonBody(rawBody);
  for (const one of [(query as { input?: unknown }).input].flat()) {
    if (typeof one === 'string') parseJsonParameter(one);
  }
  // Parses the body as JSON with any content type, like the other routes.
  if (raw.method === 'POST') raw.headers['content-type'] = 'application/json';
  return incomingMessageToRequest(Object.assign(raw, { body: rawBody?.toString() ?? '' }), reply.raw, {
    maxBodySize: null,
  });
}

/** Sends no end message: clients resume only broken connections. */
async function stream(reply: FastifyReply, response: Response, sse: FacadeDeps['sse']): Promise<void> {
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
    if (!endsFrame(value)) continue; // tRPC writes line by line, but the client gets each frame in one write
    const full = out.write(Buffer.concat(frame));
    frame = [];
    if (full) await full;
  }
}

const endsFrame = (piece: Uint8Array) => piece.length === 2 && piece[0] === 0x0a && piece[1] === 0x0a;

const tokenMs = 5_000;

function mountTrpcSocket(deps: FacadeDeps): void {
  deps.sockets.route({
    path: '/trpc',
    connectionParams: true,
    open: (socket, request) => serve(socket, request, deps),
  });
}

function serve(socket: ClientSocket, request: SocketRequest, deps: FacadeDeps): void {
  const { acting, version, clock, previews, logger } = deps;
  const { address, scheme } = deps.clients.of(request.raw);
  const reached = { host: request.raw.headers.host, scheme };
  const connected = { version, clock, previews, reached, calls: new CallLimiter(), drained: socket.drained };
  const admit = request.known ? async () => request.principal : byConnectionParams(socket, address, deps);
  const options: Omit<WSSHandlerOptions<AppRouter>, 'wss'> = {
    router: appRouter,
    maxBatchSize,
    experimental_encoder: {
      encode: (frame) => JSON.stringify(frame),
      decode: (data) => parseJsonBody(Buffer.from(data as string)),
    },
    createContext: async ({ info }): Promise<TrpcContext> => ({
      ...acting(await admit(info.connectionParams?.token)),
      ...connected,
    }),
    onError: ({ error, path }) => reportBug(logger, error, path),
  };
  const handle = getWSConnectionHandler(options as WSSHandlerOptions<AppRouter>);
  handle(socket.connection, request.raw);
}

function byConnectionParams(
  socket: ClientSocket,
  address: string,
  { admits, clock }: FacadeDeps,
): (token: unknown) => Promise<Principal> {
  let isJudged = false;
  const refuse = () => {
    if (!isJudged) socket.close(closeCodes.refused, 'A valid token is needed');
  };
  const timer = clock.setTimeout(refuse, tokenMs);
  socket.closed.addEventListener('abort', () => clock.clearTimeout(timer), { once: true });
  socket.connection.once('message', () => queueMicrotask(refuse)); // refuses a first frame without connection parameters
  return async (token) => {
    isJudged = true;
    let principal: Principal | undefined;
    try {
      principal = typeof token === 'string' ? await admits(token, address) : undefined;
    } finally {
      isJudged = principal !== undefined;
      refuse();
    }
    if (!principal) throw new AppError('unauthorized', 'A valid token is needed.');
    clock.clearTimeout(timer);
    closeOnKeyRevocation(socket, principal);
    return principal;
  };
}

/** Logs an internal error in full. The client gets no details. */
function reportBug(logger: HttpLogger, error: TRPCError, path: string | undefined): void {
  const known = fromTrpcError(error);
  if (wireErrors[known.code].http === 500) logger.error({ err: known.cause ?? known, path }, 'procedure failed');
}
