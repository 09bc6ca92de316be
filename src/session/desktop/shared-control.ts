import type { SessionId } from '../../core/ids.ts';
import type { ControlLease } from './control-lease.ts';

// Where several servers share a store, viewers of one desktop may sit at different servers. Implemented in ../cluster.

export interface SharedControlOptions {
  readonly id: SessionId;
  readonly lease: ControlLease;
  /** The server whose viewer held the keyboard and mouse is gone, and this server is the one to record that. */
  readonly onLapsed: () => void;
}
export type ShareControl = (options: SharedControlOptions) => SharedControl;

/** One session's keyboard and mouse, agreed on with the viewers at other servers. */
export interface SharedControl {
  /** Applies what other servers have stored until now. */
  look(): Promise<void>;
  /** Keeps applying it until this is disposed. */
  watch(): Disposable;
  /** A viewer here holds them now. A viewer elsewhere who holds them unknown to us keeps them, unless `isTakenOver`. */
  taken(viewer: string, isTakenOver: boolean): void;
  /** A viewer here no longer holds them. */
  returned(viewer: string): void;
  /** Takes them from a viewer elsewhere, for the agent. Resolves with false where that viewer does not hold them. */
  takeBack(viewer: string): Promise<boolean>;
}
