import type { Duplex } from 'node:stream';
import type { FileMetadata } from '../../src/core/model/sandboxes/file-metadata.ts';
import type {
  FileByteRange,
  FileChangeBatch,
  FileVersion,
  FileWatchOptions,
  JobEntry,
  JobSpec,
  ListeningPort,
  PathEntry,
  RunStart,
  TerminalSize,
  WorkspaceFingerprint,
} from '../../src/sandboxes/client/abilities.ts';
import type {
  DaemonHealth,
  DesktopStatus,
  ExecResult,
  FileEntry,
  OperationEntry,
  OperationSpec,
  ProcessEntry,
  ProgramEntry,
  ProgramSpec,
  SandboxUsage,
  ShellView,
  TerminalEnd,
  TerminalEntry,
} from '../../src/sandboxes/client/client.ts';

// The sandbox's daemon and the memory driver's in-memory daemon implement `Daemon`.

export interface ExecRequest {
  readonly command: string;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  readonly tag?: string;
  readonly stdin?: string;
}
export interface SearchMatches<Match> {
  readonly matches: readonly Match[];
  readonly truncated: boolean;
}
export interface LineMatch {
  readonly file: string;
  readonly line: number;
  readonly content: string;
}
export interface OpenFile extends AsyncDisposable {
  /** Number of bytes in `chunks`, unless the file is truncated during the read. */
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface TerminalOutput {
  readonly chunks: AsyncIterable<Uint8Array>;
  end(): TerminalEnd;
}

/** All methods except `status` reject with `unsupported` if the image has no desktop. */
export interface Desktop {
  status(): DesktopStatus;
  start(): Promise<DesktopStatus>;
  stop(): Promise<void>;
  vnc(): Promise<Duplex>;
  /** Counts as one viewer until the returned stream closes. The stream carries no data. */
  watch(): Promise<Duplex>;
  /** Ends the browser's previous debugging connection. */
  cdp(): Promise<Duplex>;
  restartBrowser(): Promise<void>;
  screenshot(): Promise<Uint8Array>;
  /** Validates the action first. Rejects with invalid_request. */
  act(action: unknown): Promise<void>;
  pointer(): Promise<{ readonly x: number; readonly y: number }>;
}

/** Every method rejects only with AppError. */
export interface Daemon {
  health(): DaemonHealth;
  usage(): SandboxUsage;
  /** Keeps the sandbox from being stopped as idle. */
  touch(): void;
  start(request: OperationSpec): Promise<OperationEntry>;
  operation(id: string): OperationEntry | undefined;
  /** Ends after the last output. A chunk is valid only until the next one is requested. Rejects with not_found. */
  output(id: string, fromByte: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  write(shell: string, text: string): Promise<void>;
  kill(shell: string): Promise<void>;
  view(shell: string, chars?: number): Promise<ShellView>;
  /** Later starts with this tag reject with conflict. */
  killTagged(tag: string): Promise<number>;
  /** When the signal aborts, kills every process that the command started. */
  exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
  openFile(path: string, maxBytes: number | undefined): Promise<OpenFile>;
  writeFile(path: string, content: AsyncIterable<Uint8Array>, how: 'replace' | 'append'): Promise<void>;
  listFiles(path: string): Promise<readonly FileEntry[]>;
  /** A line with the whole file's size and version precedes the content. */
  sendFile(path: string, part: FileByteRange): Promise<OpenFile>;
  /**
   * Atomic. `replaces`: the file's required version, or `none` for a new file. Undefined: no check. Rejects with
   * file_changed, quota, or other file errors.
   */
  receiveFile(path: string, content: AsyncIterable<Uint8Array>, replaces: string | undefined): Promise<FileVersion>;
  removeFile(path: string): Promise<void>;
  /** `types`: further globs; each result must also match one of them. Empty: no restriction. */
  find(path: string, glob: string, types: readonly string[]): Promise<SearchMatches<string>>;
  grep(path: string, regex: string, types: readonly string[]): Promise<SearchMatches<LineMatch>>;
  processes(): Promise<readonly ProcessEntry[]>;
  signalProcess(pid: number, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<void>;

  // Terminals for users. All methods except the first two can reject with shell_not_found.
  /** Idempotent per `id`. Rejects with conflict (too many), unsupported, or sandbox_unavailable (no shell started). */
  openTerminal(id: string): Promise<TerminalEntry>;
  terminals(): readonly TerminalEntry[];
  /** Returns the last screenful, then all further output. Ends the previous reader's stream. */
  readTerminal(id: string, signal: AbortSignal): TerminalOutput;
  typeTerminal(id: string, text: string): Promise<void>;
  /** Write-only, for one user. Writes wait while the terminal has unread input. */
  keyboard(id: string): Promise<Duplex>;
  resizeTerminal(id: string, size: TerminalSize): Promise<void>;
  /** Resolves once every process that the terminal started has ended. */
  closeTerminal(id: string): Promise<void>;

  // Programs with piped I/O. All methods except the first two can reject with not_found.
  /**
   * Idempotent per id. Rejects with conflict (too many, or the run was stopped), file_not_found, path_outside,
   * invalid_request, or internal (no process could be started).
   */
  openProgram(request: ProgramSpec): Promise<ProgramEntry>;
  programs(): readonly ProgramEntry[];
  /** The stream carries the pipes' data as frames (src/core/text/pipe-frames.ts). Ends the previous reader's stream. */
  attachProgram(id: string): Promise<Duplex>;
  signalProgram(id: string, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<void>;
  /** Resolves once every process that the program started has ended. */
  closeProgram(id: string): Promise<void>;

  // Programs with any number of readers. `id`: the job's id or its pid. All methods except the first two can reject
  // with not_found.
  /**
   * Rejects with conflict (too many, or the run was stopped), file_not_found, invalid_request, unsupported (no terminals),
   * sandbox_unavailable, or internal (no process could be started).
   */
  startJob(request: JobSpec): Promise<JobEntry>;
  jobs(): readonly JobEntry[];
  /** Streams further output as frames. Earlier output waits up to 30 s for the first reader. */
  attachJob(id: string): Promise<Duplex>;
  /** Rejects with conflict if the job's input is closed. */
  writeJob(id: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  endJobInput(id: string): Promise<void>;
  resizeJob(id: string, size: TerminalSize): Promise<void>;
  /** With SIGKILL, resolves once every process that the job started has ended. */
  signalJob(id: string, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<void>;

  // Files anywhere in the sandbox. Every method can reject with file_not_found or invalid_request.
  statPath(path: string, options: { readonly metadata: boolean }): Promise<PathEntry>;
  /** Rejects with conflict (a symlink loop) or payload_too_large (too many entries, or too much metadata). */
  listPaths(
    path: string,
    options: { readonly depth: number; readonly metadata: boolean },
  ): Promise<readonly PathEntry[]>;
  /** Rejects with conflict (the folder exists) or invalid_request (the path is a file). */
  makeFolder(path: string): Promise<PathEntry>;
  movePath(from: string, to: string): Promise<PathEntry>;
  removePath(path: string): Promise<void>;
  openPath(path: string, part: FileByteRange): Promise<OpenFile>;
  /** Replaces content and metadata. Rejects with unsupported or payload_too_large if the metadata cannot be stored. */
  writePath(path: string, content: AsyncIterable<Uint8Array>, metadata: FileMetadata): Promise<PathEntry>;

  // The workspace as a whole. Only small workspaces are supported.
  /** Saves the files once per run. `done: false`: a program in the sandbox must save them. */
  keepForRun(mark: RunStart): Promise<{ readonly done: boolean }>;
  /** Empty if a program in the sandbox must compute the fingerprint. */
  printWorkspace(): Promise<Partial<WorkspaceFingerprint>>;

  // Folder watches. All methods except the first can reject with not_found.
  /** Rejects with conflict (too many), file_not_found, invalid_request (not a folder) or unsupported. */
  openWatch(watch: FileWatchOptions): Promise<{ readonly id: string }>;
  watchChanges(id: string): Promise<FileChangeBatch>;
  /** Returns changes as JSON frames. Ends the previous reader's stream. */
  attachWatch(id: string): Promise<Duplex>;
  closeWatch(id: string): Promise<void>;

  /** Rejects with not_found (nothing listens), conflict (too many) or invalid_request (not a port, or the daemon's). */
  openPort(port: number): Promise<Duplex>;
  listeningPorts(): readonly ListeningPort[];

  readonly desktop: Desktop;
}

export const daemonLimits = {
  jsonBytes: 10 * 1024 * 1024,
  /** A request fails if its JSON response is longer than this. */
  answerBytes: 16 * 1024 * 1024,
  commandChars: 4_096,
  /** A shell's console shows at most this many characters of a command. */
  shownChars: 64 * 1024,
  fileBytes: 50 * 1024 * 1024,
  /** Limit per output stream of `exec`. */
  execBytes: 1024 * 1024,
  matches: 1000,
  /** Limit per list of files, including entries in subfolders. */
  entries: 20_000,
  /** Limit per list of files. */
  metadataBytes: 4 * 1024 * 1024,
  metadataKeys: 60_000,
  terminals: 16,
  programs: 32,
  jobs: 256,
  watches: 1_000,
  keptChanges: 10_000,
  changesAtOnce: 1_000,
  portStreams: 256,
  /** Maximum number of words in a command line, and of environment variables. */
  arguments: 1_000,
  terminalSide: 1000, // columns or rows
} as const;
