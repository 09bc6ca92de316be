import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { FileEntry, OpenFile } from '../../sandboxes/client/client.ts';
import type { ServiceRules } from './rules.ts';

/**
 * Files of a session's workspace. Paths are relative to the workspace or absolute within it. Unless noted otherwise,
 * every method starts a stopped sandbox, and rejects: path_outside, invalid_request (NUL in the path),
 * sandbox_unavailable, cancelled.
 *
 * @example
 * await files.write(id, 'notes.txt', 'hello', signal);
 */
export interface FileService {
  /**
   * Directories first, then files, each sorted by name. Rejects: file_not_found, invalid_request (not a directory),
   * payload_too_large (more than 20,000 entries). With `starts: false`, does not start a stopped sandbox, but rejects with
   * sandbox_not_found.
   */
  list(
    id: SessionId,
    path: string,
    signal: AbortSignal,
    options?: { readonly starts?: boolean },
  ): Promise<readonly FileEntry[]>;
  /** Rejects: file_not_found, invalid_request (not a file), payload_too_large (more than 10 MiB). */
  read(id: SessionId, path: string, signal: AbortSignal): Promise<Buffer>;
  /**
   * Opens a file of up to 50 MiB. The sandbox is in use until the content ends or is destroyed. Rejects: file_not_found,
   * invalid_request (not a file), payload_too_large.
   */
  open(id: SessionId, path: string, signal: AbortSignal): Promise<OpenFile>;
  write(id: SessionId, path: string, content: string | Uint8Array, signal: AbortSignal): Promise<void>;
  /** Removes a file, or a folder with its contents. Rejects: file_not_found. */
  remove(id: SessionId, path: string, signal: AbortSignal): Promise<void>;
  /**
   * Returns matching files, sorted. A file must also match one of the `types` globs if there are any. Rejects: file_not_found
   * (the path).
   */
  find(
    id: SessionId,
    query: FileSearchQuery,
    signal: AbortSignal,
  ): Promise<{ matches: readonly string[]; truncated: boolean }>;
  /**
   * `pattern` is a POSIX extended regular expression. Matches are sorted by file and line. Rejects: invalid_request (bad
   * pattern), file_not_found.
   */
  grep(
    id: SessionId,
    query: FileSearchQuery,
    signal: AbortSignal,
  ): Promise<{ matches: readonly GrepMatch[]; truncated: boolean }>;
  /**
   * Files changed since the newest run began, up to 2,000. A file with the same size and modification time is considered
   * unchanged. `starts` is as in `list`.
   */
  changes(id: SessionId, signal: AbortSignal, options?: { readonly starts?: boolean }): Promise<FileChanges>;
  /**
   * A file as it was when the newest run began. Rejects: file_not_found (the file did not exist then, is larger than 256 KiB,
   * or did not fit within the total limit for copies).
   */
  before(id: SessionId, path: string, signal: AbortSignal): Promise<Buffer>;
}
export const FileChanges = z.object({
  /** The run before which the snapshot was taken, and the time of the snapshot; null: no snapshot of this workspace exists. */
  since: z.object({ runId: z.string(), at: z.number() }).nullable(),
  /** Sorted by path, relative to the workspace. Files of package managers and git are not compared. */
  files: z
    .array(
      z.object({
        path: z.string(),
        change: z.enum(['added', 'modified', 'deleted']),
        /** Sizes in bytes, before the run and now; null when the file did not or does not exist. */
        before: z.int().nullable(),
        after: z.int().nullable(),
      }),
    )
    .readonly(),
  truncated: z.boolean(),
});
export type FileChanges = z.infer<typeof FileChanges>;
export type ChangedFile = FileChanges['files'][number];
/** A search that reaches the daemon's match limit returns the matches found so far and sets `truncated`. */
export interface FileSearchQuery {
  readonly path: string;
  readonly pattern: string;
  /** Globs such as `*.ts`. */
  readonly types: readonly string[];
}
export interface GrepMatch {
  readonly file: string; // relative to the workspace
  readonly line: number; // 1-based
  readonly content: string; // trimmed
}

export const fileRules: ServiceRules<FileService> = {
  list: { may: 'read', audit: 'look' },
  read: { may: 'read', audit: 'look' },
  open: { may: 'read', audit: 'look' },
  find: { may: 'read', audit: 'look' },
  grep: { may: 'read', audit: 'look' },
  changes: { may: 'read', audit: 'look' },
  before: { may: 'read', audit: 'look' },
  write: { may: 'work', audit: 'file.write' },
  remove: { may: 'work', audit: 'file.remove' },
};
