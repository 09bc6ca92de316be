import type { Duplex, Readable } from 'node:stream';
import type { FileMetadata } from '../../core/model/sandboxes/file-metadata.ts';
import type {
  FileChange,
  FileChangeBatch,
  FileVersion,
  JobEnd,
  JobEntry,
  ListeningPort,
  PathEntry,
} from './answers/answers.ts';

export type * from './answers/answers.ts';

// `FileTransferClient` and `WorkspaceClient` reach only the workspace; the other clients reach the whole sandbox.
// Methods reject only with AppError.

/** Columns and rows, each from 1 to 1000. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

export interface JobSpec {
  /** Must not be numeric, because methods also accept pids. A second `start` with the same id returns the first job. */
  readonly id: string;
  /** Runs without a shell. */
  readonly argv: readonly string[];
  /** Any folder: absolute, `~/…`, or relative to the workspace. Default: the workspace. */
  readonly cwd?: string;
  /** Each as NAME=value. */
  readonly env?: readonly string[];
  readonly label?: string;
  readonly tag?: string;
  readonly terminal?: TerminalSize;
  /** If false, the job starts with its standard input closed. */
  readonly input?: boolean;
}
export interface JobOutputListener {
  /** The job's output is paused until the returned promise resolves. */
  readonly onOutput: (chunk: Buffer) => void | Promise<void>;
  readonly onErrors: (chunk: Buffer) => void | Promise<void>;
}
export interface JobStream {
  /** Resolves after all output has been delivered. Rejects: sandbox_lost (the connection ended), sandbox_untrusted. */
  readonly ended: Promise<JobEnd>;
  /** Stops reading; the job continues. */
  detach(): void;
}
/**
 * At most 256 jobs, which end when the daemon restarts. The daemon remembers an ended job for a minute. `id` parameters
 * also accept the job's pid.
 */
export interface JobClient {
  /**
   * Rejects: conflict (too many jobs, or processes with this tag were killed), file_not_found (no such program),
   * invalid_request (no such folder), unsupported, sandbox_unavailable.
   */
  start(job: JobSpec, signal: AbortSignal): Promise<JobEntry>;
  list(signal: AbortSignal): Promise<readonly JobEntry[]>;
  // The following methods can also reject with not_found.
  /**
   * Reads output from now on; the first reader gets all output if it attaches within 30 s of the job's start. A reader
   * with more than 1 MiB unread blocks the job.
   */
  attach(id: string, reader: JobOutputListener, signal: AbortSignal): Promise<JobStream>;
  /** Resolves once the pipe has accepted the bytes. Rejects: conflict (the input is closed). */
  write(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Also succeeds if the input is closed. Rejects: unsupported (the job has a terminal). */
  endInput(id: string, signal: AbortSignal): Promise<void>;
  resize(id: string, size: TerminalSize, signal: AbortSignal): Promise<void>; // Rejects: conflict (no terminal)
  /** With SIGKILL, resolves when every process of the job is gone. */
  signal(id: string, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT', signal: AbortSignal): Promise<void>;
}

/** Paths are absolute, `~/…`, or relative to the workspace. Methods reject with file_not_found or invalid_request. */
export interface FileSystemClient {
  stat(path: string, signal: AbortSignal, options?: { readonly metadata: boolean }): Promise<PathEntry>;
  /**
   * Depth first, sorted by name. A `depth` of 1 lists only the folder's own entries. Rejects: conflict (a symlink
   * loop), payload_too_large (more than 20,000 entries, or too much metadata).
   */
  list(
    path: string,
    options: { readonly depth: number; readonly metadata?: boolean },
    signal: AbortSignal,
  ): Promise<readonly PathEntry[]>;
  /** Creates missing parents. Rejects: conflict (the folder exists already). */
  makeFolder(path: string, signal: AbortSignal): Promise<PathEntry>;
  move(from: string, to: string, signal: AbortSignal): Promise<PathEntry>;
  /** Also succeeds if the path does not exist. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  open(path: string, signal: AbortSignal, part?: FileByteRange): Promise<{ size: number; content: Readable }>;
  /**
   * Creates missing parents and replaces all metadata. Keeps the old file if reading `content` fails. Rejects: quota,
   * unsupported (the metadata), payload_too_large (the metadata).
   */
  write(
    path: string,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    metadata?: FileMetadata,
  ): Promise<PathEntry>;
}
export interface FileByteRange {
  readonly from?: number;
  readonly most?: number;
}

/** Files of any size in the workspace. Methods can reject with path_outside or invalid_request (not a file). */
export interface FileTransferClient {
  /** Resolves to false with an older daemon, which supports none of the other methods. */
  areSupported(signal: AbortSignal): Promise<boolean>;
  /** The content's first line states the whole file's size and version. Rejects: file_not_found. */
  open(path: string, part: FileByteRange, signal: AbortSignal): Promise<{ size: number; content: Readable }>;
  /**
   * Creates missing parents and replaces the file atomically. `replaces` is the required version, or `none` if the file
   * must not exist. Rejects: quota, file_changed.
   */
  write(
    path: string,
    content: AsyncIterable<Uint8Array>,
    condition: { readonly replaces?: string },
    signal: AbortSignal,
  ): Promise<FileVersion>;
}

/** `at` is in epoch ms. */
export interface RunStart {
  readonly run: string;
  readonly at: number;
}
export interface WorkspaceFingerprint {
  /** SHA-256 in hexadecimal. */
  readonly print: string;
  readonly bytes: number;
}
/** Only for small workspaces and newer daemons. */
export interface WorkspaceClient {
  /**
   * Saves a list of the files, with copies of small ones, once per run. Resolves to false if a program in the sandbox
   * must do this. Rejects: quota, unsupported (an in-memory sandbox).
   */
  keep(mark: RunStart, signal: AbortSignal): Promise<boolean>;
  /** Undefined if a sandbox program must compute the fingerprint. Rejects: unsupported (an in-memory sandbox). */
  print(signal: AbortSignal): Promise<WorkspaceFingerprint | undefined>;
}

export interface FileWatchOptions {
  /** Absolute, `~/…`, or relative to the workspace. */
  readonly path: string;
  /** Includes subfolders, even those created later. */
  readonly recursive?: boolean;
  /** Adds the current entry to each `create`, `write` and `chmod` event. */
  readonly entries?: boolean;
}
/**
 * At most 1,000 watches. Each keeps its newest 10,000 changes, and closes after ten minutes without a reader or
 * request. Methods except `open` can reject with not_found.
 */
export interface FileWatchClient {
  /** Rejects: file_not_found, invalid_request (not a folder), conflict (too many watches), unsupported. */
  open(watch: FileWatchOptions, signal: AbortSignal): Promise<{ readonly id: string }>;
  changes(id: string, signal: AbortSignal): Promise<FileChangeBatch>;
  /** Runs until the watch is closed. A new follower replaces the previous one. Rejects: sandbox_lost, cancelled. */
  follow(id: string, listener: (change: FileChange) => void | Promise<void>, signal: AbortSignal): Promise<void>;
  close(id: string, signal: AbortSignal): Promise<void>;
}

export interface PortClient {
  /** Sorted by port, at most 200, without the daemon's own ports. Empty with an older daemon. */
  list(signal: AbortSignal): Promise<readonly ListeningPort[]>;
  /**
   * Connects to the sandbox's own 127.0.0.1 or ::1. The caller destroys the stream. Rejects: not_found (nothing is
   * listening), conflict (256 connections are already open), invalid_request (the daemon's own port).
   */
  connect(port: number, signal: AbortSignal): Promise<Duplex>;
}
