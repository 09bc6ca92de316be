import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxView } from '../../core/model/records.ts';
import type { PauseKind } from '../../core/model/sandboxes/condition.ts';
import type { ServiceStatus } from '../../core/model/services/recipe.ts';
import type { ExecResult, SandboxUsage } from '../../sandboxes/client/client.ts';
import type { ServiceRules } from './rules.ts';

export type { SandboxUsage } from '../../sandboxes/client/client.ts';

/** A shell command of a user. */
export interface ExecCommand {
  readonly command: string;
  /** Relative to the workspace; unset: the workspace. */
  readonly cwd?: string;
  /** The command's process tree is killed after it; unset: no limit. */
  readonly timeoutMs?: number;
  /** A login shell (`bash -l`). */
  readonly login?: boolean;
  /** Puts stdout and stderr, in order, into `stdout`. */
  readonly merge?: boolean;
}
export interface PauseOptions {
  readonly keeps?: PauseKind | undefined;
  readonly signal: AbortSignal;
}
/** A user's direct control of a session's sandbox. Starting also rejects: sandbox_unavailable, sandbox_capacity, disk_full. */
export interface SandboxService {
  /** From the session's record: neither asks the sandbox nor starts it. */
  status(id: SessionId): Promise<SandboxView>;
  /** Undefined when the sandbox does not run or cannot tell. Does not start the sandbox or delay its idle stop. */
  usage(id: SessionId, signal: AbortSignal): Promise<SandboxUsage | undefined>;
  /**
   * The services next to the sandbox, in the configured order. Asks the driver, never the sandbox, and starts nothing.
   */
  services(id: SessionId, signal: AbortSignal): Promise<readonly ServiceStatus[]>;
  /** Resolves when the sandbox is ready; `started` is false when it ran already. */
  start(id: SessionId, signal: AbortSignal): Promise<{ started: boolean }>;
  /** Stops the active run, ends every process and keeps the files. Only `start` or a new run starts the sandbox again. */
  stop(id: SessionId): Promise<{ stopped: boolean }>;
  /**
   * Pauses the sandbox until its next use, and resolves when it is paused. `memory` freezes its processes; `files` ends them
   * and keeps the workspace. Absent: the most that its driver keeps. Rejects: unsupported (the driver cannot),
   * sandbox_not_found when it does not run, conflict when it would end the processes of a run.
   */
  pause(id: SessionId, requested: PauseOptions): Promise<SandboxView>;
  /** Ends every process, empties the workspace and starts a new sandbox. Rejects: sandbox_not_found when it does not run. */
  reset(id: SessionId, signal: AbortSignal): Promise<void>;
  /** Ends the tokens that facades gave out for the sandbox, and the streams that were opened with them. */
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
