import { z } from 'zod';

/** Contains no session content or credentials. */
export const AuditRow = z.object({
  /** A unique id that is also the row's position in the log. */
  id: z.string(),
  /** The row's number, counted from 1 since its server started. */
  n: z.int(),
  at: z.iso.datetime(),
  action: z.string(),
  target: z.string().nullable(),
  /** `done`, or the error code. */
  outcome: z.string(),
  by: z.string(),
  key: z.string().nullable(),
  name: z.string().nullable(),
  role: z.string().nullable(),
  address: z.string().nullable(),
  request: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type AuditRow = z.infer<typeof AuditRow>;

export interface AuditQuery {
  /** Epoch ms; `to` is exclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** An action, or a prefix that ends before a dot: `person` matches `person.end`. */
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  readonly key?: string | undefined;
  readonly outcome?: 'done' | 'refused' | undefined;
  readonly text?: string | undefined;
  readonly limit: number;
  readonly before?: string | undefined;
}
export interface AuditRowPage {
  /** Newest first. */
  readonly rows: readonly Omit<AuditRow, 'name'>[];
  /** The cursor for older rows, even after an empty page; null at the end. */
  readonly next: string | null;
}
