import type { Duplex, Readable, Writable } from 'node:stream';
import type { AppError } from '../../core/errors/errors.ts';
import type {
  FileSystemClient,
  FileTransferClient,
  FileWatchClient,
  JobClient,
  JobOutputListener,
  PortClient,
  TerminalSize,
  WorkspaceClient,
} from './abilities.ts';
import type {
  DaemonHealth,
  DesktopStatus,
  ExecResult,
  FileEntry,
  KillResult,
  OperationEntry,
  ProcessEntry,
  ProgramEntry,
  SandboxUsage,
  ShellView,
  TerminalEnd,
  TerminalEntry,
} from './answers/answers.ts';
import type { DaemonTrust } from './answers/daemon-trust.ts';

export type * from './answers/answers.ts';

// Methods reject only with AppError. Each can reject with sandbox_lost (the connection is gone), sandbox_unresponsive
// (no response in time) or sandbox_untrusted (the response does not come from the daemon).

export interface OperationSpec {
  /** A second `start` with the same id changes nothing and returns the first operation. */
  readonly id: string;
  /** The shell session. It runs one command at a time, and keeps its working directory and exports. */
  readonly shell: string;
  readonly command: string;
  /** Absolute, or relative to the workspace. Default: the shell session's current directory. */
  readonly cwd?: string;
  /** Set in the environment of all the operation's processes, so that `killTagged` finds them. */
  readonly tag?: string;
  readonly timeoutMs?: number;
  /** Restarts the shell session in the workspace, without the exports of earlier commands. */
  readonly fresh?: boolean;
}
export interface TerminalListener {
  /** From this call on, the reader receives all output. */
  readonly onOpen?: () => void;
  /** The terminal's output is paused until the returned promise resolves. */
  readonly onBytes: (chunk: Uint8Array) => void | Promise<void>;
}

/** A terminal has one reader; without a reader, only the last screenful is kept. */
export interface TerminalClient {
  /**
   * Opens an 80×24 terminal, or returns the existing terminal with this id. Rejects: conflict (16 already exist),
   * unsupported, sandbox_unavailable (no shell could be started).
   */
  open(id: string, signal: AbortSignal): Promise<TerminalEntry>;
  list(signal: AbortSignal): Promise<readonly TerminalEntry[]>;
  // The following methods can also reject with shell_not_found.
  /** Reads the last screenful, then new output. Ends a previous reader's `read` with `replaced`. */
  read(id: string, reader: TerminalListener, signal: AbortSignal): Promise<TerminalEnd>;
  write(id: string, text: string, signal: AbortSignal): Promise<void>; // Rejects: conflict (1 MiB is unread)
  /** A stream for one user's input, in order; the caller destroys it. Undefined with an older daemon. */
  keyboard(id: string, signal: AbortSignal): Promise<Writable | undefined>;
  resize(id: string, size: TerminalSize, signal: AbortSignal): Promise<void>;
  /** Resolves once every process of the terminal has ended. */
  close(id: string, signal: AbortSignal): Promise<void>;
}

