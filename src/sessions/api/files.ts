import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { FileEntry, OpenFile } from '../../sandboxes/client/client.ts';
import type { ServiceRules } from './rules.ts';

/**
 * Paths are relative to the workspace or absolute within it. Unless noted otherwise, every method starts a stopped sandbox,
 * and rejects: path_outside, invalid_request (NUL in the path), sandbox_unavailable, cancelled.
 *
 * @example
 * await files.write(id, 'notes.txt', 'hello', signal);
 */
export interface FileService {
  /**
   * Directories first, then by name. Also rejects: sandbox_not_found (stopped, with `starts: false`), file_not_found,
   * invalid_request (not a directory), payload_too_large (over 20,000 entries).
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
   * The sandbox is in use until the content ends or is destroyed. Rejects: file_not_found, invalid_request (not a
   * file), payload_too_large (over 50 MiB).
   */
  open(id: SessionId, path: string, signal: AbortSignal): Promise<OpenFile>;
  write(id: SessionId, path: string, content: string | Uint8Array, signal: AbortSignal): Promise<void>;
  /** Removes a folder with its contents. Rejects: file_not_found. */
  remove(id: SessionId, path: string, signal: AbortSignal): Promise<void>;
  /** Matches are sorted. If `types` is empty, every file matches. Rejects: file_not_found. */
  find(
    id: SessionId,
    query: FileSearchQuery,
    signal: AbortSignal,
  ): Promise<{ matches: readonly string[]; truncated: boolean }>;
  /** `pattern` is a POSIX ERE. Sorted by file and line. Rejects: invalid_request (bad pattern), file_not_found. */
  grep(
    id: SessionId,
    query: FileSearchQuery,
    signal: AbortSignal,
  ): Promise<{ matches: readonly GrepMatch[]; truncated: boolean }>;
  /** Changes since the newest run began, by size and modification time; at most 2,000 files. `starts`: as in `list`. */
  changes(id: SessionId, signal: AbortSignal, options?: { readonly starts?: boolean }): Promise<FileChanges>;
  /**
   * A file's content when the newest run began. Rejects: file_not_found (no such file at that time, over 256 KiB, or
   * over the copies' total limit).
   */
  before(id: SessionId, path: string, signal: AbortSignal): Promise<Buffer>;
}
export const FileChanges = z.object({
  /** The snapshot's time, and the run that began after it. Null without a snapshot. */
  since: z.object({ runId: z.string(), at: z.number() }).nullable(),
  /** Sorted by path, relative to the workspace. Excludes files of package managers and git. */
  files: z
    .array(
      z.object({
        path: z.string(),
        change: z.enum(['added', 'modified', 'deleted']),
        /** Size in bytes before the run and now. Null: no such file. */
        before: z.int().nullable(),
        after: z.int().nullable(),
      }),
    )
    .readonly(),
  truncated: z.boolean(),
});
export type FileChanges = z.infer<typeof FileChanges>;
export type ChangedFile = FileChanges['files'][number];
/** At the match limit, a search sets `truncated` and returns the matches so far. */
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
