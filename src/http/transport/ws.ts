import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { z } from 'zod';
import type { SignedUrlPurpose, SignedUrlRight } from '../../auth/signed-url.ts';
import { parseSubprotocols } from '../../auth/token.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import { type ErrorStyle, findErrorStyle } from '../errors/error-style.ts';
import type { RequestInterceptor } from '../routes/host-router.ts';
import { rewriteRequest } from '../routes/host-router.ts';
import type { RouteDoc } from '../routes/route-docs.ts';
import type { App } from '../routes/routes.ts';
import { WsConnection } from './ws-connection.ts';
import { type ClientSocket, closeOnKeyRevocation, type SocketContext, wrapConnection } from './ws-socket.ts';

// WebSockets are routes like all others. An upgrade passes through the same hooks as a request: Host, Origin, token, rate limit, log
// and metrics. Parameters are parsed, unknown paths get a 404, and every refusal is an HTTP response in the path's error style.
// Only then does the socket open. A facade's `mount` therefore contains, for example:
// ```
// sockets.route({
//   path: '/ws/:sid', // the access log shows :sid as the session's id
//   params: z.object({ sid: z.string() }), // a mismatch is refused before the upgrade
//   query: z.object({ after_seq: z.string().optional() }), // accept any value to answer with an error frame instead
//   doc: about('Stream', 'Follow a session', { fails: [404] }).config.doc, // in /openapi.json, with x-websocket and 101
//   async open(socket, { params, query }) { // a rejection closes the socket with the code from the error table
//     socket.onJson((frame) => …, () => socket.sendJson({ type: 'error', message: 'Invalid JSON' }));
//     for await (const item of sessions.follow(id, after, { signal: socket.closed, deltas: true })) {
//       socket.sendFrames(item.events.map((event) => Buffer.from(JSON.stringify(toFrame(event)))));
//     }
//     socket.close(closeCodes.sessionDeleted); // no effect on a closed socket
//   },
// });
// ```

interface SocketRoute<Params extends z.ZodType, Query extends z.ZodType> {
  readonly path: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly doc?: RouteDoc;
  /** Default: `corral`. The subprotocol that carries the token is never selected. */
  readonly subprotocols?: readonly string[];
  /** Responds with 400 to clients that offer only unknown subprotocols. If unset, accepts them without one. */
  readonly strictSubprotocols?: true;
  readonly signed?: SignedUrlPurpose;
  /** The token can follow the upgrade, in tRPC's connection parameters. `open` must then check it. */
  readonly connectionParams?: true;
  open(socket: ClientSocket, request: SocketRequest<z.infer<Params>, z.infer<Query>>): void | Promise<void>;
}
export interface SocketRequest<Params = unknown, Query = unknown> {
  readonly params: Params;
  readonly query: Query;
  /** Never a token itself. */
  readonly caller: string;
  readonly principal: Principal;
  /** If false, the route must authenticate the client from its connection parameters. */
  readonly known: boolean;
  readonly right?: SignedUrlRight | undefined;
  readonly raw: IncomingMessage;
}
export interface SocketServer {
  route<Params extends z.ZodType, Query extends z.ZodType>(route: SocketRoute<Params, Query>): void;
}
interface SocketServerDeps extends SocketContext {
  readonly elsewhere?: readonly RequestInterceptor[];
  readonly styles: ReadonlyMap<string, ErrorStyle>;
}
interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

const limits: ServerOptions & { maxFragments: number; maxBufferedChunks: number } = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false, // a compressed kilobyte must not expand to a megabyte
  maxPayload: 10 * 1024 * 1024,
  maxFragments: 1_024,
  maxBufferedChunks: 20_480, // enough for the largest message in TCP segments of 512 bytes
  // the type also requires the constructor overload with a null address, which only `ws` itself uses
  WebSocket: WsConnection as unknown as typeof WebSocket,
};

