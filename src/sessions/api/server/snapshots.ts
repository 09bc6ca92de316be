import type { SessionId } from '../../../core/model/ids.ts';
import type { SessionLifetime, SessionRecord } from '../../../core/model/records.ts';
import type { Snapshot } from '../../../core/model/sandboxes/snapshot.ts';
import type { ServiceRules } from '../rules.ts';
import type { CreateSessionCommand } from '../sessions.ts';

export interface SnapshotOptions {
  /** `name` or `name:tag`. An older snapshot of the same holder that has this name loses it. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly owner?: string | undefined;
  readonly signal: AbortSignal;
}
export interface SnapshotImportOptions extends SnapshotOptions {
  readonly projectId?: string | null | undefined;
  readonly content: AsyncIterable<Uint8Array>;
}
export interface ExportedSnapshot {
  readonly snapshot: Snapshot;
  readonly size: number;
  readonly content: AsyncIterable<Uint8Array>;
}
export interface SnapshotForkOptions {
  readonly count: number;
  readonly origin: CreateSessionCommand['origin'];
  readonly owner?: string | undefined;
  readonly life?: (parent: SessionRecord) => SessionLifetime | undefined;
  readonly signal: AbortSignal;
}
export type SnapshotForkResult = { readonly session: SessionRecord } | { readonly error: unknown };

/** A snapshot contains only a sandbox's files, and outlives the sandbox. */
export interface SnapshotService {
  /**
   * Starts the sandbox if needed. The snapshot belongs to the session's project. Rejects: conflict (files keep
   * changing), payload_too_large, quota, sandbox_capacity (the server's limit).
   */
  make(id: SessionId, requested: SnapshotOptions): Promise<Snapshot>;
  /**
   * Creates `count` sessions from the current files; a failed one yields an `error`. Rejects: conflict (files keep
   * changing), payload_too_large.
   */
  fork(id: SessionId, requested: SnapshotForkOptions): Promise<readonly SnapshotForkResult[]>;
  /** Newest first. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Snapshot[]>;
  get(id: string): Promise<Snapshot>;
  /** Searches the snapshots of `owner` and `projects`. Rejects: not_found, conflict (several projects use the name). */
  find(idOrName: string, owner?: string, projects?: readonly string[]): Promise<Snapshot>;
  label(id: string, change: Pick<SnapshotOptions, 'name' | 'labels'>): Promise<Snapshot>;
  remove(id: string): Promise<void>;
  /** Rejects: conflict (the copy is damaged). */
  exported(id: string): Promise<ExportedSnapshot>;
  /**
   * Imports completely or not at all. Drops the archived name; `labels` replaces the archived labels. Rejects:
   * invalid_request (not a snapshot archive, or a file outside the workspace), payload_too_large, quota,
   * sandbox_capacity (the server's limit).
   */
  imported(requested: SnapshotImportOptions): Promise<Snapshot>;
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
