import type { SessionId } from '../../core/model/ids.ts';
import type { DesktopControlLease } from './control-lease.ts';

// If servers share a store, viewers of one desktop can be connected to different servers. Implemented in ../cluster.

export interface SharedDesktopControlOptions {
  readonly id: SessionId;
  readonly lease: DesktopControlLease;
  /** Called when the lease holder's server is gone and this server has to record that control returned. */
  readonly onLapsed: () => void;
}
export type SharedDesktopControlFactory = (options: SharedDesktopControlOptions) => SharedDesktopControl;

export interface SharedDesktopControl {
  /** Updates `lease` to the state in the store. */
  look(): Promise<void>;
  /** Keeps applying stored changes until disposed. */
  watch(): Disposable;
  /**
   * Records that a viewer of this server took the lease. If `isTakenOver` is false, a holder on another server that this server
   * has not seen yet keeps the lease.
   */
  taken(viewer: string, isTakenOver: boolean): void;
  returned(viewer: string): void;
  /** Returns the lease from another server's viewer to the agent. Resolves with false if that viewer does not hold the lease. */
  takeBack(viewer: string): Promise<boolean>;
}
