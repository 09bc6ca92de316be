import type { SessionId } from '../../../core/model/ids.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import type { SandboxLease } from '../../run/sandbox-lease.ts';

export interface RemoteSandboxAccess extends AsyncDisposable {
  /** The holder starts the sandbox if it is not running. */
  use(id: SessionId, signal: AbortSignal): Promise<SandboxLease>;
  /** Does not delay the sandbox's idle stop. Rejects: sandbox_not_found. */
  look(id: SessionId, signal: AbortSignal): Promise<{ readonly client: SandboxClient }>;
  /** Closes the connection, because this server now owns the session, or the session was deleted. */
  leave(id: SessionId): Promise<void>;
}
