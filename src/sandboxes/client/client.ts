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

// The server's operations inside a sandbox, the same for every driver: a typed view of sandboxd's HTTP API. Every method takes a
// signal and rejects only with AppError. Each can reject with sandbox_lost (the connection is gone), sandbox_unresponsive (no
// answer in time) and sandbox_untrusted (the answer does not come from the daemon). Further codes are in each method's comment.

export interface OperationSpec {
  /** Makes `start` idempotent: a second start with the same id changes nothing and returns the first operation. */
  readonly id: string;
  /**
   * The shell session that runs the command. A session runs one command at a time, and keeps its working directory and exports.
   */
  readonly shell: string;
  readonly command: string;
  /** Absolute, or relative to the workspace. Default: the shell session's current directory. */
  readonly cwd?: string;
  /** Set in the environment of every process that the command starts, so that `killTagged` finds the processes. */
  readonly tag?: string;
  readonly timeoutMs?: number;
  /** Restarts the shell session in the workspace, without the exports of earlier commands. */
  readonly fresh?: boolean;
}
export interface TerminalListener {
  /** Called when the stream is open. The reader misses no output after this call. */
  readonly onOpen?: () => void;
  /** The terminal's output is paused until the returned promise resolves. */
  readonly onBytes: (chunk: Uint8Array) => void | Promise<void>;
}

/**
 * Terminals for people, separate from the agent's shells. A terminal has one reader at a time; without a reader, only the last
 * screenful of output is kept.
 */
export interface TerminalClient {
  /**
   * Opens an 80×24 terminal, or returns the terminal with this id. Rejects: conflict (16 already exist), unsupported,
   * sandbox_unavailable (no shell started).
   */
  open(id: string, signal: AbortSignal): Promise<TerminalEntry>;
  list(signal: AbortSignal): Promise<readonly TerminalEntry[]>;
  // The following methods also reject with shell_not_found.
  /** Reads the last screenful, then the output from now on. A previous reader's `read` ends with `replaced`. */
  read(id: string, reader: TerminalListener, signal: AbortSignal): Promise<TerminalEnd>;
  write(id: string, text: string, signal: AbortSignal): Promise<void>; // Rejects: conflict (1 MiB unread)
  /**
   * A stream for everything that one person types, in order; the caller destroys it. Undefined: the daemon is too old and has
   * only `write`.
   */
  keyboard(id: string, signal: AbortSignal): Promise<Writable | undefined>;
  resize(id: string, size: TerminalSize, signal: AbortSignal): Promise<void>;
  /** Closes the terminal. Resolves once every process that it started has ended. */
  close(id: string, signal: AbortSignal): Promise<void>;
}

/** A program that runs over three pipes, without a shell or a terminal. */
export interface ProgramSpec {
  /** Makes `open` idempotent: a second call with the same id returns the first program. */
  readonly id: string;
  /** The program and its arguments, passed to the system without a shell. */
  readonly argv: readonly string[];
  /** Absolute, or relative to the workspace. Default: the workspace. */
  readonly cwd?: string;
  /** Additional variables, each as NAME=value. */
  readonly env?: readonly string[];
  /** A tag for `killTagged`, like an operation's tag. */
  readonly tag?: string;
}
export type ProgramOutputListener = JobOutputListener;
export interface ProgramPipes {
  /** Resolves once the bytes are sent. Rejects with sandbox_lost when the pipes are closed. */
  write(bytes: Uint8Array): Promise<void>;
  endInput(): void;
  /**
   * Resolves when the program has ended and all of its output has been delivered. Rejects: sandbox_lost (the connection ended,
   * or another reader took over), sandbox_untrusted.
   */
  readonly ended: Promise<{ readonly exitCode: number }>;
  /** Leaves the program running. Its output waits in the pipes for the next reader. */
  detach(): void;
}
/** Programs without a terminal: at most 32 at a time. They run until they end or are closed, or until the daemon restarts. */
export interface ProgramClient {
  /**
   * Starts a program. Rejects: conflict (32 already run, or processes of this tag were killed), file_not_found (no such program),
   * path_outside, invalid_request, unsupported, sandbox_unavailable (no process could be started).
   */
  open(program: ProgramSpec, signal: AbortSignal): Promise<ProgramEntry>;
  list(signal: AbortSignal): Promise<readonly ProgramEntry[]>;
  // The following methods also reject with not_found.
  /** Opens the pipes. A program has one reader at a time; a new reader replaces the previous reader. */
  attach(id: string, reader: ProgramOutputListener, signal: AbortSignal): Promise<ProgramPipes>;
  /** INT is sent to the process group; TERM and KILL end every process that the program started. */
  signal(id: string, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT', signal: AbortSignal): Promise<void>;
  /** Ends the program and every process that it started, and forgets the program. */
  close(id: string, signal: AbortSignal): Promise<void>;
}

/** One input action on the screen. x and y are in pixels from the top left corner of the desktop. */
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
  | { readonly kind: 'keysyms'; readonly keysyms: readonly number[] } // X keysyms of characters, typed in order
  | { readonly kind: 'key'; readonly keys: string; readonly holdMs?: number }; // X keysym names joined by `+`: ctrl+l, Return

export type CdpMessage =
  | { readonly kind: 'message'; readonly message: object }
  /**
   * The message exceeds the size or complexity limit. A web page can cause this even in an honest browser, so the sandbox stays
   * trusted.
   */
  | { readonly kind: 'too_much' }
  | { readonly kind: 'untrusted'; readonly error: AppError };

/** The desktop of the sandbox. Every method except `status` and `cdpMessage` rejects with `unsupported` if the image has none. */
export interface DesktopClient {
  status(signal: AbortSignal): Promise<DesktopStatus>;
  start(signal: AbortSignal): Promise<DesktopStatus>;
  /** Stops Chromium, the window manager and Xvnc. Succeeds if nothing was running. */
  stop(signal: AbortSignal): Promise<void>;
  /**
   * Starts the desktop and opens one viewer's RFB stream, from Xvnc's first byte. The caller destroys the stream. With too
   * many viewers, the call rejects with conflict, or, if the stream is a direct connection to the display, the stream is
   * closed.
   */
  vnc(signal: AbortSignal): Promise<Duplex>;
  /**
   * Starts the desktop and the browser, and opens Chromium's debugging pipe. Both directions carry JSON messages that end with
   * NUL. A new pipe closes the old one; a pipe also closes when the browser dies. The caller destroys the stream.
   */
  cdp(signal: AbortSignal): Promise<Duplex>;
  /** Parses one message of the debugging pipe. A large message gets its own turn of the event loop. */
  cdpMessage(bytes: Buffer): Promise<CdpMessage>;
  /** Restarts the browser if a viewer is connected; otherwise stops it until its next use. */
  restartBrowser(signal: AbortSignal): Promise<void>;
  screenshot(signal: AbortSignal): Promise<Buffer>; // PNG
  act(action: ScreenAction, signal: AbortSignal): Promise<void>; // Rejects: invalid_request
  pointer(signal: AbortSignal): Promise<{ readonly x: number; readonly y: number }>;
}

export interface SearchOptions {
  /** Additional globs. A file must also match at least one of these. The daemon of an older image ignores them. */
  readonly types?: readonly string[];
}

/** A file of the sandbox, streamed so that the server never holds all of it in memory. */
export interface OpenFile {
  readonly size: number;
  readonly content: Readable;
}

/**
 * The calls to the daemon in one sandbox. Every method takes a signal and rejects only with AppError.
 *
 * @example
 * const { id } = await client.start(operation, signal);
 * await client.follow(id, 0, (bytes) => show(bytes), signal);
 */
export interface SandboxClient {
  readonly workdir: string;
  readonly trust: DaemonTrust;
  health(signal: AbortSignal): Promise<DaemonHealth>;
  /** The call does not count as activity. */
  usage(signal: AbortSignal): Promise<SandboxUsage>;

