import type { SessionId } from '../../../core/model/ids.ts';
import type { SessionLife, SessionRecord } from '../../../core/model/records.ts';
import type { Snapshot } from '../../../core/model/sandboxes/snapshot.ts';
import type { ServiceRules } from '../rules.ts';
import type { CreateCommand } from '../sessions.ts';

export interface SnapshotOptions {
  /** `name` or `name:tag`. An older snapshot of the holder with this name loses it. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly owner?: string | undefined;
  readonly signal: AbortSignal;
}
export interface ImportOptions extends SnapshotOptions {
  readonly projectId?: string | null | undefined;
  /** The archive as it comes. */
  readonly content: AsyncIterable<Uint8Array>;
}
/** A snapshot as one file, which another installation reads. */
export interface ExportedSnapshot {
  readonly snapshot: Snapshot;
  readonly size: number;
  readonly content: AsyncIterable<Uint8Array>;
}
export interface SnapshotForkOptions {
  readonly count: number;
  readonly origin: CreateCommand['origin'];
  readonly owner?: string | undefined;
  /** The life of the new sandboxes where a program manages it. */
  readonly life?: (parent: SessionRecord) => SessionLife | undefined;
  readonly signal: AbortSignal;
}
/** Each fork succeeds or fails by itself. */
export type ForkedSandbox = { readonly session: SessionRecord } | { readonly error: unknown };

/** Copies of the files of sandboxes that outlive them. They hold no memory and no processes. */
export interface SnapshotService {
  /**
   * Copies the files of a sandbox, which starts for it where it does not run. A copy during which no file changed is kept, and
   * no other. It belongs to the project of the session. Rejects: conflict (files change all the time), payload_too_large, quota.
   */
  make(id: SessionId, requested: SnapshotOptions): Promise<Snapshot>;
  /** Makes sessions that begin with the files of this one as they are now, all with the same files. */
  fork(id: SessionId, requested: SnapshotForkOptions): Promise<readonly ForkedSandbox[]>;
  /** The newest first. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Snapshot[]>;
  /** By its id. Rejects: not_found. */
  get(id: string): Promise<Snapshot>;
  /** By its id or its holder's name for it. Rejects: not_found, conflict (several projects have one of this name). */
  find(idOrName: string, owner?: string, projects?: readonly string[]): Promise<Snapshot>;
  label(id: string, change: Pick<SnapshotOptions, 'name' | 'labels'>): Promise<Snapshot>;
  remove(id: string): Promise<void>;
  /** Rejects: conflict (the copy is damaged). */
  exported(id: string): Promise<ExportedSnapshot>;
  /**
   * Imports a snapshot of another installation, completely or not at all. Its labels stay unless `labels` replaces
   * them; its name does not stay. Rejects: invalid_request (no archive of a snapshot, or a file outside of the
   * workspace), payload_too_large, quota.
   */
  imported(requested: ImportOptions): Promise<Snapshot>;
}

export const snapshotRules: ServiceRules<SnapshotService> = {
  make: { may: 'guarded', audit: 'snapshot.make' },
  fork: { may: 'guarded', audit: 'sandbox.fork' },
  list: { may: 'list', audit: null },
  get: { may: 'see', audit: null },
  find: { may: 'find', audit: null },
  label: { may: 'work', audit: 'snapshot.change' },
  remove: { may: 'stop', audit: 'snapshot.delete' },
  exported: { may: 'read', audit: 'snapshot.export' },
  imported: { may: 'create', audit: 'snapshot.import' },
};
