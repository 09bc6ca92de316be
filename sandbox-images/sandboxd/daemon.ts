import type { Duplex } from 'node:stream';
import type {
  DesktopStatus,
  ExecResult,
  FileEntry,
  Health,
  Operation,
  ProcessEntry,
  SandboxUsage,
  ShellView,
  StartOperation,
  TerminalEnd,
  TerminalEntry,
  TerminalSize,
} from '../../src/sandbox/client.ts';

// What stands behind sandboxd's HTTP API: the real daemon inside a sandbox, and the in-memory one of the
// memory driver. The server above it is the same for both, so their API is.

export interface ExecRequest {
  readonly command: string;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  readonly tag?: string;
  readonly stdin?: string;
}
export interface Matches<Match> {
  readonly matches: readonly Match[];
  readonly truncated: boolean;
}
export interface LineMatch {
  readonly file: string;
  readonly line: number;
  readonly content: string;
}
export interface OpenFile extends AsyncDisposable {
  /** How many bytes `chunks` gives, so that a file cut short meanwhile is noticed by its reader. */
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface Reading {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Why there are no more. */
  end(): TerminalEnd;
}

/** Each method starts what it needs, and rejects with `unsupported` where the image has no desktop. */
export interface Desktop {
  status(): DesktopStatus;
  start(): Promise<DesktopStatus>;
  stop(): Promise<void>;
  vnc(): Promise<Duplex>;
  /** A new one ends the one before. */
  cdp(): Promise<Duplex>;
  restartBrowser(): Promise<void>;
  screenshot(): Promise<Uint8Array>;
  /** Checks the action too. Rejects: invalid_request. */
  act(action: unknown): Promise<void>;
  pointer(): Promise<{ readonly x: number; readonly y: number }>;
}

/** Every method rejects only with AppError. */
export interface Daemon {
  health(): Health;
  usage(): SandboxUsage;
  /** Somebody asked for something: the sandbox is not idle. */
  touch(): void;
  start(request: StartOperation): Promise<Operation>;
  operation(id: string): Operation | undefined;
  /**
   * Output from that byte on; ends when the operation has ended and all of it was given. A chunk is good until the
   * next is asked for. Rejects: not_found.
   */
  output(id: string, fromByte: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  write(shell: string, text: string): Promise<void>;
  kill(shell: string): Promise<void>;
  view(shell: string): Promise<ShellView>;
  killTagged(tag: string): Promise<number>;
  /** When the signal fires, nobody waits any more: everything it started is killed. */
  exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
  openFile(path: string, maxBytes: number | undefined): Promise<OpenFile>;
  writeFile(path: string, content: AsyncIterable<Uint8Array>, how: 'replace' | 'append'): Promise<void>;
  listFiles(path: string): Promise<readonly FileEntry[]>;
  removeFile(path: string): Promise<void>;
  /** `types` are globs, of which one must match too; none means all. */
  find(path: string, glob: string, types: readonly string[]): Promise<Matches<string>>;
  grep(path: string, regex: string, types: readonly string[]): Promise<Matches<LineMatch>>;
  processes(): Promise<readonly ProcessEntry[]>;
  signalProcess(pid: number, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<void>;

  // Terminals for people. All but the first two reject with shell_not_found.
  /** The one with this id, where there is one. Rejects: conflict (too many), unsupported. */
  openTerminal(id: string): Promise<TerminalEntry>;
  terminals(): readonly TerminalEntry[];
  /** What is printed from now on. Whoever read before is dismissed. */
  readTerminal(id: string, signal: AbortSignal): Reading;
  typeTerminal(id: string, text: string): Promise<void>;
  resizeTerminal(id: string, size: TerminalSize): Promise<void>;
  /** All that it started has ended when this resolves. */
  closeTerminal(id: string): Promise<void>;

  readonly desktop: Desktop;
}

export const limits = {
  jsonBytes: 10 * 1024 * 1024,
  /** The server takes a longer answer for somebody else's. */
  answerBytes: 16 * 1024 * 1024,
  /** Of a process's command line, in a list. */
  commandChars: 4_096,
  /** Of a command, in a shell's console. */
  shownChars: 64 * 1024,
  fileBytes: 50 * 1024 * 1024,
  /** Of each stream of `exec`. */
  execBytes: 1024 * 1024,
  matches: 1000,
  /** Of one folder. */
  entries: 20_000,
  terminals: 16,
  terminalSide: 1000, // columns or rows
} as const;