  /**
   * Starts a command. Rejects: invalid_request, path_outside, conflict (the shell session is busy, too many sessions are busy, or
   * processes of this tag were killed).
   */
  start(operation: OperationSpec, signal: AbortSignal): Promise<OperationEntry>;
  /** The operation's current state. Undefined if the daemon does not know the id. */
  operation(id: string, signal: AbortSignal): Promise<OperationEntry | undefined>;
  /** Streams the output from `fromByte` until the operation ends, then resolves with its final state. Rejects: not_found. */
  follow(
    id: string,
    fromByte: number,
    onBytes: (chunk: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<OperationEntry>;
  write(shell: string, text: string, signal: AbortSignal): Promise<void>; // Rejects: shell_not_found, conflict (nothing runs, or 1 MiB is unread)
  /** Sends TERM to every process that any command of the shell started, and KILL after 2 s. Rejects: shell_not_found. */
  kill(shell: string, signal: AbortSignal): Promise<void>;
  /**
   * The newest commands. `chars`: the maximum characters of each command and of each output; absent: only the daemon's own
   * limits. Rejects: shell_not_found.
   */
  view(shell: string, signal: AbortSignal, limit?: { readonly chars: number }): Promise<ShellView>;
  /**
   * Sends TERM, and KILL after 2 s, to every process with this tag, even detached ones. Resolves once they are gone. From then on
   * the daemon refuses to start anything with this tag: such a call rejects with conflict. `view`: the shells to return
   * afterwards.
   */
  killTagged(
    tag: string,
    signal: AbortSignal,
    view?: { readonly shells: readonly string[]; readonly chars: number },
  ): Promise<KillResult>;

  /**
   * Runs one command over pipes, without a terminal, and waits for its end. Each output stream is truncated at 1 MiB. Rejects:
   * invalid_request, path_outside, conflict (processes of this tag were killed), sandbox_unavailable (no process could be
   * started).
   */
  exec(
    request: { command: string; cwd?: string; timeoutMs?: number; tag?: string; stdin?: string },
    signal: AbortSignal,
  ): Promise<ExecResult>;

  // Paths are relative to the workspace, or absolute below it. All file methods can reject with path_outside, file_not_found and
  // invalid_request.
  /**
   * Reads a file. With `maxBytes`, returns only the beginning of a longer file. Also rejects: payload_too_large (more than 50
   * MiB).
   */
  readFile(path: string, signal: AbortSignal, options?: { maxBytes?: number }): Promise<Buffer>;
  /** Opens a file of up to 50 MiB, to read it as it arrives. Also rejects: payload_too_large. */
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
  /** Finds files by base name, or by relative path if the glob has a slash. Matches are relative to the workspace. */
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
   * Signals a process and all its descendants, even detached ones. TERM is followed by KILL after 2 s. TERM and KILL resolve once
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
