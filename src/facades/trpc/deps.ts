import type { TRPCError } from '@trpc/server';
import type { TrpcCallerContext, TrpcContext } from '../../api/procedure/context.ts';
import { fromTrpcError } from '../../api/procedure/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import { wireErrors } from '../../http/errors/wire-errors.ts';
import type { Clients } from '../../http/guard/clients.ts';
import type { HttpLogger } from '../../http/routes/observe.ts';
import type { SseContext } from '../../http/transport/sse.ts';
import type { SocketServer } from '../../http/transport/ws.ts';

export interface TrpcDeps extends Pick<TrpcContext, 'version' | 'clock' | 'previews'> {
  readonly acting: (principal: Principal) => TrpcCallerContext;
  /** The principal of a token sent after the upgrade. A wrong token counts toward the lockout of its address. */
  readonly admits: (token: string, address: string) => Promise<Principal | undefined>;
  readonly clients: Clients;
  readonly sockets: SocketServer;
  readonly sse: SseContext;
  readonly logger: HttpLogger;
}

/** Logs an internal error in full; the client learns only that one occurred. */
export function reportBug(logger: HttpLogger, error: TRPCError, path: string | undefined): void {
  const known = fromTrpcError(error);
  if (wireErrors[known.code].http === 500) logger.error({ err: known.cause ?? known, path }, 'procedure failed');
}