export interface ProgramSpec {
  /** A second `open` with the same id returns the first program. */
  readonly id: string;
  /** Runs without a shell. */
  readonly argv: readonly string[];
  /** Absolute, or relative to the workspace. Default: the workspace. */
  readonly cwd?: string;
  /** Each as NAME=value. */
  readonly env?: readonly string[];
  readonly tag?: string;
}
export type ProgramOutputListener = JobOutputListener;
export interface ProgramPipes {
  /** Rejects with sandbox_lost when the pipes are closed. */
  write(bytes: Uint8Array): Promise<void>;
  endInput(): void;
  /**
   * Resolves after all output has been delivered. Rejects: sandbox_lost (the connection ended, or another reader took
   * over), sandbox_untrusted.
   */
  readonly ended: Promise<{ readonly exitCode: number }>;
  /** The program continues, and its output waits for the next reader. */
  detach(): void;
}
/** At most 32 programs, which end when the daemon restarts. */
export interface ProgramClient {
  /**
   * Rejects: conflict (32 programs are already running, or processes with this tag were killed), file_not_found (no
   * such program), path_outside, invalid_request, unsupported, sandbox_unavailable (no process could be started).
   */
  open(program: ProgramSpec, signal: AbortSignal): Promise<ProgramEntry>;
  list(signal: AbortSignal): Promise<readonly ProgramEntry[]>;
  // The following methods can also reject with not_found.
  /** A new reader replaces the previous one. */
  attach(id: string, reader: ProgramOutputListener, signal: AbortSignal): Promise<ProgramPipes>;
  /** INT goes to the process group; TERM and KILL end every process that the program started. */
  signal(id: string, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT', signal: AbortSignal): Promise<void>;
  /** Ends every process that the program started, and forgets the program. */
  close(id: string, signal: AbortSignal): Promise<void>;
}

/** x and y are pixels from the top left corner. */
export type ScreenAction =
  | { readonly kind: 'move'; readonly x: number; readonly y: number }
  | {
      readonly kind: 'click';
      readonly x?: number;
      readonly y?: number;
      readonly button: 'left' | 'middle' | 'right';
      readonly count: number; // 1 to 3
    }
  | { readonly kind: 'press' | 'release'; readonly button: 'left' | 'middle' | 'right' }
  | { readonly kind: 'drag'; readonly path: readonly { readonly x: number; readonly y: number }[] }
  | { readonly kind: 'scroll'; readonly x: number; readonly y: number; readonly dx: number; readonly dy: number } // dx, dy: wheel notches
  | { readonly kind: 'type'; readonly text: string }
  | { readonly kind: 'keysyms'; readonly keysyms: readonly number[] } // X keysyms, typed in order
  | { readonly kind: 'key'; readonly keys: string; readonly holdMs?: number }; // X keysym names joined by `+`: ctrl+l, Return

export type CdpMessage =
  | { readonly kind: 'message'; readonly message: object }
  /** Too large or too complex. A web page can cause this, so the sandbox stays trusted. */
  | { readonly kind: 'too_much' }
  | { readonly kind: 'untrusted'; readonly error: AppError };

/** Every method except `status` and `cdpMessage` rejects with `unsupported` if the image has no desktop. */
export interface DesktopClient {
  status(signal: AbortSignal): Promise<DesktopStatus>;
  start(signal: AbortSignal): Promise<DesktopStatus>;
  stop(signal: AbortSignal): Promise<void>;
  /**
   * Starts the desktop. The caller destroys the RFB stream. If there are too many viewers, rejects with conflict or, if
   * the stream bypasses the daemon, closes it.
   */
  vnc(signal: AbortSignal): Promise<Duplex>;
  /**
   * Starts the browser and opens its debugging pipe, which carries NUL-terminated JSON. Opening another pipe closes
   * this one. The caller destroys the stream.
   */
  cdp(signal: AbortSignal): Promise<Duplex>;
  /** A large message gets its own turn of the event loop. */
  cdpMessage(bytes: Buffer): Promise<CdpMessage>;
  /** If no viewer is connected, only stops the browser; its next use starts it again. */
  restartBrowser(signal: AbortSignal): Promise<void>;
  screenshot(signal: AbortSignal): Promise<Buffer>; // PNG
  act(action: ScreenAction, signal: AbortSignal): Promise<void>; // Rejects: invalid_request
  pointer(signal: AbortSignal): Promise<{ readonly x: number; readonly y: number }>;
}

export interface SearchOptions {
  /** Further globs; a file must match at least one. An older daemon ignores `types`. */
  readonly types?: readonly string[];
}

/** Streamed, so that the server never holds the whole file in memory. */
export interface OpenFile {
  readonly size: number;
  readonly content: Readable;
}

/**
 * The daemon calls of one sandbox. Every method takes a signal and rejects only with AppError.
 *
 * @example
 * const { id } = await client.start(operation, signal);
 * await client.follow(id, 0, (bytes) => show(bytes), signal);
 */
export interface SandboxClient {
  readonly workdir: string;
  readonly trust: DaemonTrust;
  health(signal: AbortSignal): Promise<DaemonHealth>;
  /** Not counted as activity. */
  usage(signal: AbortSignal): Promise<SandboxUsage>;

