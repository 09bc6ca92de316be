import type { TokenGate } from '../../auth/token.ts';
import type { HttpLogger } from '../shared/observe.ts';
import type { SseContext } from '../shared/sse.ts';
import type { SocketServer } from '../shared/ws.ts';
import type { TrpcContext } from './base.ts';

export interface TrpcDeps extends Omit<TrpcContext, 'calls' | 'drained'> {
  readonly gate: TokenGate;
  readonly sockets: SocketServer;
  readonly sse: SseContext;
  readonly logger: HttpLogger;
}
