import type { TRPCError } from '@trpc/server';
import { getWSConnectionHandler, type WSSHandlerOptions } from '@trpc/server/adapters/ws';
import type { Actor } from '../../core/actor.ts';
import { AppError } from '../../core/errors.ts';
import { parseJsonBody } from '../shared/json-body.ts';
import type { SocketRequest } from '../shared/ws.ts';
import { closeCodes, closeWith, type Socket } from '../shared/ws-socket.ts';
import { CallCount, type TrpcContext } from './context.ts';
import type { TrpcDeps } from './deps.ts';
import { reportBug } from './report.ts';
import { type AppRouter, appRouter } from './router.ts';
import { answerShortCall, readShortFrame, type ShortAnswer } from './shortcuts.ts';

const maxBatchSize = 500;
const tokenMs = 5_000;

export function mountSocket(deps: TrpcDeps): void {
  deps.sockets.route({
    path: '/trpc',
    connectionParams: true,
    open: (socket, request) => serve(socket, request, deps),
  });
}

function serve(socket: Socket, request: SocketRequest, deps: TrpcDeps): void {
  const { acting, version, clock, logger } = deps;
  const connected = { version, clock, calls: new CallCount(), drained: socket.drained };
  const admit = request.known ? () => request.actor : byConnectionParams(socket, request.caller, deps);
  let ctx: TrpcContext | undefined;
  const onError = (error: TRPCError, path: string | undefined) => reportBug(logger, error, path);
  const options = {
    router: appRouter,
    maxBatchSize,
    experimental_encoder: {
      encode: (frame: unknown) => JSON.stringify(frame),
      decode: (data: string | ArrayBuffer | Uint8Array) => {
        const frame = parseJsonBody(Buffer.from(data as string));
        const short = ctx && readShortFrame(frame);
        if (!ctx || !short) return frame;
        void answerShortCall(short, { ctx, onError }).then((answer) => sendAnswer(socket, short.id, answer));
        return []; // tRPC takes it for a batch without calls
      },
    },
    createContext: ({
      info,
    }: {
      info: { connectionParams: Readonly<Record<string, unknown>> | null };
    }): TrpcContext => {
      const actor = admit(info.connectionParams?.token);
      ctx = { ...acting(actor), ...connected };
      return ctx;
    },
    onError: ({ error, path }: Parameters<NonNullable<WSSHandlerOptions<AppRouter>['onError']>>[0]) =>
      onError(error, path),
  };
  // Only the connection handler is used, because our own server accepts the connections.
  const handle = getWSConnectionHandler(options as unknown as WSSHandlerOptions<AppRouter>);
  handle(socket.connection, request.raw);
}

/** Answers in the form of tRPC's handler. */
function sendAnswer({ connection }: Socket, id: number | string, answer: ShortAnswer): void {
  const said = JSON.stringify(id);
  if ('data' in answer) connection.send(`{"id":${said},"result":{"type":"data","data":${answer.data}}}`);
  else connection.send(JSON.stringify({ id, error: answer.error }));
}

/**
 * Admits a client by its connection parameters, its first frame. Closes the socket when they bring no valid token in time.
 */
function byConnectionParams(socket: Socket, address: string, { admits, clock }: TrpcDeps): (token: unknown) => Actor {
  let admitted = false;
  const refuse = () => {
    if (!admitted) socket.close(closeCodes.refused, 'A valid token is needed');
  };
  const timer = clock.setTimeout(refuse, tokenMs);
  socket.closed.addEventListener('abort', () => clock.clearTimeout(timer), { once: true });
  socket.connection.once('message', () => queueMicrotask(refuse)); // also when the first frame is not a parameters frame
  return (token) => {
    const actor = typeof token === 'string' ? admits(token, address) : undefined;
    admitted = actor !== undefined;
    if (!actor) throw new AppError('unauthorized', 'A valid token is needed.');
    clock.clearTimeout(timer);
    closeWith(socket, actor);
    return actor;
  };
}
