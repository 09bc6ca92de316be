import type { Readable } from 'node:stream';
import type { SessionId } from '../../core/model/ids.ts';
import type { FileChange } from '../../sandboxes/client/abilities.ts';
import type { ServiceRules } from './rules.ts';

/** A shell command whose output is read while it runs. */
export interface StreamedCommand {
  readonly command: string;
  /** Relative to the workspace; unset: the workspace. */
  readonly cwd?: string;
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The command's process tree is killed after it; unset: no limit. */
  readonly timeoutMs?: number;
}
export interface CommandPipes {
  /** The command's standard input; it ends with the iteration. */
  readonly input: AsyncIterable<Uint8Array>;
  /**
   * Called once, when the command runs, even if its time is up. A rejection before it means that nothing
   * ran.
   */
  readonly onStart?: () => void;
  /** The command's output waits in its pipe until the returned promise resolves. */
  readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
  readonly onErrors: (bytes: Uint8Array) => void | Promise<void>;
}
export interface CommandEnd {
  /** 124 after a timeout, 128+n after signal n. */
  readonly exitCode: number;
  readonly timedOut: boolean;
}
/**
 * A part of a file: so many bytes after the first `from`, or fewer where the file ends; without `length`, all of them.
 */
export interface FileRange {
  readonly path: string;
  readonly from?: number;
  readonly length?: number;
}
export interface WatchReader {
  /** Called once, when the watch is open: no change after it is missed. */
  readonly onStart: () => void;
  /** The next change comes when the returned promise has resolved. */
  readonly onChange: (change: Pick<FileChange, 'type' | 'name'>) => void | Promise<void>;
}
export interface FileStream {
  /** The size of the whole file. */
  readonly size: number;
  /** Changes whenever the file does. */
  readonly version: string;
  /** Exactly the requested bytes; it fails when the sandbox cannot deliver them. Destroying it ends the transfer. */
  readonly content: Readable;
}
export interface NewFile {
  readonly path: string;
  /**
   * The version that the file must still have; null: there must be no such file; unset: the file is replaced anyway.
   */
  readonly replaces?: string | null;
}

/**
 * Commands and files of any size, which need not fit into memory. Every method starts a sandbox that does not
 * run, and holds no more than a buffer. Rejects: sandbox_unavailable, cancelled, conflict (32 programs run
 * in the sandbox already), unsupported (the sandbox cannot run programs over pipes).
 */
export interface StreamService {
  /** Runs a command over pipes until it ends. When `signal` fires, every process that it started is ended. */
  run(id: SessionId, command: StreamedCommand, pipes: CommandPipes, signal: AbortSignal): Promise<CommandEnd>;
  /** Rejects: file_not_found, invalid_request (not a file), path_outside. */
  download(id: SessionId, fileRange: FileRange, signal: AbortSignal): Promise<FileStream>;
  /**
   * Follows the changes of files in a folder until `signal` fires. Rejects: file_not_found, invalid_request (no
   * folder), path_outside, conflict (1,000 watches are open), unsupported.
   */
  watch(
    id: SessionId,
    folder: { readonly path: string; readonly recursive: boolean },
    reader: WatchReader,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Creates missing folders. The file takes its place whole when `content` has ended, and keeps its permissions;
   * content that fails leaves the old file as it is. Rejects: invalid_request (a folder has that name), path_outside,
   * disk_full, file_changed (it is not the version that `replaces` names).
   */
  upload(
    id: SessionId,
    file: NewFile,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly size: number; readonly version: string }>;
}

export const streamRules: ServiceRules<StreamService> = {
  run: { may: 'work', audit: 'sandbox.command' },
  download: { may: 'read', audit: 'look' },
  watch: { may: 'work', audit: 'look' },
  upload: { may: 'work', audit: 'file.write' },
};
