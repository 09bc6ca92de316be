import type { AuditQuery, AuditRowPage } from '../../../core/model/access/audit.ts';
import type { BudgetOverrun, WaitReason } from '../../../core/model/spending.ts';
import type { SandboxUsage } from '../sandboxes.ts';

export interface RunningSandboxView {
  readonly sessionId: string;
  /** Null: the sandbox belongs to no session, such as a pre-started sandbox. */
  readonly title: string | null;
  readonly owner: string | null;
  readonly host: string;
  readonly isPaused: boolean;
  /** Null: the sandbox is paused, cannot report usage, did not respond in time, or is not among the 200 that are measured. */
  readonly usage: SandboxUsage | null;
}
export interface WaitingRun {
  readonly sessionId: string;
  readonly title: string;
  readonly owner: string | null;
  /** Epoch ms. */
  readonly since: number;
  /** Null: the run waits for a reply to a question in the model's text. */
  readonly reason: WaitReason | null;
  /** The exceeded budget's scope, if the reason is `budget`. */
  readonly budget: BudgetOverrun['scope'] | null;
}
export interface ServerOverview {
  readonly running: number;
  readonly waiting: number;
  /** All running sandboxes; at most 200 of them include usage. */
  readonly sandboxes: readonly RunningSandboxView[];
  /** At most 100, sorted by the session's newest message, newest first. */
  readonly queue: readonly WaitingRun[];
  readonly storage: {
    readonly store: string;
    /** Null: not stored on disk. */
    readonly bytes: number | null;
    readonly blobs: string;
    readonly uploads: number;
    readonly snapshots: number;
    /** On the disk with the server's data. Null: unknown. */
    readonly freeBytes: number | null;
  };
}

export interface AdministrationService {
  /** Fast enough for a page load, even if sandboxes do not respond. */
  overview(signal: AbortSignal): Promise<ServerOverview>;
  /** Rejects: unsupported (no audit log is kept). */
  auditRows(query: AuditQuery): Promise<AuditRowPage>;
  countSessions(of: 'owner' | 'parent', ids: readonly string[]): Promise<readonly number[]>;
}
