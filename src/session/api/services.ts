import type { Duplex, Readable } from 'node:stream';
import type { SessionId } from '../../core/ids.ts';
import type { SandboxView } from '../../core/records.ts';
import type { DesktopStatus, ExecResult, FileEntry, SandboxUsage } from '../../sandbox/client.ts';
import type { SessionService } from './sessions.ts';

export type { SandboxUsage } from '../../sandbox/client.ts';

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
  /** Sorted. `types` are globs, of which one must match too; none means all. Rejects: file_not_found (the path). */
  find(
    id: SessionId,
    query: SearchQuery,
    signal: AbortSignal,
  ): Promise<{ matches: readonly string[]; truncated: boolean }>;
  /** POSIX extended regular expression; sorted by file and line. Rejects: invalid_request (bad expression), file_not_found (the path). */
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
  /** Undefined while it does not run, or does not say. Neither starts it nor keeps it awake. */
  usage(id: SessionId, signal: AbortSignal): Promise<SandboxUsage | undefined>;
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

/** The desktop of a sandbox as people see it. */
export interface DesktopView extends Pick<DesktopStatus, 'state' | 'browser' | 'width' | 'height'> {
  /** How many watch it now. */
  readonly viewers: number;
  /** Which of them has the keyboard and mouse; null: the agent. */
  readonly controller: string | null;
}
/** Why a viewer gets no more of the screen. `restarted`: connecting again shows the next one. */
export type DesktopEnd = 'left' | 'restarted' | 'stopped' | 'sandbox_gone' | 'session_deleted';
export interface WatchRequest {
  /** The viewer's own name for itself; another viewer of that name is replaced. */
  readonly viewerId?: string;
  readonly mayControl: boolean;
  /** Told who has the keyboard and mouse whenever that changes; undefined: the agent. */
  readonly onControl: (driver: string | undefined) => void;
}
/** One person's view of the screen. */
export interface DesktopViewer extends AsyncDisposable {
  readonly id: string;
  /** RFB from its first byte. */
  readonly stream: Duplex;
  readonly ended: Promise<DesktopEnd>;
  readonly driver: string | undefined;
  /** Whether this viewer's input counts. A press takes control where no person has it; other input takes nothing. */
  uses(what: 'press' | 'hands'): boolean;
  /** From whoever has it. False where this viewer may only watch. */
  take(): boolean;
  giveBack(): void;
}
/**
 * One person at a time uses keyboard and mouse; the agent's own input waits meanwhile. Rejects `unsupported` where the
 * sandbox has no desktop (but for `status`, which says so), and sandbox_not_found after an explicit stop.
 */
export interface DesktopService {
  /** Starts nothing. */
  status(id: SessionId): Promise<DesktopView>;
  start(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /** Success where none runs. Its viewers are told `stopped`. */
  stop(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /** Starts the desktop. Rejects also: queue_full (too many viewers). */
  watch(id: SessionId, request: WatchRequest, signal: AbortSignal): Promise<DesktopViewer>;
  /** For a viewer that is connected. Rejects: not_found, forbidden (it may only watch). */
  takeControl(id: SessionId, viewerId: string): Promise<DesktopView>;
  giveControl(id: SessionId, viewerId: string): Promise<DesktopView>;
  /** Resolves when no person has the keyboard and mouse. Rejects: cancelled. */
  gate(id: SessionId, signal: AbortSignal): Promise<void>;
}

export interface Project {
  readonly id: string; // uuid
  readonly name: string;
  readonly description: string | null;
  readonly createdAt: number; // epoch ms
  readonly updatedAt: number;
  /** As of a session. */
  readonly owner?: string | undefined;
}
/** All methods with an id reject not_found when there is no such project. */
export interface ProjectService {
  /** Newest `updatedAt` first; of one owner where that is given. */
  list(page: { skip: number; limit: number; owner?: string }): Promise<{ projects: readonly Project[]; total: number }>;
  create(project: { name: string; description?: string | null; owner?: string }): Promise<Project>;
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
  readonly desktop: DesktopService;
  readonly projects: ProjectService;
}
