import type { Readable } from 'node:stream';
import type { SessionId } from '../core/ids.ts';
import type { SandboxView } from '../core/records.ts';
import type { ExecResult, FileEntry } from '../sandbox/client.ts';
import type { SessionService } from './service.ts';

// What facades may ask for beside sessions and their runs. Rejects only with AppError; an unknown session is
// session_not_found everywhere. Paths are relative to the workspace or absolute below it (path_outside otherwise).
// All of these start the sandbox where it is stopped or was never started, unless they say otherwise.

export interface FileService {
  /** Directories first, then files, each by name. Rejects: file_not_found, invalid_request (not a directory). */
  list(id: SessionId, path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /** Rejects: file_not_found, invalid_request (not a file), payload_too_large (over `maxBytes`, default 10 MiB). */
  read(id: SessionId, path: string, signal: AbortSignal, options?: { maxBytes?: number }): Promise<Buffer>;
  /** Makes parent directories. */
  write(id: SessionId, path: string, content: string | Uint8Array, signal: AbortSignal): Promise<void>;
  remove(id: SessionId, path: string, signal: AbortSignal): Promise<void>;
  /** `types` are globs on the base name; none means all. Rejects: file_not_found (the path). */
  find(
    id: SessionId,
    query: SearchQuery,
    signal: AbortSignal,
  ): Promise<{ matches: readonly string[]; truncated: boolean }>;
  /** POSIX extended regular expression. Rejects: invalid_request (bad expression), file_not_found (the path). */
  grep(
    id: SessionId,
    query: SearchQuery,
    signal: AbortSignal,
  ): Promise<{ matches: readonly GrepMatch[]; truncated: boolean }>;
}
export interface SearchQuery {
  readonly path: string;
  readonly pattern: string;
  readonly types: readonly string[];
}
export interface GrepMatch {
  readonly file: string; // relative to the workspace
  readonly line: number; // 1-based
  readonly content: string; // trimmed
}

export interface ProcessInfo {
  readonly pid: number;
  readonly cmd: string;
  readonly status: 'running' | 'stopped' | 'exited';
  /** Relative to the workspace, of background starts; else "". */
  readonly log: string;
  readonly started: string; // iso
}
export interface ProcessService {
  /** Live ones but the sandbox's own infrastructure, and finished background ones; newest 200. Starts no sandbox: none runs, none is listed. */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ProcessInfo[]>;
  /** SIGTERM to it and its children. Rejects: not_found. */
  stop(id: SessionId, pid: number, signal: AbortSignal): Promise<void>;
  /** The last lines of its log; "" without one. Rejects: not_found. */
  logs(id: SessionId, pid: number, lines: number, signal: AbortSignal): Promise<string>;
  /** Returns at once; what it prints goes to `log`. */
  startBackground(id: SessionId, command: string, signal: AbortSignal): Promise<{ pid: number; log: string }>;
}

export interface ExecCommand {
  readonly command: string;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** A login shell (`bash -l`). */
  readonly login?: boolean;
  /** Both streams as one text, in `stdout`. */
  readonly merge?: boolean;
}
export interface SandboxService {
  status(id: SessionId): Promise<SandboxView>;
  /** `started` is false when it ran already. Resolves when it is ready. */
  start(id: SessionId, signal: AbortSignal): Promise<{ started: boolean }>;
  /** Kills all, keeps the files; stops the active run too. An explicit stop holds until `start` or a run. */
  stop(id: SessionId): Promise<{ stopped: boolean }>;
  /** Kills all and empties the workspace; it then runs. Rejects: sandbox_not_found when it does not run. */
  reset(id: SessionId, signal: AbortSignal): Promise<void>;
  /** Rejects: sandbox_not_found after an explicit stop. */
  exec(id: SessionId, command: ExecCommand, signal: AbortSignal): Promise<ExecResult>;
}

/** A person's own PTY (`bash -i`, 80×24 at first) beside the agent's shells; nothing of it is logged. */
export interface TerminalInfo {
  readonly id: string; // shell_<8 hex>
  readonly sessionId: SessionId;
  readonly created: number; // epoch ms
}
export interface TerminalLine extends AsyncDisposable {
  readonly output: Readable;
  write(data: string): void;
  /** 1–1000 each. */
  resize(cols: number, rows: number): void;
  /** Resolves when the shell exited (`exited`), was deleted, or the line was taken over by a newer one. */
  readonly ended: Promise<'exited' | 'deleted' | 'replaced' | 'session_deleted'>;
}
export interface TerminalService {
  /** Rejects: conflict (16 in this session already). */
  open(id: SessionId, signal: AbortSignal): Promise<TerminalInfo>;
  list(id: SessionId): Promise<readonly TerminalInfo[]>;
  /** Rejects: shell_not_found. */
  get(terminalId: string): Promise<TerminalInfo>;
  close(terminalId: string): Promise<void>;
  /** One line a terminal: a new one replaces the old. Rejects: shell_not_found. */
  connect(terminalId: string, signal: AbortSignal): Promise<TerminalLine>;
}

export interface Project {
  readonly id: string; // uuid
  readonly name: string;
  readonly description: string | null;
  readonly createdAt: number; // epoch ms
  readonly updatedAt: number;
}
/** All methods with an id reject not_found when there is no such project. */
export interface ProjectService {
  /** Newest `updatedAt` first. */
  list(page: { skip: number; limit: number }): Promise<{ projects: readonly Project[]; total: number }>;
  create(project: { name: string; description?: string | null }): Promise<Project>;
  get(id: string): Promise<Project>;
  update(id: string, change: { name?: string; description?: string | null }): Promise<Project>;
  /** Its sessions (with their sandboxes) and files go too. */
  delete(id: string): Promise<void>;
}

/** Everything a facade is given. */
export interface Services {
  readonly sessions: SessionService;
  readonly files: FileService;
  readonly processes: ProcessService;
  readonly sandboxes: SandboxService;
  readonly terminals: TerminalService;
  readonly projects: ProjectService;
}
