import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { resolveResponse } from '@trpc/server/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseJsonBody, parseJsonParameter } from '../shared/json-body.ts';
import type { App } from '../shared/routes.ts';
import { openSse } from '../shared/sse.ts';
import { untilDisconnected } from '../shared/while-connected.ts';
import { CallCount, type TrpcContext } from './context.ts';
import type { TrpcDeps } from './deps.ts';
import { reportBug } from './report.ts';
import { appRouter } from './router.ts';
import { answerShortCall, readShortCall } from './shortcuts.ts';

const maxBatchSize = 500;
const varies = 'trpc-accept, accept';
const told = ['accept', 'trpc-accept', 'last-event-id'];

export function mountHttp(app: App, deps: TrpcDeps): void {
  app.route({
    method: ['GET', 'POST'],
    url: '/trpc/:path',
    exposeHeadRoute: false,
    config: { connectionParams: true, stream: true },
    handler: (request, reply) => answer(request, reply, deps),
  });
}

async function answer(request: FastifyRequest, reply: FastifyReply, deps: TrpcDeps): Promise<FastifyReply | undefined> {
  // Both refuse what is too complex, because tRPC parses it once more.
  if (request.rawBody) parseJsonBody(request.rawBody);
  const { input } = request.query as { readonly input?: unknown };
  for (const one of [input].flat()) if (typeof one === 'string') parseJsonParameter(one);
  const { acting, version, clock, logger } = deps;
  const ctx = { ...acting(request.actor), version, clock, calls: new CallCount(), drained: async () => {} };
  const short = readShortCall(request);
  if (!short) return await answerByTrpc(request, reply, { deps, ctx });
  const answer = await answerShortCall(short, { ctx, onError: (error, path) => reportBug(logger, error, path) });
  reply.header('vary', `Origin, ${varies}`).header('content-type', 'application/json');
  if ('data' in answer) return reply.send(`{"result":{"data":${answer.data}}}`);
  return reply.code(answer.error.data.httpStatus).send(JSON.stringify(answer));
}

interface ByTrpc {
  readonly deps: TrpcDeps;
  readonly ctx: TrpcContext;
}

/** Handles streams, subscriptions and every refusal before a procedure. */
async function answerByTrpc(
  request: FastifyRequest,
  reply: FastifyReply,
  { deps: { sse, logger }, ctx }: ByTrpc,
): Promise<FastifyReply | undefined> {
  const gone = untilDisconnected(reply.raw);
  const url = new URL(request.url, 'http://corral');
  const response = await resolveResponse({
    router: appRouter,
    req: toFetch(request, url, gone.signal),
    path: url.pathname.slice('/trpc/'.length).replace(/\/$/, ''),
    error: null,
    maxBatchSize,
    createContext: async () => ctx,
    onError: ({ error, path }) => reportBug(logger, error, path),
  });
  if (response.headers.get('content-type') === 'text/event-stream') {
    await stream(reply, response, { sse, gone });
    return undefined;
  }
  for (const [name, value] of response.headers) reply.header(name, name === 'vary' ? `Origin, ${value}` : value);
  reply.code(response.status);
  if (response.headers.get('transfer-encoding') === 'chunked' && response.body) {
    return reply.send(Readable.fromWeb(response.body as ReadableStream));
  }
  return reply.send(await response.text());
}

/** The part of a Request that tRPC reads. A real Request takes longer to create than most calls take to answer. */
function toFetch({ method, headers, rawBody }: FastifyRequest, url: URL, signal: AbortSignal): Request {
  const read = new Headers();
  for (const name of told) {
    const value = headers[name];
    if (typeof value === 'string') read.set(name, value);
  }
  if (method === 'POST') read.set('content-type', 'application/json'); // the content type is not checked, only the body
  const text = async () => new TextDecoder().decode(rawBody);
  return { url: url.href, method, headers: read, signal, text } as unknown as Request;
}

/**
 * tRPC's own stream, with pings, backpressure and an end at a shutdown like all our streams. The end sends no message,
 * because a client takes a said end for the last one, and resumes after a broken connection.
 */
async function stream(
  reply: FastifyReply,
  response: Response,
  { sse, gone }: { sse: TrpcDeps['sse']; gone: AbortController },
): Promise<void> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  using out = openSse(reply, sse);
  const leave = () => {
    gone.abort();
    void reader.cancel().catch(() => {});
  };
  if (out.gone.aborted) leave();
  else out.gone.addEventListener('abort', leave, { once: true });
  let frame: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done || !value || out.gone.aborted) return;
    frame.push(value);
    if (!endsFrame(value)) continue; // tRPC writes line by line; each frame is sent as one piece
    const full = out.write(Buffer.concat(frame));
    frame = [];
    if (full) await full;
  }
}

const endsFrame = (piece: Uint8Array) => piece.length === 2 && piece[0] === 0x0a && piece[1] === 0x0a;
