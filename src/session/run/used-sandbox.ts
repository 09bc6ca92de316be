import type { SandboxClient } from '../../sandbox/client.ts';

/** A sandbox in use: it is not paused or stopped for idleness until this is disposed. */
export interface UsedSandbox extends AsyncDisposable {
  readonly client: SandboxClient;
}
export interface SandboxUser {
  /** Resolves when the session's sandbox is ready, starting it where it is not. Rejects with why it cannot be. */
  use(signal: AbortSignal): Promise<UsedSandbox>;
}
