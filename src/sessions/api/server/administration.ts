import { z } from 'zod';
import type { AuditQuery, AuditRowPage } from '../../../core/model/access/audit.ts';
import { BudgetOverrun, WaitReason } from '../../../core/model/spending.ts';
import { SandboxUsageView } from '../sandboxes.ts';

export const RunningSandboxView = z.object({
  sessionId: z.string(),
  /** Null if no session uses the sandbox, as in the warm pool. */
  title: z.string().nullable(),
  owner: z.string().nullable(),
  host: z.string(),
  isPaused: z.boolean(),
  /** Null if the sandbox is paused, is not among the first 200, or does not report its usage in time. */
  usage: SandboxUsageView.nullable(),
});
export type RunningSandboxView = z.infer<typeof RunningSandboxView>;
export const WaitingRun = z.object({
  sessionId: z.string(),
  title: z.string(),
  owner: z.string().nullable(),
  since: z.number(), // epoch ms
  /** Null: the run is waiting for a reply to a question in the model's text. */
  reason: WaitReason.nullable(),
  /** Set only if the reason is `budget`. `member`: the owner can no longer work in the project. */
  budget: BudgetOverrun.shape.scope.nullable(),
});
export type WaitingRun = z.infer<typeof WaitingRun>;
export const ServerOverview = z.object({
  /** `running` and `waiting`: the number of sessions, on all servers, whose run is in that state. */
  running: z.int(),
  waiting: z.int(),
  /** Includes those of other servers that share this engine or cluster. */
  sandboxes: z.array(RunningSandboxView),
  /** At most 100 runs, ordered by their sessions' newest message, newest first. */
  queue: z.array(WaitingRun),
  storage: z.object({
    store: z.string(),
    bytes: z.int().nullable(),
    blobs: z.string(),
    uploads: z.int(),
    snapshots: z.int(),
    /** Free space on the disk that holds the server's data. Null if unknown. */
    freeBytes: z.int().nullable(),
  }),
});
export type ServerOverview = z.infer<typeof ServerOverview>;

export interface AdministrationService {
  /** Fast enough for a page load, even if sandboxes do not respond. */
  overview(signal: AbortSignal): Promise<ServerOverview>;
  /** Rejects: unsupported (no audit log is kept). */
  auditRows(query: AuditQuery): Promise<AuditRowPage>;
  countSessions(of: 'owner' | 'parent', ids: readonly string[]): Promise<readonly number[]>;
}
