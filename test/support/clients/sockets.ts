import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import WebSocket, { type ClientOptions } from 'ws';
import { z } from 'zod';
import { createTokenVerifier } from '../../../src/auth/token.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { envelopeErrorStyle } from '../../../src/http/errors/error-style.ts';
import { ClientResolver } from '../../../src/http/guard/clients.ts';
import { createRateLimiter } from '../../../src/http/guard/rate-limit.ts';
import { createApp } from '../../../src/http/routes/app.ts';
import { createSocketServer, type SocketRequest, type SocketServer } from '../../../src/http/transport/ws.ts';
import type { ClientSocket } from '../../../src/http/transport/ws-socket.ts';
import { manualClock } from '../machines/manual-clock.ts';

interface Options {
  readonly token?: string;
  readonly perMinute?: number;
  readonly routes?: (sockets: SocketServer) => void;
}

/** A real server with only two routes: `/ws/:sid` echoes each frame, and `GET /plain`. */
export async function socketTestServer({ token, perMinute, routes }: Options = {}) {
  const clock = manualClock(1_700_000_040_000);
  const close = new AbortController();
  const logged: { readonly text: string; readonly fields: Record<string, unknown> }[] = [];
  const note = (fields: object, text: string) => void logged.push({ text, fields: fields as Record<string, unknown> });
  const logger = { info: note, warn: note, error: note };
  let streams = 0;
  /** The server's side of each connection, the newest last. */
  const opened: { readonly socket: ClientSocket; readonly request: SocketRequest }[] = [];
  const styles = new Map([['/enveloped', envelopeErrorStyle]]);
  const { app } = createApp({
    guard: {
      loopback: true,
      allowedHosts: [],
      corsOrigins: undefined,
      gate: createTokenVerifier(token === undefined ? undefined : new Secret(token)),
      limiter: perMinute === undefined ? undefined : createRateLimiter(perMinute, clock),
    },
    clients: new ClientResolver([]),
    styles,
    maxBodyBytes: 1_000,
    logger,
    metrics: {
      contentType: 'text/plain',
      text: async () => '',
      httpRequest: () => {},
      streamOpened: () => ({ [Symbol.dispose]: () => {} }),
    },
    closing: close.signal,
  });
  const sockets = createSocketServer(app, {
    clock,
    closing: close.signal,
    logger,
    styles,
    opened: () => {
      streams++;
      return { [Symbol.dispose]: () => void streams-- };
    },
  });
  const echo = (socket: ClientSocket, request: SocketRequest) => {
    opened.push({ socket, request });
    socket.onJson(socket.sendJson, () => socket.sendJson({ type: 'error' }));
  };
  const params = z.object({ sid: z.string().max(20) });
  sockets.route({ path: '/ws/:sid', params, query: z.object({ after_seq: z.string().optional() }), open: echo });
  sockets.route({ path: '/enveloped/vnc', subprotocols: ['binary'], strictSubprotocols: true, open: echo });
  sockets.route({ path: '/late', connectionParams: true, open: echo });
  routes?.(sockets);
  app.get('/plain', async () => ({ ok: true }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    app,
    url: `ws://127.0.0.1:${port}`,
    port,
    clock,
    close,
    opened,
    logged,
    streams: () => streams,
    async [Symbol.asyncDispose]() {
      close.abort();
      clock.advance(5_000);
      app.server.closeIdleConnections();
      await app.close();
    },
  };
}

export type TestSocket = Awaited<ReturnType<typeof openWebSocket>>;

/** A connected client. Rejects with the status and the body if the server refuses it. */
export async function openWebSocket(
  url: string,
  { protocols = [], ...options }: ClientOptions & { protocols?: string[] } = {},
) {
  const ws = new WebSocket(url, protocols, options);
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  const frames: any[] = [];
  ws.on('message', (data, isBinary) => void frames.push(isBinary ? data : JSON.parse(data.toString())));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  ws.on('error', () => {});
  const refused = new Promise<never>((_, reject) => {
    ws.on('unexpected-response', (_request, response) => {
      const { statusCode: status } = response;
      const refuse = (body: string) => reject(Object.assign(new Error(`refused: ${status}`), { status, body }));
      text(response).then(refuse, reject);
    });
  });
  await Promise.race([once(ws, 'open'), refused]);
  return { ws, frames, closed, [Symbol.dispose]: () => ws.terminate() };
}