/** Other upgrades, such as to cleartext HTTP/2, are served as plain requests. */
export const isSocketUpgrade = ({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';

/** Call this after the guard and before any route is registered. */
export function createSocketServer(app: App, { styles, elsewhere = [], ...context }: SocketServerDeps): SocketServer {
  const upgrades = new WeakMap<IncomingMessage, Upgrade>();

  app.server.on('upgrade', (request: IncomingMessage, socket: NetSocket, head: Buffer) => {
    socket.on('error', () => {}); // Node no longer handles this socket's errors; `close` follows each error
    rewriteRequest(elsewhere, request);
    if (head.length > 0 && elsewhere.length > 0) socket.unshift(head);
    if (elsewhere.some(({ upgrade }) => upgrade(request, socket))) return;
    upgrades.set(request, { socket, head: elsewhere.length > 0 ? Buffer.alloc(0) : head });
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon()); // a response means that the upgrade was refused
    app.routing(request, response);
  });
  app.addHook('onRequest', (request, _reply, done) => {
    if (upgrades.has(request.raw) && !request.route.config.socket) throw new AppError('not_found', 'Not Found');
    done();
  });

  return {
    route({ path, params, query, doc, connectionParams, signed, open, ...choice }) {
      const shake = handshake(choice);
      const config = {
        socket: true as const,
        ...(connectionParams && { connectionParams }),
        ...(signed && { signed }),
        ...(doc && { doc: { ...doc, websocket: true as const } }),
      };
      const schema = { ...(params && { params }), ...(query && { querystring: query }), response: { 101: upgraded } };
      app.get(path, { schema, config, exposeHeadRoute: false }, async (request, reply) => {
        const upgrade = upgrades.get(request.raw);
        if (!upgrade) return onlyUpgrades(request, reply, styles);
        if (context.closing.aborted) throw new AppError('shutting_down', 'The server is shutting down.');
        const connection = shake(request, reply, upgrade);
        reply.hijack();
        if (!connection) return undefined;
        reply.raw.statusCode = 101; // for the access log
        const socket = wrapConnection(connection, context);
        const { caller, principal, known, right, raw } = request;
        closeOnKeyRevocation(socket, principal);
        const openRequest = { params: request.params, query: request.query, caller, principal, known, right, raw };
        Promise.try(() => open(socket, openRequest as Parameters<typeof open>[1])).catch(socket.fail);
        return undefined;
      });
    },
  };
}

const upgraded = { description: 'Switching Protocols' };

function onlyUpgrades(request: FastifyRequest, reply: FastifyReply, styles: ReadonlyMap<string, ErrorStyle>) {
  const error = new AppError('invalid_request', 'This address is a WebSocket: connect with a WebSocket client.');
  return reply.code(426).header('upgrade', 'websocket').send(findErrorStyle(styles, request.url).body(426, error));
}

type SubprotocolRules = Pick<SocketRoute<z.ZodType, z.ZodType>, 'subprotocols' | 'strictSubprotocols'>;

/** The returned function returns undefined if the client has left. */
function handshake({ subprotocols = ['corral'], strictSubprotocols }: SubprotocolRules) {
  let problem: Error | undefined;
  let answering: FastifyReply | undefined;
  const server = new WebSocketServer({
    ...limits,
    handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
  });
  server.on('wsClientError', (error) => {
    problem = error;
  });
  server.on('headers', (lines) => {
    for (const [name, value] of Object.entries(answering?.getHeaders() ?? {})) lines.push(`${name}: ${value}`);
  });
  return (request: FastifyRequest, reply: FastifyReply, { socket, head }: Upgrade): WsConnection | undefined => {
    const { offered } = parseSubprotocols(request.headers['sec-websocket-protocol']);
    if (strictSubprotocols && offered.length > 0 && !offered.some((name) => subprotocols.includes(name))) {
      throw new AppError('invalid_request', `This WebSocket speaks ${subprotocols.join(' or ')}.`);
    }
    problem = undefined;
    answering = reply;
    let connection: WsConnection | undefined;
    // `handleUpgrade` calls back or reports an error before it returns.
    server.handleUpgrade(request.raw, socket, head, (upgraded) => {
      connection = upgraded as WsConnection;
      connection.attach(socket);
    });
    answering = undefined;
    if (problem) throw new AppError('invalid_request', `${(problem as Error).message}.`);
    return connection;
  };
}
