import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { CodeContexts } from './code.ts';
import type { ServiceRules } from './rules.ts';

export type { FileChange, JobEnd, JobEntry, PathEntry } from '../../sandboxes/client/abilities.ts';

/** A session's sandbox, in use until disposed. */
export interface SandboxHandle
  extends AsyncDisposable,
    Pick<SandboxClient, 'jobs' | 'paths' | 'watches' | 'ports' | 'workdir'> {
  readonly code: CodeContexts;
}
export interface SandboxHandleService {
  /** Resolves if the caller has access. Rejects: session_not_found, forbidden. */
  admits(id: SessionId): Promise<void>;
  /** Starts the sandbox if it is not running. Rejects: sandbox_unavailable, cancelled. */
  enter(id: SessionId, signal: AbortSignal): Promise<SandboxHandle>;
}

export const sandboxHandleRules: ServiceRules<SandboxHandleService> = {
  admits: { may: 'work', audit: null },
  enter: { may: 'work', audit: 'look' },
};
