import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ServiceRules } from './rules.ts';

export const DesktopAvailability = z.object({
  /** `failed`: the build will be retried. `none`: the settings or the driver allow no desktop. */
  state: z.enum(['ready', 'building', 'failed', 'none']),
  /** The current build step, or the reason for the state `failed` or `none`. */
  detail: z.string().optional(),
  seconds: z.int().optional(),
});
export type DesktopAvailability = z.infer<typeof DesktopAvailability>;
export const DesktopView = z.object({
  state: z.enum(['unsupported', 'stopped', 'starting', 'running']),
  browser: z.enum(['stopped', 'running']),
  width: z.int(),
  height: z.int(),
  viewers: z.int(),
  controller: z.string().nullable().describe('the viewer that has the keyboard and mouse; null: the agent'),
  offer: DesktopAvailability.describe('whether the sandbox has a desktop once it starts again'),
});
export type DesktopView = z.infer<typeof DesktopView>;
/** `restarted`: reconnect to see the new screen. */
export type DesktopStreamEndReason = 'left' | 'restarted' | 'stopped' | 'sandbox_gone' | 'session_deleted';
export interface DesktopViewerOptions {
  /** With `mayControl`, takes the place of any connected viewer that has the same id. */
  readonly viewerId?: string;
  readonly mayControl: boolean;
  /** Called with the controlling viewer's id, or with undefined for the agent. */
  readonly onControl: (driver: string | undefined) => void;
}
export interface DesktopViewer extends AsyncDisposable {
  readonly id: string;
  /** Starts with the first byte of the RFB connection. */
  readonly stream: Duplex;
  readonly ended: Promise<DesktopStreamEndReason>;
  readonly driver: string | undefined;
  /** Returns whether to forward this viewer's input. A `press` takes control if no viewer has it. */
  uses(what: 'press' | 'hands'): boolean;
  /** Types even keysyms that no key produces. Resolves once the focused program has received them. */
  type(keysyms: readonly number[]): Promise<void>;
  /** Takes control, even from another viewer. Returns false if this viewer may only watch. */
  take(): boolean;
  giveBack(): void;
}
/**
 * The agent's input waits while a viewer has control. Without a desktop, `start`, `watch` and `screenshot` reject with
 * unsupported. After an explicit stop, `start` and `watch` reject with sandbox_not_found.
 */
export interface DesktopService {
  /** Does not start the desktop. */
  status(id: SessionId): Promise<DesktopView>;
  /** Also starts the sandbox. Rejects: cancelled, deadline_exceeded (after one minute). */
  start(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /**
   * Restarts the sandbox with a desktop, keeping its files but ending its processes. Rejects: conflict (a run is
   * active), unsupported (no desktop image).
   */
  add(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /** Also succeeds if no desktop is running. Ends viewers' streams with `stopped`. */
  stop(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /** PNG. Does not start the desktop. Rejects: sandbox_not_found if no desktop is running. */
  screenshot(id: SessionId, signal: AbortSignal): Promise<Buffer>;
  /** Starts the desktop. Also rejects: queue_full (too many viewers). */
  watch(id: SessionId, request: DesktopViewerOptions, signal: AbortSignal): Promise<DesktopViewer>;
  /** Rejects: not_found (not connected to this server), forbidden (a watch-only viewer). */
  takeControl(id: SessionId, viewerId: string): Promise<DesktopView>;
  /** Returns control to the agent, if this viewer has it. */
  giveControl(id: SessionId, viewerId: string): Promise<DesktopView>;
  /** Resolves when no viewer has control. Rejects: cancelled. */
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
