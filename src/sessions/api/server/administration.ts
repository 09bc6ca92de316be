import { z } from 'zod';

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

/** The state of the server, for administrators and auditors. */
export interface AdministrationService {
  /** Rejects: unsupported (no audit log is kept). */
  auditRows(query: AuditQuery): Promise<AuditRows>;
  /** The number of sessions of each owner, from the index of the store. */
  countSessions(owners: readonly string[]): Promise<readonly number[]>;
}
