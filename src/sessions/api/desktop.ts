import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ServiceRules } from './rules.ts';

/** Whether a sandbox that starts now has a desktop. */
export const DesktopOffer = z.object({
  /** `building`: not yet, its image is being built; `failed`: the build is tried again; `none`: the settings say no. */
  state: z.enum(['ready', 'building', 'failed', 'none']),
  /** The newest step of the build, why it failed, or why there is `none`. */
  detail: z.string().optional(),
  /** The time of the build so far. */
  seconds: z.int().optional(),
});
export type DesktopOffer = z.infer<typeof DesktopOffer>;
/** The desktop of a sandbox as people see it. */
export const DesktopView = z.object({
  state: z.enum(['unsupported', 'stopped', 'starting', 'running']),
  browser: z.enum(['stopped', 'running']),
  width: z.int(),
  height: z.int(),
  /** The number of connected viewers. */
  viewers: z.int(),
  controller: z.string().nullable().describe('the viewer that has the keyboard and mouse; null: the agent'),
  offer: DesktopOffer.describe('whether the sandbox has a desktop once it starts again'),
});
export type DesktopView = z.infer<typeof DesktopView>;
/** Why a viewer's stream ended. `restarted`: a new connection shows the new screen. */
export type DesktopEnd = 'left' | 'restarted' | 'stopped' | 'sandbox_gone' | 'session_deleted';
/** A person's request to watch a desktop. */
export interface WatchRequest {
  /** A name that the viewer chooses; a new viewer replaces an older one of the same name, unless it may only watch. */
  readonly viewerId?: string;
  readonly mayControl: boolean;
  /** Called whenever the keyboard and mouse change hands, with the viewer's id; undefined: the agent has them. */
  readonly onControl: (driver: string | undefined) => void;
}
/** One person's view of the screen. */
export interface DesktopViewer extends AsyncDisposable {
  readonly id: string;
  /** An RFB connection, from its first byte. */
  readonly stream: Duplex;
  readonly ended: Promise<DesktopEnd>;
  readonly driver: string | undefined;
  /** Whether this viewer's input is passed on. A press takes control when no person has it; other input never does. */
  uses(what: 'press' | 'hands'): boolean;
  /** Types characters that the display's keyboard may lack, as X keysyms. Resolves once the focused program has them. */
  type(keysyms: readonly number[]): Promise<void>;
  /** Takes control, also from another viewer. False when this viewer may only watch. */
  take(): boolean;
  giveBack(): void;
}
/**
 * One person at a time controls the keyboard and mouse; the agent's own input waits in the meantime. Rejects `unsupported` when
 * the sandbox has no desktop (`status` reports that instead), and sandbox_not_found after an explicit stop.
 */
export interface DesktopService {
  /** Does not start the desktop. */
  status(id: SessionId): Promise<DesktopView>;
  /**
   * Resolves when the desktop runs. Starts the sandbox if it is not running. Rejects after a minute: cancelled,
   * deadline_exceeded.
   */
  start(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /**
   * Starts the desktop. A sandbox that has none starts again on its files, which ends its processes. Rejects: conflict while a
   * run is at work; unsupported, with the reason, as long as there is no image with a desktop.
   */
  add(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /** Succeeds when no desktop runs. Connected viewers end with `stopped`. */
  stop(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /** A picture of the screen, as PNG. Starts nothing: rejects with sandbox_not_found where no desktop runs. */
  screenshot(id: SessionId, signal: AbortSignal): Promise<Buffer>;
  /** Starts the desktop. Also rejects: queue_full (too many viewers). */
  watch(id: SessionId, request: WatchRequest, signal: AbortSignal): Promise<DesktopViewer>;
  /** `viewerId` must be connected. Rejects: not_found, forbidden (the viewer may only watch). */
  takeControl(id: SessionId, viewerId: string): Promise<DesktopView>;
  /** Succeeds when this viewer has no control. */
  giveControl(id: SessionId, viewerId: string): Promise<DesktopView>;
  /** Resolves when no person has the keyboard and mouse. Rejects: cancelled. */
  gate(id: SessionId, signal: AbortSignal): Promise<void>;
}

export const desktopRules: ServiceRules<DesktopService> = {
  status: { may: 'read', audit: null },
  start: { may: 'work', audit: 'desktop.start' },
  add: { may: 'work', audit: 'desktop.add' },
  stop: { may: 'work', audit: 'desktop.stop' },
  screenshot: { may: 'read', audit: null },
  watch: { may: 'guarded', audit: 'desktop.watch' },
  takeControl: { may: 'work', audit: 'desktop.take' },
  giveControl: { may: 'work', audit: 'desktop.give' },
  gate: { may: 'read', audit: null },
};
