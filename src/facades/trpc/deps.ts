import type { HttpLogger } from '../shared/observe.ts';
import type { SseContext } from '../shared/sse.ts';
import type { SocketServer } from '../shared/ws.ts';
import type { TrpcContext } from './context.ts';

export interface TrpcDeps extends Omit<TrpcContext, 'calls' | 'drained'> {
  /** Whether a token that came after the upgrade is right; a wrong one is held against the address. */
  readonly admits: (token: string, address: string) => boolean;
  readonly sockets: SocketServer;
  readonly sse: SseContext;
  readonly logger: HttpLogger;
}
