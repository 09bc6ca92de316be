import { z } from 'zod';
import { SessionId } from '../../../core/model/ids.ts';
import type { ServiceRules } from '../rules.ts';

export const workStates = ['queued', 'starting', 'active', 'stopping', 'stopped'] as const;
export type WorkState = (typeof workStates)[number];

/** A session of a self-hosted environment that needs a worker. A session has at most one open item. Times are epoch ms. */
export const WorkItem = z.object({
  /** `work_`, the session's id, `x`, and the number of the item in that session. */
  id: z.string(),
  environmentId: z.string(),
  sessionId: SessionId,
  /** `queued`: includes items whose claim is not acknowledged. `stopping`: the worker should stop. */
  state: z.enum(workStates),
  metadata: z.record(z.string(), z.string()),
  createdAt: z.number(),
  acknowledgedAt: z.number().nullable(),
  startedAt: z.number().nullable(),
  heartbeatAt: z.number().nullable(),
  stopRequestedAt: z.number().nullable(),
  stoppedAt: z.number().nullable(),
});
export type WorkItem = z.infer<typeof WorkItem>;
export interface ClaimedWork extends WorkItem {
  /**
   * A credential for this item and its session. Valid for at most one day, and only until another worker claims the item or the
   * item is stopped.
   */
  readonly token: string;
}
export interface WorkPollOptions {
  readonly workerId?: string | undefined;
  /** 0: return immediately. */
  readonly blockMs: number;
  /** After this time, an unacknowledged claim lapses. */
  readonly reclaimMs: number;
  /** The issuer of the worker's credential. Revoking the issuer also revokes the token. */
  readonly maker: CredentialIssuer;
  readonly signal: AbortSignal;
}
export interface WorkHeartbeatOptions {
  /** The last heartbeat that the worker knows of. Null: none so far. Undefined: not checked. */
  readonly expected: number | null | undefined;
  readonly ttlSeconds?: number | undefined;
}
export interface WorkLease {
  readonly state: WorkState;
  readonly heartbeatAt: number | null;
  readonly ttlSeconds: number;
  /** `mismatch`: the item is not claimed, or another worker may have it, so nothing was changed. */
  readonly outcome: 'extended' | 'ended' | 'mismatch';
}
export interface WorkQueueStats {
  readonly waiting: number;
  /** Claimed but not acknowledged. */
  readonly claimed: number;
  readonly oldestQueuedAt: number | null;
  /** Workers that polled this server in the last 30 s. */
  readonly workers: number;
}

/** The key behind a credential, or a hash of the server's token (`seal`). All fields absent: authentication is off. */
export interface CredentialIssuer {
  readonly key?: string | undefined;
  readonly seal?: string | undefined;
  readonly environmentKey?: string | undefined;
}
export interface EnvironmentKey {
  readonly id: string;
  readonly environmentId: string;
  readonly name: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}
export interface NewEnvironmentKey {
  readonly name: string;
  readonly maker: CredentialIssuer;
}

/**
 * Work queues of self-hosted environments. Each method takes the environment's id first, and rejects with not_found for an
 * unknown environment or item.
 */
export interface WorkQueueService {
  /** Queues the session, unless it has an open item. */
  enqueue(environmentId: string, sessionId: SessionId): Promise<void>;
  /** Removes an ended session from the queue. If a worker serves it, its item becomes `stopping`. */
  withdraw(environmentId: string, sessionId: SessionId): Promise<void>;
  /** Claims the item that has waited longest. Resolves with undefined if no item arrives in time. */
  poll(environmentId: string, options: WorkPollOptions): Promise<ClaimedWork | undefined>;
  /** Removes the claimed item from the queue. Rejects: conflict (not claimed). */
  acknowledge(environmentId: string, workId: string): Promise<WorkItem>;
  beat(environmentId: string, workId: string, options: WorkHeartbeatOptions): Promise<WorkLease>;
  /**
   * Stops an item immediately if it is queued or `force` is set; otherwise, its worker stops it. Rejects: conflict (stopped
   * already).
   */
  stop(environmentId: string, workId: string, options: { readonly force: boolean }): Promise<WorkItem>;
  /** Newest first. */
  items(environmentId: string): Promise<readonly WorkItem[]>;
  item(environmentId: string, workId: string): Promise<WorkItem>;
  setMetadata(environmentId: string, workId: string, metadata: WorkItem['metadata']): Promise<WorkItem>;
  stats(environmentId: string): Promise<WorkQueueStats>;
  /** Returns the key, which cannot be read again. Rejects: quota (100 keys per environment). */
  createKey(
    environmentId: string,
    newEnvironmentKey: NewEnvironmentKey,
  ): Promise<{ readonly key: string; readonly view: EnvironmentKey }>;
  /** Newest first, including revoked keys. */
  keys(environmentId: string): Promise<readonly EnvironmentKey[]>;
  /** Also ends the streams of workers that use the key. Rejects: not_found. */
  revokeKey(environmentId: string, keyId: string): Promise<EnvironmentKey>;
}

export const workQueueRules: ServiceRules<WorkQueueService> = {
  enqueue: { may: 'work', audit: null },
  withdraw: { may: 'work', audit: null },
  poll: { may: 'work', audit: null },
  acknowledge: { may: 'work', audit: 'work.claim' },
  beat: { may: 'work', audit: null },
  stop: { may: 'work', audit: 'work.stop' },
  items: { may: 'read', audit: null },
  item: { may: 'read', audit: null },
  setMetadata: { may: 'work', audit: null },
  stats: { may: 'read', audit: null },
  createKey: { may: 'work', audit: 'environment.key.create' },
  keys: { may: 'work', audit: null },
  revokeKey: { may: 'work', audit: 'environment.key.revoke' },
};

export interface WorkerIdentity {
  readonly environmentId: string;
  readonly owner: string | undefined;
  /** The claimed item, if the credential is an item's token. */
  readonly work?: { readonly id: string; readonly sessionId: SessionId };
  /** Set only if the credential is an environment key. */
  readonly keyId?: string;
  readonly maker: CredentialIssuer;
  /** Fires when this server revokes the credential's key, stops its item, or lets another worker claim the item. */
  readonly ended: AbortSignal;
}
/** Credentials of workers. No other part of the server accepts them. */
export interface WorkerAuthenticator {
  /**
   * Finds the worker of a credential. Undefined: the credential is invalid, or its item was stopped or claimed by another
   * worker. Rejects: unauthorized (its key was revoked).
   */
  find(credential: string): Promise<WorkerIdentity | undefined>;
}
