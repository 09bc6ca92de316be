import type { Readable } from 'node:stream';
import type { SessionId } from '../../core/model/ids.ts';
import type { FileChange } from '../../sandboxes/client/abilities.ts';
import type { ServiceRules } from './rules.ts';

export interface StreamedCommand {
  readonly command: string;
  /** Relative to the workspace; unset: the workspace itself. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command's process tree is killed after this time; unset: no limit. */
  readonly timeoutMs?: number;
}
export interface CommandPipes {
  /** Stdin is closed when the iteration ends. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Called once the command has started, even if it has timed out by then. If this is never called, nothing ran. */
  readonly onStart?: () => void;
  /** Further output stays in the command's pipe until the promise resolves. */
  readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
  readonly onErrors: (bytes: Uint8Array) => void | Promise<void>;
}
export interface CommandExit {
  /** 124 after a timeout, 128+n after signal n. */
  readonly exitCode: number;
  readonly timedOut: boolean;
}
/** At most `length` bytes, by default the rest of the file. */
export interface FileRange {
  readonly path: string;
  readonly from?: number;
  readonly length?: number;
}
export interface FileWatchListener {
  /** Called once the folder is being watched. Every later change is reported. */
  readonly onStart: () => void;
  /** Called with one change at a time, after the previous promise resolves. */
  readonly onChange: (change: Pick<FileChange, 'type' | 'name'>) => void | Promise<void>;
}
export interface FileStream {
  readonly size: number;
  /** Changes whenever the file changes. */
  readonly version: string;
  /** Fails if requested bytes cannot be delivered. Destroying the stream cancels the transfer. */
  readonly content: Readable;
}
export interface FileUploadTarget {
  readonly path: string;
  /** The file's expected version. Null: the file must not exist. Unset: no check. */
  readonly replaces?: string | null;
}

/**
 * Streams with bounded memory. Every method starts the sandbox if needed. Rejects: sandbox_unavailable, cancelled,
 * conflict (32 programs are running), unsupported (the sandbox cannot run programs over pipes).
 */
export interface StreamService {
  /** Runs a command over pipes. `signal` ends all of the command's processes. */
  run(id: SessionId, command: StreamedCommand, pipes: CommandPipes, signal: AbortSignal): Promise<CommandExit>;
  /** Rejects: file_not_found, invalid_request (not a file), path_outside. */
  download(id: SessionId, fileRange: FileRange, signal: AbortSignal): Promise<FileStream>;
  /**
   * Ends when `signal` fires. Rejects: file_not_found, invalid_request (not a folder), path_outside, conflict (1,000
   * open watches), unsupported.
   */
  watch(
    id: SessionId,
    folder: { readonly path: string; readonly recursive: boolean },
    reader: FileWatchListener,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Creates missing folders. Replaces the file atomically, keeping its permissions. Rejects: invalid_request (a
   * folder), path_outside, disk_full, file_changed (`replaces` is not the current version).
   */
  upload(
    id: SessionId,
    file: FileUploadTarget,
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
