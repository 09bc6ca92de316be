import type { Readable } from 'node:stream';
import type { Volume } from '../../../core/model/sandboxes/volume.ts';
import type { FileByteRange } from '../../../sandboxes/client/abilities.ts';
import type { FileEntry } from '../../../sandboxes/client/client.ts';
import type { ServiceRules } from '../rules.ts';

export interface NewVolume {
  /** Unique per holder. */
  readonly name: string;
  readonly quotaBytes?: number | undefined;
  readonly owner?: string | undefined;
  readonly projectId?: string | null | undefined;
  readonly signal: AbortSignal;
}
export interface VolumeChange {
  readonly name?: string | undefined;
  readonly quotaBytes?: number | undefined;
}
export interface VolumeFile {
  readonly size: number;
  /** Destroying the stream cancels the download. */
  readonly content: Readable;
}

/** Times are epoch ms. */
export interface VolumeEntry {
  /** Relative to the volume's root. Empty for the root itself. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'unknown';
  readonly size: number;
  readonly mode: number; // permission bits
  readonly uid: number;
  readonly gid: number;
  readonly accessedAt: number;
  readonly modifiedAt: number;
  readonly changedAt: number;
  /** The symlink's target, as stored. */
  readonly target?: string;
}

/** A volume has at most one writer. File methods run in a separate sandbox, so symlinks cannot reach server files. */
export interface VolumeService {
  /**
   * Rejects: conflict (the name is taken), invalid_request (`quotaBytes` over the maximum), quota (the owner's limit),
   * sandbox_capacity (the server's limit), unsupported (by the driver).
   */
  create(newVolume: NewVolume): Promise<Volume>;
  /** Sorted by name. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Volume[]>;
  get(id: string): Promise<Volume>;
  /** Rejects if the caller may not change the content. */
  admits(id: string): Promise<void>;
  /** Searches the volumes of `owner` and `projects`. Rejects: not_found, conflict (several projects use the name). */
  find(idOrName: string, owner?: string, projects?: readonly string[]): Promise<Volume>;
  /**
   * Rejects: conflict (the name is taken), invalid_request (`quotaBytes` is over the maximum), quota, sandbox_capacity (the
   * server's limit).
   */
  change(id: string, change: VolumeChange): Promise<Volume>;
  /** Rejects: conflict (a session uses the volume, or content is being transferred). */
  remove(id: string, signal: AbortSignal): Promise<void>;

  // Paths below resolve against the volume's root. Methods with a path reject with path_outside, file_not_found or
  // invalid_request.
  listFiles(id: string, path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /** Does not follow a symlink at `path`. */
  stat(id: string, path: string, signal: AbortSignal): Promise<VolumeEntry>;
  /** Lists `depth` levels. Rejects: payload_too_large. */
  entries(id: string, path: string, depth: number, signal: AbortSignal): Promise<readonly VolumeEntry[]>;
  /** `parents`: like `mkdir -p`. Rejects: conflict (the path exists, or a session writes to the volume). */
  makeFolder(
    id: string,
    path: string,
    how: { readonly parents: boolean; readonly mode?: number | undefined },
    signal: AbortSignal,
  ): Promise<VolumeEntry>;
  changeMode(id: string, path: string, mode: number, signal: AbortSignal): Promise<VolumeEntry>;
  readFile(id: string, path: string, signal: AbortSignal, part?: FileByteRange): Promise<VolumeFile>;
  /** Atomic; creates missing parent folders. Rejects: conflict (a session writes to the volume), payload_too_large. */
  writeFile(
    id: string,
    path: string,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly size: number }>;
  /** Also removes a folder's content. Rejects: conflict (a session writes to the volume). */
  removeFile(id: string, path: string, signal: AbortSignal): Promise<void>;
  /** A gzipped tar archive. The stream fails if the volume cannot be read completely. */
  backup(id: string, signal: AbortSignal): Promise<Readable>;
  /**
   * Replaces the content with that of a `backup` archive, or changes nothing. Rejects: invalid_request (not a gzipped
   * tar archive), conflict (a session writes to the volume, or the archive is damaged), payload_too_large.
   */
  restore(id: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Volume>;
}

export const volumeRules: ServiceRules<VolumeService> = {
  create: { may: 'create', audit: 'volume.create' },
  list: { may: 'list', audit: null },
  get: { may: 'see', audit: null },
  admits: { may: 'work', audit: null },
  find: { may: 'find', audit: null },
  change: { may: 'work', audit: 'volume.change' },
  remove: { may: 'stop', audit: 'volume.delete' },
  listFiles: { may: 'read', audit: null },
  stat: { may: 'read', audit: null },
  entries: { may: 'read', audit: null },
  makeFolder: { may: 'work', audit: 'volume.write' },
  changeMode: { may: 'work', audit: 'volume.write' },
  readFile: { may: 'read', audit: 'volume.read' },
  writeFile: { may: 'work', audit: 'volume.write' },
  removeFile: { may: 'work', audit: 'volume.remove-file' },
  backup: { may: 'read', audit: 'volume.backup' },
  restore: { may: 'work', audit: 'volume.restore' },
};
