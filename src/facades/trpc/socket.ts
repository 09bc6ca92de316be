import { getWSConnectionHandler, type WSSHandlerOptions } from '@trpc/server/adapters/ws';
import { CallLimiter, type TrpcContext } from '../../api/procedure/context.ts';
import { type AppRouter, appRouter } from '../../api/router.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import { parseJsonBody } from '../../http/transport/json-body.ts';
import type { SocketRequest } from '../../http/transport/ws.ts';
import { type ClientSocket, closeCodes, closeOnKeyRevocation } from '../../http/transport/ws-socket.ts';
import { reportBug, type TrpcDeps } from './deps.ts';

const maxBatchSize = 500;
const tokenMs = 5_000;

export function mountTrpcSocket(deps: TrpcDeps): void {
  deps.sockets.route({
    path: '/trpc',
    connectionParams: true,
    open: (socket, request) => serve(socket, request, deps),
  });
}

function serve(socket: ClientSocket, request: SocketRequest, deps: TrpcDeps): void {
  const { acting, version, clock, previews, logger } = deps;
  const { address, scheme } = deps.clients.of(request.raw);
  const reached = { host: request.raw.headers.host, scheme };
  const connected = { version, clock, previews, reached, calls: new CallLimiter(), drained: socket.drained };
  const admit = request.known ? async () => request.principal : byConnectionParams(socket, address, deps);
  // Our own server accepts the connections, so there is no `wss`.
  const options: Omit<WSSHandlerOptions<AppRouter>, 'wss'> = {
    router: appRouter,
    maxBatchSize,
    experimental_encoder: {
      encode: (frame) => JSON.stringify(frame),
      // Rejects JSON that is too deep or has too many values.
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

/** Admits a client by the connection parameters in its first frame. Closes the socket if no valid token arrives in time. */
function byConnectionParams(
  socket: ClientSocket,
  address: string,
  { admits, clock }: TrpcDeps,
): (token: unknown) => Promise<Principal> {
  let isJudged = false;
  const refuse = () => {
    if (!isJudged) socket.close(closeCodes.refused, 'A valid token is needed');
  };
  const timer = clock.setTimeout(refuse, tokenMs);
  socket.closed.addEventListener('abort', () => clock.clearTimeout(timer), { once: true });
  socket.connection.once('message', () => queueMicrotask(refuse)); // refuses any other kind of first frame
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
