import type { SessionRecord } from '../../core/model/records.ts';

/** A workspace's name can also be the id of an ordinary session that the user may use. */
export interface WorkspaceService extends AsyncDisposable {
  /** A workspace without members loses its sandbox after a grace period. */
  join(userId: string, as?: WorkspaceUser): WorkspaceHandle;
}
/** Passed to `join` if the caller has an owner. */
export interface WorkspaceUser {
  readonly owner: string;
  mayUse(session: SessionRecord): boolean;
}
/**
 * Calls on one workspace run in order, even after the handle has been disposed. The first call creates the workspace.
 * Methods reject as the session's file and command calls do, and with cancelled once the workspace is closed.
 */
export interface WorkspaceHandle extends Disposable {
  runCode(workspace: string, file: { name: string; code: string }): Promise<CodeRunResult>;
  runCommand(workspace: string, command: string): Promise<ShellCommandResult>;
  saveFile(workspace: string, name: string, content: string): Promise<void>;
}
export interface CodeRunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly error: string | null;
}
export interface ShellCommandResult {
  /** Combined stdout and stderr. */
  readonly output: string;
  readonly exitCode: number;
  /** Absolute path; the next command starts in it. */
  readonly cwd: string;
}
