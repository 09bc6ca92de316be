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

// Further calls to the daemon. Jobs, paths, watches and ports reach the whole sandbox, with the permissions of its user;
// transfers and `WorkspaceClient` reach only the workspace. As in client.ts, every method takes a signal and rejects only with
// AppError.

/** Columns and rows, each from 1 to 1000. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** A program that any number of readers can follow. */
export interface JobSpec {
  /**
   * Makes `start` idempotent: a second call with the same id returns the first job. Must not be a number, because methods also
   * accept a pid as the id.
   */
  readonly id: string;
  /** The program and its arguments, passed to the system without a shell. */
  readonly argv: readonly string[];
  /** Any folder: absolute, `~/…`, or relative to the workspace. Default: the workspace. */
  readonly cwd?: string;
  /** Additional variables, each as NAME=value. */
  readonly env?: readonly string[];
  /** A name for people and programs; several jobs can share it. */
  readonly label?: string;
  /** A tag for `killTagged`, like an operation's tag. */
  readonly tag?: string;
  /** Runs the job on a terminal of this size instead of three pipes. */
  readonly terminal?: TerminalSize;
  /** False: the job's standard input is closed from the start. */
  readonly input?: boolean;
}
export interface JobOutputListener {
  /** The job's output is paused until the returned promise resolves. */
  readonly onOutput: (chunk: Buffer) => void | Promise<void>;
  readonly onErrors: (chunk: Buffer) => void | Promise<void>;
}
export interface JobStream {
  /**
   * Resolves when the job has ended and all of its output has been delivered. Rejects: sandbox_lost (the connection ended),
   * sandbox_untrusted.
   */
  readonly ended: Promise<JobEnd>;
  /** Stops reading, but leaves the job running. */
  detach(): void;
}
/**
 * Jobs: at most 256 at a time. A job runs until it ends or is killed, or until the daemon restarts. The daemon remembers a
 * job for a minute after its end. The `id` parameters also accept the job's pid.
 */
export interface JobClient {
  /**
   * Rejects: conflict (too many, or processes of this tag were killed), file_not_found (no such program), invalid_request (no
   * such folder), unsupported, sandbox_unavailable.
   */
  start(job: JobSpec, signal: AbortSignal): Promise<JobEntry>;
  list(signal: AbortSignal): Promise<readonly JobEntry[]>;
  // The following methods also reject with not_found.
  /**
   * Reads the output from now on. The first reader gets all output if it attaches within 30 s of the job's start. A reader
   * that stops reading blocks the job once 1 MiB is unread.
   */
  attach(id: string, reader: JobOutputListener, signal: AbortSignal): Promise<JobStream>;
  /** Resolves once the program's pipe has accepted the bytes. Rejects: conflict (its input is closed). */
  write(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Succeeds if the input is already closed. Rejects: unsupported (a terminal). */
  endInput(id: string, signal: AbortSignal): Promise<void>;
  resize(id: string, size: TerminalSize, signal: AbortSignal): Promise<void>; // Rejects: conflict (no terminal)
  /** With SIGKILL, resolves when every process that the job started is gone. Any other signal is sent once to each process. */
  signal(id: string, name: 'SIGTERM' | 'SIGKILL' | 'SIGINT', signal: AbortSignal): Promise<void>;
}

/**
 * Files at any path that the sandbox's user can reach: absolute, `~/…`, or relative to the workspace. Methods reject with
 * file_not_found and invalid_request.
 */
export interface FileSystemClient {
  stat(path: string, signal: AbortSignal, options?: { readonly metadata: boolean }): Promise<PathEntry>;
  /**
   * Entries are listed depth first, sorted by name. `depth` 1: only the folder's own entries. Rejects: conflict (a link that
   * leads to itself), payload_too_large (more than 20,000 entries, or too much metadata).
   */
  list(
    path: string,
    options: { readonly depth: number; readonly metadata?: boolean },
    signal: AbortSignal,
  ): Promise<readonly PathEntry[]>;
  /** Creates missing parents. Rejects: conflict (the folder exists already). */
  makeFolder(path: string, signal: AbortSignal): Promise<PathEntry>;
  move(from: string, to: string, signal: AbortSignal): Promise<PathEntry>;
  /** Succeeds if the path does not exist. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  open(path: string, signal: AbortSignal, part?: FileByteRange): Promise<{ size: number; content: Readable }>;
  /**
   * Writes a file of any size and creates missing parents. Afterwards the file has exactly the metadata passed here. If reading
   * `content` fails, the old file is kept. Rejects: quota, unsupported (the metadata), payload_too_large (the metadata).
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

/** Files of any size in the workspace. Methods reject with path_outside and invalid_request (not a file). */
export interface FileTransferClient {
  /** False for the daemon of an older image, which supports none of the other methods. */
  areSupported(signal: AbortSignal): Promise<boolean>;
  /** The content starts with one extra line that contains the size and version of the whole file. Rejects: file_not_found. */
  open(path: string, part: FileByteRange, signal: AbortSignal): Promise<{ size: number; content: Readable }>;
  /**
   * Creates missing parents. The file is replaced atomically; if reading `content` fails, the old file is kept. `replaces`: the
   * version that the file must have, or `none` if it must not exist. Rejects: quota, file_changed.
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
/**
 * Operations on the whole workspace, if it is small. For a large workspace, or with the daemon of an older image, a program in
 * the sandbox must do this work.
 */
export interface WorkspaceClient {
  /**
   * Saves a list of the files, and copies of small files, as they are before a run (run-files.ts), once per run. False: a
   * program in the sandbox must save them. Rejects: quota, unsupported (an in-memory sandbox).
   */
  keep(mark: RunStart, signal: AbortSignal): Promise<boolean>;
  /**
   * Equal fingerprints mean equal files. Undefined: a program in the sandbox must compute the fingerprint. Rejects:
   * unsupported (an in-memory sandbox).
   */
  print(signal: AbortSignal): Promise<WorkspaceFingerprint | undefined>;
}

export interface FileWatchOptions {
  /** A folder: absolute, `~/…`, or relative to the workspace. */
  readonly path: string;
  /** Includes subfolders, even those created later. */
  readonly recursive?: boolean;
  /** Adds the file's current entry to each `create`, `write` and `chmod` event. */
  readonly entries?: boolean;
}
/**
 * Watches of folders: at most 1,000 at a time. Each keeps its newest 10,000 changes for its reader, and is closed after ten
 * minutes without a reader or request. Methods except `open` reject with not_found.
 */
export interface FileWatchClient {
  /** Rejects: file_not_found, invalid_request (no folder), conflict (too many), unsupported. */
  open(watch: FileWatchOptions, signal: AbortSignal): Promise<{ readonly id: string }>;
  changes(id: string, signal: AbortSignal): Promise<FileChangeBatch>;
  /** Follows the changes until the watch is closed. A new follower replaces an earlier one. Rejects: sandbox_lost, cancelled. */
  follow(id: string, listener: (change: FileChange) => void | Promise<void>, signal: AbortSignal): Promise<void>;
  close(id: string, signal: AbortSignal): Promise<void>;
}

export interface PortClient {
  /** Sorted by port, at most 200, without the daemon's own ports. Empty with the daemon of an older image. */
  list(signal: AbortSignal): Promise<readonly ListeningPort[]>;
  /**
   * Connects to a port on the sandbox's own 127.0.0.1 or ::1. The caller destroys the stream. Rejects: not_found (nothing
   * listens), conflict (256 connections are already open), invalid_request (the daemon's own port).
   */
  connect(port: number, signal: AbortSignal): Promise<Duplex>;
}
