import type { Readable } from 'node:stream';
import type { Volume } from '../../../core/model/sandboxes/volume.ts';
import type { FilePart } from '../../../sandboxes/client/abilities.ts';
import type { FileEntry } from '../../../sandboxes/client/client.ts';
import type { ServiceRules } from '../rules.ts';

export interface NewVolume {
  /** Free among the volumes of its holder. */
  readonly name: string;
  /** Without one: that of the settings. */
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
  /** The size of the whole file. */
  readonly size: number;
  /** Destroying it abandons the file. */
  readonly content: Readable;
}

/** A file, folder or link of a volume. Times are epoch ms. */
export interface VolumeEntry {
  /** Below the root of the volume; empty for the root. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'unknown';
  readonly size: number;
  readonly mode: number; // permission bits
  readonly uid: number;
  readonly gid: number;
  readonly accessedAt: number;
  readonly modifiedAt: number;
  readonly changedAt: number;
  /** The text of a link. */
  readonly target?: string;
}

/**
 * Storage that outlives sessions. Sessions mount volumes at their creation, one of them for writing. Content is read and
 * written in its own sandbox, which has nothing but the volume, so no link of a volume leads the server anywhere.
 */
export interface VolumeService {
  /** Rejects: conflict (the name is taken), quota (of the owner), unsupported (the driver has no volumes). */
  create(newVolume: NewVolume): Promise<Volume>;
  /** By name. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Volume[]>;
  /** By its id. Rejects: not_found. */
  get(id: string): Promise<Volume>;
  /** Resolves for a caller that may change the content. */
  admits(id: string): Promise<void>;
  /** By its id or its holder's name for it. Rejects: not_found, conflict (several projects have one of this name). */
  find(idOrName: string, owner?: string, projects?: readonly string[]): Promise<Volume>;
  /** Rejects: conflict (the name is taken), quota. */
  change(id: string, change: VolumeChange): Promise<Volume>;
  /** Deletes the volume with its content. Rejects: conflict (a session has it, or content is being moved). */
  remove(id: string, signal: AbortSignal): Promise<void>;

  // Paths are relative to the root of the volume. The methods reject with path_outside, file_not_found, invalid_request.
  listFiles(id: string, path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /** A link is itself. */
  stat(id: string, path: string, signal: AbortSignal): Promise<VolumeEntry>;
  /** The entries of a folder, `depth` levels deep. Rejects: payload_too_large. */
  entries(id: string, path: string, depth: number, signal: AbortSignal): Promise<readonly VolumeEntry[]>;
  /** With `parents` a folder that is there already is right too. Rejects: conflict (something is there). */
  makeFolder(
    id: string,
    path: string,
    how: { readonly parents: boolean; readonly mode?: number | undefined },
    signal: AbortSignal,
  ): Promise<VolumeEntry>;
  /** Sets the permission bits. */
  changeMode(id: string, path: string, mode: number, signal: AbortSignal): Promise<VolumeEntry>;
  readFile(id: string, path: string, signal: AbortSignal, part?: FilePart): Promise<VolumeFile>;
  /**
   * Makes the parents. The file takes its place whole; content that fails leaves the old one. Rejects: conflict (a session
   * writes to the volume), payload_too_large (more than fits).
   */
  writeFile(
    id: string,
    path: string,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly size: number }>;
  /** A folder goes with its content. Rejects: conflict (a session writes to the volume). */
  removeFile(id: string, path: string, signal: AbortSignal): Promise<void>;
  /** The content as a compressed tar archive, which fails when the volume cannot deliver all of it. */
  backup(id: string, signal: AbortSignal): Promise<Readable>;
  /**
   * Replaces the content by that of such an archive, whole or not at all. Rejects: conflict (a session writes to the volume,
   * or this is no archive), payload_too_large.
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
