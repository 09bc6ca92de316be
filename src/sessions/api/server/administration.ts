import { z } from 'zod';
import type { BudgetOverrun, WaitReason } from '../../../core/model/spending.ts';
import type { SandboxUsage } from '../sandboxes.ts';

/** A row of the audit log. It has no content of sessions and no credential. */
export const AuditRow = z.object({
  /** Unique, and the place in the log. */
  id: z.string(),
  /** The number within its server's life. */
  n: z.int(),
  at: z.iso.datetime(),
  action: z.string(),
  target: z.string().nullable(),
  /** `done`, or the code of the error. */
  outcome: z.string(),
  by: z.string(),
  key: z.string().nullable(),
  /** The name of the key or person; null: unknown. */
  name: z.string().nullable(),
  role: z.string().nullable(),
  address: z.string().nullable(),
  request: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type AuditRow = z.infer<typeof AuditRow>;

export interface AuditQuery {
  /** Epoch ms: `from <= at < to`. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** The action, or its beginning before a dot. */
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  /** The id of a key or person. */
  readonly key?: string | undefined;
  readonly outcome?: 'done' | 'refused' | undefined;
  /** Part of a row, ignoring case. */
  readonly text?: string | undefined;
  readonly limit: number;
  /** The place before which to read: `next` of a page. */
  readonly before?: string | undefined;
}
export interface AuditRows {
  /** The newest first. */
  readonly rows: readonly Omit<AuditRow, 'name'>[];
  /** The cursor of older rows; null: the log has none. A page can have fewer rows than requested, or none. */
  readonly next: string | null;
}

/** A sandbox that is up. */
export interface SandboxLoad {
  readonly sessionId: string;
  /** Null: it belongs to no session, such as one that is kept ready. */
  readonly title: string | null;
  readonly owner: string | null;
  readonly host: string;
  readonly isPaused: boolean;
  /** Null: it is paused, or did not answer in time. */
  readonly usage: SandboxUsage | null;
}
/** A run that waits. */
export interface WaitingRun {
  readonly sessionId: string;
  readonly title: string;
  readonly owner: string | null;
  /** Epoch ms. */
  readonly since: number;
  /** Null: for an answer to the model's own words. */
  readonly reason: WaitReason | null;
  /** With the reason `budget`: whose is spent. */
  readonly budget: BudgetOverrun['scope'] | null;
}
export interface ServerOverview {
  readonly running: number;
  readonly waiting: number;
  /** All sandboxes that are up. At most 200 have a usage. */
  readonly sandboxes: readonly SandboxLoad[];
  /** At most 100, those with the newest messages first. */
  readonly queue: readonly WaitingRun[];
  readonly storage: {
    readonly store: string;
    /** Null: it is on no disk. */
    readonly bytes: number | null;
    /** Where uploads and snapshots are. */
    readonly blobs: string;
    readonly uploads: number;
    readonly snapshots: number;
    /** On the disk with the server's data. Null: unknown. */
    readonly freeBytes: number | null;
  };
}

/** The state of the server, for administrators and auditors. */
export interface AdministrationService {
  /** Resolves within the time of a page's load, even where sandboxes do not answer. */
  overview(signal: AbortSignal): Promise<ServerOverview>;
  /** Rejects: unsupported (no audit log is kept). */
  auditRows(query: AuditQuery): Promise<AuditRows>;
  /** The number of sessions of each owner, or in each project, from the index of the store. */
  countSessions(of: 'owner' | 'parent', ids: readonly string[]): Promise<readonly number[]>;
}
