import type { Duplex, Readable } from 'node:stream';
import type { SessionId } from '../../core/ids.ts';
import type { SandboxView } from '../../core/records.ts';
import type { DesktopStatus, ExecResult, FileEntry, SandboxUsage } from '../../sandbox/client.ts';
import type { SessionService } from './sessions.ts';

export type { SandboxUsage } from '../../sandbox/client.ts';

// The services of facades, in addition to sessions and their runs. Every method rejects only with AppError, and with
// session_not_found for an unknown session. Paths are relative to the workspace or absolute below it (else path_outside).
// Every method starts a sandbox that does not run, unless its comment says otherwise.

export interface FileService {
  /** Directories first, then files, each by name. Rejects: file_not_found, invalid_request (not a directory). */
  list(id: SessionId, path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /** `maxBytes` defaults to 10 MiB. Rejects: file_not_found, invalid_request (not a file), payload_too_large. */
  read(id: SessionId, path: string, signal: AbortSignal, options?: { maxBytes?: number }): Promise<Buffer>;
  /** Creates missing parent directories. */
  write(id: SessionId, path: string, content: string | Uint8Array, signal: AbortSignal): Promise<void>;
  remove(id: SessionId, path: string, signal: AbortSignal): Promise<void>;
  /**
   * Sorted. A file must also match one of the `types` globs; no globs match every file. Rejects: file_not_found (the path).
   */
  find(
    id: SessionId,
    query: SearchQuery,
    signal: AbortSignal,
  ): Promise<{ matches: readonly string[]; truncated: boolean }>;
  /**
   * `pattern` is a POSIX extended regular expression. Sorted by file and line. Rejects: invalid_request (bad pattern),
   * file_not_found.
   */
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
  /** Path of the log file, relative to the workspace; "" unless the process was started in the background. */
  readonly log: string;
  readonly started: string; // iso
}
export interface ProcessService {
  /**
   * Running processes except the sandbox's own, and finished background ones; the newest 200. Empty, without starting a
   * sandbox, when none runs.
   */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ProcessInfo[]>;
  /** Sends SIGTERM to the process and its children. Rejects: not_found. */
  stop(id: SessionId, pid: number, signal: AbortSignal): Promise<void>;
  /** The last lines of the process's log; "" when it has none. Rejects: not_found. */
  logs(id: SessionId, pid: number, lines: number, signal: AbortSignal): Promise<string>;
  /** Returns as soon as the process has started; its output goes to the file `log`. */
  startBackground(id: SessionId, command: string, signal: AbortSignal): Promise<{ pid: number; log: string }>;
}

export interface ExecCommand {
  readonly command: string;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** A login shell (`bash -l`). */
  readonly login?: boolean;
  /** Puts stdout and stderr, in order, into `stdout`. */
  readonly merge?: boolean;
}
export interface SandboxService {
  status(id: SessionId): Promise<SandboxView>;
  /** Undefined when the sandbox does not run or cannot tell. Does not start the sandbox or delay its idle stop. */
  usage(id: SessionId, signal: AbortSignal): Promise<SandboxUsage | undefined>;
  /** Resolves when the sandbox is ready; `started` is false when it ran already. */
  start(id: SessionId, signal: AbortSignal): Promise<{ started: boolean }>;
  /** Stops the active run, ends every process and keeps the files. Only `start` or a new run starts the sandbox again. */
  stop(id: SessionId): Promise<{ stopped: boolean }>;
  /** Ends every process, empties the workspace and starts a new sandbox. Rejects: sandbox_not_found when it does not run. */
  reset(id: SessionId, signal: AbortSignal): Promise<void>;
  /** Rejects: sandbox_not_found after an explicit stop. */
  exec(id: SessionId, command: ExecCommand, signal: AbortSignal): Promise<ExecResult>;
}

/** A person's own PTY (`bash -i`, 80×24 at first), separate from the agent's shells. The event log records none of it. */
export interface TerminalInfo {
  readonly id: string; // shell_<8 hex>
  readonly sessionId: SessionId;
  readonly created: number; // epoch ms
}
export interface TerminalLine extends AsyncDisposable {
  readonly output: Readable;
  write(data: string): void;
  /** `cols` and `rows` are 1–1000. */
  resize(cols: number, rows: number): void;
  /**
   * Resolves when the shell exits (`exited`), is deleted with or without its session, or a newer connection replaces this
   * one.
   */
  readonly ended: Promise<'exited' | 'deleted' | 'replaced' | 'session_deleted'>;
}
export interface TerminalService {
  /** Rejects: conflict (the session has 16 terminals already). */
  open(id: SessionId, signal: AbortSignal): Promise<TerminalInfo>;
  list(id: SessionId): Promise<readonly TerminalInfo[]>;
  /** Rejects: shell_not_found. */
  get(terminalId: string): Promise<TerminalInfo>;
  close(terminalId: string): Promise<void>;
  /** A terminal has one connection: a new one replaces the old one. Rejects: shell_not_found. */
  connect(terminalId: string, signal: AbortSignal): Promise<TerminalLine>;
}

/** The desktop of a sandbox as people see it. */
export interface DesktopView extends Pick<DesktopStatus, 'state' | 'browser' | 'width' | 'height'> {
  /** The number of connected viewers. */
  readonly viewers: number;
  /** The id of the viewer that has the keyboard and mouse; null when the agent has them. */
  readonly controller: string | null;
}
/** Why a viewer's stream ended. `restarted`: a new connection shows the new screen. */
export type DesktopEnd = 'left' | 'restarted' | 'stopped' | 'sandbox_gone' | 'session_deleted';
export interface WatchRequest {
  /** A name that the viewer chooses; a new viewer replaces an older one of the same name. */
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
  /** Takes control, also from another viewer. False when this viewer may only watch. */
  take(): boolean;
  giveBack(): void;
}
/**
 * One person at a time controls the keyboard and mouse; the agent's own input waits meanwhile. Rejects `unsupported` when
 * the sandbox has no desktop (`status` reports that instead), and sandbox_not_found after an explicit stop.
 */
export interface DesktopService {
  /** Does not start the desktop. */
  status(id: SessionId): Promise<DesktopView>;
  start(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /** Succeeds when no desktop runs. Connected viewers end with `stopped`. */
  stop(id: SessionId, signal: AbortSignal): Promise<DesktopView>;
  /** Starts the desktop. Also rejects: queue_full (too many viewers). */
  watch(id: SessionId, request: WatchRequest, signal: AbortSignal): Promise<DesktopViewer>;
  /** `viewerId` must be connected. Rejects: not_found, forbidden (the viewer may only watch). */
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
  /** The owner, with the same meaning as a session's. */
  readonly owner?: string | undefined;
}
/** Every method that takes an id rejects with not_found for an unknown project. */
export interface ProjectService {
  /** Newest `updatedAt` first; only one owner's projects when `owner` is given. */
  list(page: { skip: number; limit: number; owner?: string }): Promise<{ projects: readonly Project[]; total: number }>;
  create(project: { name: string; description?: string | null; owner?: string }): Promise<Project>;
  get(id: string): Promise<Project>;
  update(id: string, change: { name?: string; description?: string | null }): Promise<Project>;
  /** Also deletes the project's sessions, their sandboxes and its files. */
  delete(id: string): Promise<void>;
}

/** All services that a facade receives. */
export interface Services {
  readonly sessions: SessionService;
  readonly files: FileService;
  readonly processes: ProcessService;
  readonly sandboxes: SandboxService;
  readonly terminals: TerminalService;
  readonly desktop: DesktopService;
  readonly projects: ProjectService;
}