  /**
   * Rejects: invalid_request, path_outside, conflict (the shell session is busy, too many sessions are busy, or
   * processes with this tag were killed).
   */
  start(operation: OperationSpec, signal: AbortSignal): Promise<OperationEntry>;
  operation(id: string, signal: AbortSignal): Promise<OperationEntry | undefined>;
  /** Streams output until the operation ends, then resolves with its final state. Rejects: not_found. */
  follow(
    id: string,
    fromByte: number,
    onBytes: (chunk: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<OperationEntry>;
  write(shell: string, text: string, signal: AbortSignal): Promise<void>; // Rejects: shell_not_found, conflict (nothing is running, or 1 MiB is unread)
  /** Sends TERM to every process of the shell, and KILL after 2 s. Rejects: shell_not_found. */
  kill(shell: string, signal: AbortSignal): Promise<void>;
  /** `chars` limits each command and output; default: the daemon's limits. Rejects: shell_not_found. */
  view(shell: string, signal: AbortSignal, limit?: { readonly chars: number }): Promise<ShellView>;
  /**
   * Sends TERM, and KILL after 2 s, to every process with this tag. Resolves once they are gone. Later starts with this
   * tag reject with conflict. Returns the shells in `view`.
   */
  killTagged(
    tag: string,
    signal: AbortSignal,
    view?: { readonly shells: readonly string[]; readonly chars: number },
  ): Promise<KillResult>;

  /**
   * Runs over pipes. Truncates each output stream at 1 MiB. Rejects: invalid_request, path_outside, conflict (processes
   * with this tag were killed), sandbox_unavailable (no process could be started).
   */
  exec(
    request: { command: string; cwd?: string; timeoutMs?: number; tag?: string; stdin?: string },
    signal: AbortSignal,
  ): Promise<ExecResult>;

  // Paths are relative to the workspace, or absolute below it. All file methods can reject with path_outside,
  // file_not_found or invalid_request.
  /** With `maxBytes`, returns only the beginning of a longer file. Also rejects: payload_too_large (over 50 MiB). */
  readFile(path: string, signal: AbortSignal, options?: { maxBytes?: number }): Promise<Buffer>;
  /** Opens a file of up to 50 MiB. Also rejects: payload_too_large. */
  openFile(path: string, signal: AbortSignal): Promise<OpenFile>;
  writeFile(
    path: string,
    content: string | Uint8Array,
    signal: AbortSignal,
    options?: { append?: boolean },
  ): Promise<void>;
  /** Also rejects: payload_too_large (a folder of more than 20,000 entries). */
  listFiles(path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  removeFile(path: string, signal: AbortSignal): Promise<void>;
  /** Matches base names, or relative paths if the glob has a slash. Results are relative to the workspace. */
  find(
    path: string,
    glob: string,
    signal: AbortSignal,
    options?: SearchOptions,
  ): Promise<{ matches: readonly string[]; truncated: boolean }>;
  grep(
    path: string,
    regex: string,
    signal: AbortSignal,
    options?: SearchOptions,
  ): Promise<{ matches: readonly { file: string; line: number; content: string }[]; truncated: boolean }>;

  processes(signal: AbortSignal): Promise<readonly ProcessEntry[]>;
  /**
   * Sends the signal to a process and all its descendants. SIGKILL follows SIGTERM after 2 s. For both, resolves once
   * no process is left. Rejects: not_found.
   */
  signalProcess(pid: number, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT', signal: AbortSignal): Promise<void>;

  readonly terminals: TerminalClient;
  readonly programs: ProgramClient;
  readonly jobs: JobClient;
  readonly paths: FileSystemClient;
  readonly transfers: FileTransferClient;
  readonly workspace: WorkspaceClient;
  readonly watches: FileWatchClient;
  readonly ports: PortClient;
  readonly desktop: DesktopClient;
}
