import type { SessionRecord } from '../../core/model/records.ts';

/** Maps the names that users give their workspaces to sessions. The same name of another user is another session. */
export interface WorkspaceService extends AsyncDisposable {
  /**
   * A member of this user's workspaces until disposed. A workspace without members loses its sandbox after a grace period.
   */
  join(userId: string, as?: WorkspaceUser): WorkspaceMember;
}
/** The owner that a member acts for, when access is limited by owner. */
export interface WorkspaceUser {
  readonly owner: string;
  mayUse(session: SessionRecord): boolean;
}
/**
 * Calls on one workspace run in order, also after its member left; different workspaces do not wait for each other. The
 * first call creates the workspace. Rejects as the files and commands of sessions do.
 */
export interface WorkspaceMember extends Disposable {
  runCode(workspace: string, file: { name: string; code: string }): Promise<CodeResult>;
  /** Starts in the folder where the previous command ended. */
  runCommand(workspace: string, command: string): Promise<CommandResult>;
  saveFile(workspace: string, name: string, content: string): Promise<void>;
}
export interface CodeResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The failure in one line; null on success. */
  readonly error: string | null;
}
export interface CommandResult {
  /** Stdout and stderr together. */
  readonly output: string;
  readonly exitCode: number;
  /** The absolute folder in which the next command starts. */
  readonly cwd: string;
}
