import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxView } from '../../core/model/records.ts';
import type { PauseKind } from '../../core/model/sandboxes/condition.ts';
import type { ServiceStatus } from '../../core/model/services/recipe.ts';
import type { ExecResult, SandboxUsage } from '../../sandboxes/client/client.ts';
import type { ServiceRules } from './rules.ts';

export type { SandboxUsage } from '../../sandboxes/client/client.ts';

export const SandboxUsageView = z.object({
  cpuSeconds: z.number(),
  memoryBytes: z.number(),
  memoryLimitBytes: z.number().nullable(),
  processes: z.number(),
});
export interface ExecCommand {
  readonly command: string;
  /** Relative to the workspace. Default: the workspace itself. */
  readonly cwd?: string;
  /** The command's process tree is killed after this time. Default: no limit. */
  readonly timeoutMs?: number;
  readonly login?: boolean;
  /** Interleaves stderr with stdout. */
  readonly merge?: boolean;
}
export interface PauseOptions {
  readonly keeps?: PauseKind | undefined;
  readonly signal: AbortSignal;
}
/** Methods that start the sandbox can also reject with sandbox_unavailable, sandbox_capacity or disk_full. */
export interface SandboxService {
  /** Reads only the session's record. */
  status(id: SessionId): Promise<SandboxView>;
  /** Undefined if the sandbox is paused, not running or too slow to answer. Does not delay the idle stop. */
  usage(id: SessionId, signal: AbortSignal): Promise<SandboxUsage | undefined>;
  /** In configured order. Starts nothing. */
  services(id: SessionId, signal: AbortSignal): Promise<readonly ServiceStatus[]>;
  /** Resolves when the sandbox is ready. `started` is false if it was already running. */
  start(id: SessionId, signal: AbortSignal): Promise<{ started: boolean }>;
  /** Also stops the active run. Keeps files. Afterwards, `exec` rejects until `start` is called or a run begins. */
  stop(id: SessionId): Promise<{ stopped: boolean }>;
  /**
   * Pauses until the next use. `memory` freezes the processes; `files` keeps only the workspace. Default: the most that
   * the driver supports. Rejects: unsupported (by the driver), sandbox_not_found (not running), sandbox_unavailable
   * (freezing failed), deadline_exceeded (after 30 s), sandbox_lost, conflict (a run's processes would end).
   */
  pause(id: SessionId, requested: PauseOptions): Promise<SandboxView>;
  /** Empties the workspace and starts a new sandbox. Rejects: sandbox_not_found (none is running). */
  reset(id: SessionId, signal: AbortSignal): Promise<void>;
  /** Revokes the sandbox's facade tokens, and ends streams opened with them. */
  rotateTokens(id: SessionId): Promise<void>;
  /** Rejects: sandbox_not_found after an explicit stop. */
  exec(id: SessionId, command: ExecCommand, signal: AbortSignal): Promise<ExecResult>;
}

export const sandboxRules: ServiceRules<SandboxService> = {
  status: { may: 'see', audit: null },
  usage: { may: 'see', audit: null },
  services: { may: 'read', audit: null },
  start: { may: 'work', audit: 'sandbox.start' },
  stop: { may: 'stop', audit: 'sandbox.stop' },
  pause: { may: 'work', audit: 'sandbox.pause' },
  reset: { may: 'work', audit: 'sandbox.reset' },
  rotateTokens: { may: 'work', audit: 'sandbox.tokens' },
  exec: { may: 'work', audit: 'sandbox.command' },
};
