import type { SessionId } from '../../core/model/ids.ts';
import type { ControlLease } from './control-lease.ts';

// When servers share a store, viewers of one desktop can connect to different servers. Implemented in ../cluster.

export interface SharedControlOptions {
  readonly id: SessionId;
  readonly lease: ControlLease;
  /** Called when the server of the lease's holder is gone and this server has to record the return. */
  readonly onLapsed: () => void;
}
export type ShareControl = (options: SharedControlOptions) => SharedControl;

/** Coordinates the lease of one session's keyboard and mouse with the other servers. */
export interface SharedControl {
  /** Applies the lease as other servers last stored it. */
  look(): Promise<void>;
  /** Keeps applying stored changes until disposed. */
  watch(): Disposable;
  /**
   * Stores that a viewer of this server took the lease. Without `isTakenOver` an unseen holder at another server keeps it.
   */
  taken(viewer: string, isTakenOver: boolean): void;
  /** Stores that a viewer of this server gave the lease back. */
  returned(viewer: string): void;
  /**
   * Takes the lease from a viewer of another server for the agent. Resolves with false when that viewer does not hold it.
   */
  takeBack(viewer: string): Promise<boolean>;
}
