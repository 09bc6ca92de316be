import type { Actor } from '../../core/actor.ts';
import type { Services } from '../../session/api/services.ts';
import type { UploadService } from '../../session/projects/uploads.ts';
import type { Acting } from '../shared/acting.ts';
import type { HttpLogger } from '../shared/observe.ts';
import type { SseContext } from '../shared/sse.ts';

export interface McpDeps {
  readonly acting: (actor: Actor) => Pick<Acting, 'services'>;
  /** Undefined: the server keeps no screenshots of tool calls. */
  readonly uploads: Pick<UploadService, 'get' | 'open'> | undefined;
  readonly version: string;
  readonly sse: SseContext;
  readonly logger: HttpLogger;
}

/** The parts that serve one message. */
export interface McpParts extends McpDeps {
  /** With the permissions of the caller. */
  readonly services: Services;
  /** Fires when the caller disconnects. */
  readonly gone: AbortSignal;
}
