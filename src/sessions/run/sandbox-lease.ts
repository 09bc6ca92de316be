import type { SandboxClient } from '../../sandboxes/client/client.ts';

/** Keeps a sandbox from being paused or stopped for idleness until disposed. */
export interface SandboxLease extends AsyncDisposable {
  readonly client: SandboxClient;
  /** Reports a lost connection: the next use waits until the sandbox answers again or is replaced. */
  markLost?(): void;
}
export interface SandboxProvider {
  /** Starts the sandbox if needed. Rejects with the reason if it cannot start. */
  use(signal: AbortSignal): Promise<SandboxLease>;
}
