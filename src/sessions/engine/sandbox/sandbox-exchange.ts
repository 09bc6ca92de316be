import type { SessionId } from '../../../core/model/ids.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import type { UsedSandbox } from '../../run/used-sandbox.ts';

/** Our own connections to sandboxes whose sessions another server owns. */
export interface SandboxExchange extends AsyncDisposable {
  /** Asks the holder to start a sandbox that does not run. */
  use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox>;
  /** Does not delay the sandbox's idle stop. Rejects: sandbox_not_found. */
  look(id: SessionId, signal: AbortSignal): Promise<{ readonly client: SandboxClient }>;
  /** Closes the connection because the session is ours now, or deleted. */
  leave(id: SessionId): Promise<void>;
}
