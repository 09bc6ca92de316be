import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { SandboxLease } from '../run/run-context.ts';

export interface RemoteSandboxAccess extends AsyncDisposable {
  /** The holder starts the sandbox first if needed. */
  use(id: SessionId, signal: AbortSignal): Promise<SandboxLease>;
  /** Does not delay the sandbox's idle stop. Rejects: sandbox_not_found. */
  look(id: SessionId, signal: AbortSignal): Promise<{ readonly client: SandboxClient }>;
  /** Closes the connection. Call when this server takes over or the session is deleted. */
  leave(id: SessionId): Promise<void>;
}

/** Ensures that a session has at most one holder at a time. */
export interface Ownership extends AsyncDisposable {
  /** False: no other server can own sessions, so no leases are needed. */
  readonly isShared: boolean;
  /**
   * Resolves with the session's epoch. `confirmed` requires a current answer from the store. Rejects: fenced (another
   * server owns the session), store_unavailable.
   */
  take(id: SessionId, how?: 'confirmed'): Promise<number>;
  epochOf(id: SessionId): number | undefined;
  /** Call before acting. Undefined if this server is known to hold the session. Rejects: fenced, store_unavailable. */
  confirm(id: SessionId): Promise<void> | undefined;
  release(id: SessionId): Promise<void>;
  owned(): SessionId[];
  isElsewhere(id: SessionId): Promise<boolean>;
  onLost(listener: (id: SessionId) => void): void;
}

export function createLocalOwnership(): Ownership {
  return {
    isShared: false,
    take: async () => 0,
    epochOf: () => 0,
    confirm: () => undefined,
    release: async () => {},
    owned: () => [],
    isElsewhere: async () => false,
    onLost: () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

export const ownershipLostError = () => new AppError('fenced', 'Another server now owns this session.');
