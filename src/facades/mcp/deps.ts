import type { Services } from '../../sessions/api/services.ts';
import type { UploadService } from '../../sessions/projects/uploads.ts';
import type { FacadeDeps } from '../shared/facade.ts';

export interface McpDeps extends Pick<FacadeDeps, 'acting' | 'version' | 'sse' | 'logger'> {
  readonly uploads: Pick<UploadService, 'get' | 'open'> | undefined;
}

export interface McpRequestDeps extends McpDeps {
  /** Restricted to the caller's permissions. */
  readonly services: Services;
  readonly gone: AbortSignal;
}
