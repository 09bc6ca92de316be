import type { Duplex } from 'node:stream';
import type { AppError } from '../core/errors.ts';
import type { Trust } from './trust.ts';

// What the server can do inside a sandbox, whatever the driver: a typed view of sandboxd's HTTP API.
// Every method takes a signal and rejects only with AppError: sandbox_lost when the connection is gone,
// sandbox_unresponsive when nothing answers in time, sandbox_untrusted when what answers is not the daemon, and the codes
// named at each method.

/** A command in the sandbox, known by its operation id for as long as the sandbox lives. */
export interface Operation {
  readonly id: string;
  readonly state: 'running' | 'exited';
  /** 124 after a timeout, 128+n after signal n; undefined while it runs or when nobody can know. */
  readonly exitCode?: number;
  /** Why it did not end by itself. `lost`: the daemon was restarted under it. */
  readonly reason?: 'timed_out' | 'killed' | 'oom' | 'lost';
  /** Bytes of output so far (stdout and stderr as one stream). */
  readonly bytes: number;
  /** All of the output, relative to the workspace, up to the spool's cap. */
  readonly spool: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** False where the image has no `script`: the command runs over pipes, and sees no terminal. */
  readonly terminal?: false;
}
export interface StartOperation {
  /** A second start with the same id changes nothing and answers the first. */
  readonly id: string;
  /** The shell session it runs in: one command at a time, working directory and exports carry over. */
  readonly shell: string;
  readonly command: string;
  /** Absolute, or relative to the workspace; default: where the shell session stands. */
  readonly cwd?: string;
  /** In the environment of everything it starts; what `killTagged` looks for. */
  readonly tag?: string;
  readonly timeoutMs?: number;
}
export interface ShellView {
  readonly id: string;
  readonly console: readonly { ps1: string; command: string; output: string }[];
  /** The operation that runs in it now. */
  readonly running?: string;
}
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}
export interface FileEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'other';
  readonly size: number | null;
  readonly modified: string; // iso
}
export interface ProcessEntry {
  readonly pid: number;
  readonly cmd: string;
  readonly started: string; // iso
  readonly tag?: string;
}
/** A person's own terminal: `bash -i` at the root of the workspace. */
export interface TerminalEntry {
  readonly id: string;
  readonly startedAt: number; // epoch ms
}
/** From 1 to 1000 each. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}
/** Why a reader of a terminal gets no more: its shell ended, it was closed, or somebody else reads it now. */
export const terminalEnds = ['exited', 'deleted', 'replaced'] as const;
export type TerminalEnd = (typeof terminalEnds)[number];

export interface TerminalReader {
  /** From here on nothing is missed. */
  readonly onOpen?: () => void;
  /** The terminal is held back until it is done. */
  readonly onBytes: (chunk: Uint8Array) => void | Promise<void>;
}

/** Terminals for people, beside the agent's shells; one reads what it prints, and what nobody reads is lost. */
export interface TerminalClient {
  /** 80×24 at first. The one with this id, where there is one. Rejects: conflict (16 already), unsupported. */
  open(id: string, signal: AbortSignal): Promise<TerminalEntry>;
  list(signal: AbortSignal): Promise<readonly TerminalEntry[]>;
  // All that follow reject with shell_not_found.
  /** What is printed from now on. Who read before is dismissed. */
  read(id: string, reader: TerminalReader, signal: AbortSignal): Promise<TerminalEnd>;
  write(id: string, text: string, signal: AbortSignal): Promise<void>; // Rejects: conflict (1 MiB unread)
  resize(id: string, size: TerminalSize, signal: AbortSignal): Promise<void>;
  /** All that it started has ended when this resolves. */
  close(id: string, signal: AbortSignal): Promise<void>;
}

/** What a sandbox's desktop is doing: one Xvnc with a window manager, and a Chromium in it. */
export interface DesktopStatus {
  /** `unsupported`: the image has none. */
  readonly state: 'unsupported' | 'stopped' | 'starting' | 'running';
  readonly browser: 'stopped' | 'running';
  readonly width: number; // px
  readonly height: number; // px
  /** How often Xvnc and Chromium had to be started again since the desktop was started. */
  readonly restarts: { readonly display: number; readonly browser: number };
  /** Why the last one died, where one did. */
  readonly lastFailure?: string;
  /** Whether pages are in Chromium's own sandbox too, which needs user namespaces; missing before one was started. */
  readonly browserSandbox?: boolean;
}
/** One thing done at the screen; x and y in pixels of the desktop, from its top left. */
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
  | { readonly kind: 'scroll'; readonly x: number; readonly y: number; readonly dx: number; readonly dy: number } // wheel notches
  | { readonly kind: 'type'; readonly text: string }
  | { readonly kind: 'key'; readonly keys: string; readonly holdMs?: number }; // X keysym names joined by `+`: ctrl+l, Return

export type CdpMessage =
  | { readonly kind: 'message'; readonly message: object }
  /** More than any use of the browser needs. A page can bring its browser to it, so that alone is no breach. */
  | { readonly kind: 'too_much' }
  | { readonly kind: 'untrusted'; readonly error: AppError };

