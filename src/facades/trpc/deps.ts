import type { Actor } from '../../core/actor.ts';
import type { HttpLogger } from '../shared/observe.ts';
import type { SseContext } from '../shared/sse.ts';
import type { SocketServer } from '../shared/ws.ts';
import type { TrpcActing, TrpcContext } from './context.ts';

export interface TrpcDeps extends Pick<TrpcContext, 'version' | 'clock'> {
  readonly acting: (actor: Actor) => TrpcActing;
  /** The actor of a token sent after the upgrade. A wrong token counts toward the lockout of its address. */
  readonly admits: (token: string, address: string) => Actor | undefined;
  readonly sockets: SocketServer;
  readonly sse: SseContext;
  readonly logger: HttpLogger;
}
