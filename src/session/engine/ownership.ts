import { AppError } from '../../core/errors.ts';
import type { SessionId } from '../../core/ids.ts';

/** Which sessions this server may work on: each belongs to at most one server at a time. */
export interface Ownership extends AsyncDisposable {
  /** Whether there may be other servers; else every session is ours, at no cost. */
  readonly isShared: boolean;
  /**
   * Makes the session ours and resolves with its epoch; `asked`: the store says so now, not some seconds ago.
   * Rejects: fenced (it is another server's), store_unavailable.
   */
  take(id: SessionId, how?: 'asked'): Promise<number>;
  /** Undefined: it is not ours. */
  epochOf(id: SessionId): number | undefined;
  /** Before acting: undefined where it is certainly ours, else resolves once the store says so. Rejects: fenced. */
  confirm(id: SessionId): Promise<void> | undefined;
  /** Another server may have it. */
  release(id: SessionId): Promise<void>;
  owned(): SessionId[];
  /** Another server has it, as far as the store knows. */
  isElsewhere(id: SessionId): Promise<boolean>;
  /** Told of a session that was ours and is not any more. */
  onLost(heard: (id: SessionId) => void): void;
}

/** Of a store that only one server can have open. */
export function soleOwnership(): Ownership {
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

export const lost = () => new AppError('fenced', 'Another server works on this session now.');
