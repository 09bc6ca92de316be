import type { Principal } from '../../core/model/principal.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import type { HttpLogger } from '../../http/routes/observe.ts';
import type { SseContext } from '../../http/transport/sse.ts';
import type { Services } from '../../sessions/api/services.ts';
import type { UploadService } from '../../sessions/projects/uploads.ts';

export interface McpDeps {
  readonly acting: (principal: Principal) => Pick<CallerContext, 'services'>;
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
