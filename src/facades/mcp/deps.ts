import type { Services } from '../../sessions/api/services.ts';
import type { UploadService } from '../../sessions/projects/uploads.ts';
import type { FacadeDeps } from '../shared/facade.ts';

export interface McpDeps extends Pick<FacadeDeps, 'acting' | 'version' | 'sse' | 'logger'> {
  /** Undefined: the server keeps no screenshots of tool calls. */
  readonly uploads: Pick<UploadService, 'get' | 'open'> | undefined;
}

export interface McpRequestDeps extends McpDeps {
  /** The services have the permissions of the caller. */
  readonly services: Services;
  readonly gone: AbortSignal;
}