/** The desktop of the sandbox. Each method rejects with `unsupported` where the image has none. */
export interface DesktopClient {
  status(signal: AbortSignal): Promise<DesktopStatus>; // Never rejects with unsupported: it says so.
  /** Starts what does not run; resolves once Xvnc answers RFB. */
  start(signal: AbortSignal): Promise<DesktopStatus>;
  /** Ends Chromium, the window manager and Xvnc; success when nothing ran. */
  stop(signal: AbortSignal): Promise<void>;
  /** RFB as Xvnc speaks it, from its first byte; starts the desktop. One stream a viewer. The caller destroys it. */
  vnc(signal: AbortSignal): Promise<Duplex>;
  /**
   * Chromium's debugging pipe: each message one JSON text followed by NUL, both ways; starts desktop and browser.
   * One at a time: a new one ends the old. Ends when the browser dies. The caller destroys it.
   */
  cdp(signal: AbortSignal): Promise<Duplex>;
  /** Reads one message of that pipe, a large one in another thread. */
  cdpMessage(bytes: Buffer): Promise<CdpMessage>;
  /** Ends the browser; the next `cdp` or viewer has a fresh one. */
  restartBrowser(signal: AbortSignal): Promise<void>;
  /** What is on the screen now. */
  screenshot(signal: AbortSignal): Promise<Buffer>; // PNG
  act(action: ScreenAction, signal: AbortSignal): Promise<void>; // Rejects: invalid_request
  /** Where the pointer is. */
  pointer(signal: AbortSignal): Promise<{ readonly x: number; readonly y: number }>;
}

export interface Health {
  readonly version: string;
  /** Changes when the daemon was restarted. */
  readonly bootId: string;
  /** Since the last request or output, ms. */
  readonly idleMs: number;
  /** How often the kernel killed something for memory. */
  readonly oomKills: number;
  /** Missing while none is started. */
  readonly desktop?: DesktopStatus;
  /** Missing where nobody watches it. */
  readonly disk?: DiskUse;
}

/** What a sandbox's files take of the disk that they are on. */
export interface DiskUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** Of the whole disk, which others use too. */
  readonly freeBytes: number;
  /** How often what wrote beyond the limit was ended. */
  readonly stopped: number;
}

/** What all of the sandbox uses together. */
export interface SandboxUsage {
  /** Of processor time, since it was started. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  /** Null where there is none, or nobody says. */
  readonly memoryLimitBytes: number | null;
  readonly processes: number;
}

export interface SearchOptions {
  /** Globs, of which one must match too. A daemon of an older image takes no notice of them. */
  readonly types?: readonly string[];
}

export interface SandboxClient {
  /** The workspace as processes inside see it. */
  readonly workdir: string;
  readonly trust: Trust;
  health(signal: AbortSignal): Promise<Health>;
  /** Does not count as activity. */
  usage(signal: AbortSignal): Promise<SandboxUsage>;

  /** Rejects: invalid_request, conflict (the shell session runs something), path_outside. */
  start(operation: StartOperation, signal: AbortSignal): Promise<Operation>;
  /** Undefined: the daemon never heard of it. */
  operation(id: string, signal: AbortSignal): Promise<Operation | undefined>;
  /** Output from that byte on until the operation ends; then what became of it. */
  follow(id: string, fromByte: number, onBytes: (chunk: Uint8Array) => void, signal: AbortSignal): Promise<Operation>;
  write(shell: string, text: string, signal: AbortSignal): Promise<void>; // Rejects: shell_not_found, conflict (nothing runs)
  /** TERM to all that the shell's running command started, KILL after 2 s. Rejects: shell_not_found. */
  kill(shell: string, signal: AbortSignal): Promise<void>;
  view(shell: string, signal: AbortSignal): Promise<ShellView>; // Rejects: shell_not_found
  /** TERM, then KILL after 2 s, to everything started with this tag, however detached; resolves with how many once they are gone. */
  killTagged(tag: string, signal: AbortSignal): Promise<number>;

  /** One command over pipes, without a terminal; waits for its end. Output over 1 MiB a stream is cut. */
  exec(
    request: { command: string; cwd?: string; timeoutMs?: number; tag?: string; stdin?: string },
    signal: AbortSignal,
  ): Promise<ExecResult>;

  // Paths are relative to the workspace or absolute below it. All reject: path_outside, file_not_found, invalid_request.
  /** `maxBytes`: only the beginning of a longer file. Rejects also: payload_too_large (over 50 MiB at once). */
  readFile(path: string, signal: AbortSignal, options?: { maxBytes?: number }): Promise<Buffer>;
  writeFile(
    path: string,
    content: string | Uint8Array,
    signal: AbortSignal,
    options?: { append?: boolean },
  ): Promise<void>;
  /** Rejects also: payload_too_large (a folder of more than 20,000 entries). */
  listFiles(path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /** A folder with all that is in it. */
  removeFile(path: string, signal: AbortSignal): Promise<void>;
  /** Files whose base name (or relative path, when the glob has a slash) matches; relative to the workspace. */
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
   * To it and all that it started, however far that went. TERM is followed by KILL after 2 s; after both nothing of it is
   * left. Rejects: not_found.
   */
  signalProcess(pid: number, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT', signal: AbortSignal): Promise<void>;

  readonly terminals: TerminalClient;
  readonly desktop: DesktopClient;
}
