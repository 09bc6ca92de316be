import { z } from 'zod';
import { SessionId } from '../../../core/model/ids.ts';
import type { ServiceRules } from '../rules.ts';

export const workStates = ['queued', 'starting', 'active', 'stopping', 'stopped'] as const;
export type WorkState = (typeof workStates)[number];

/** At most one open item per self-hosted session. Times are epoch ms. */
export const WorkItem = z.object({
  /** `work_`, the session's id, `x`, and the item's number within the session. */
  id: z.string(),
  environmentId: z.string(),
  sessionId: SessionId,
  /** `queued`: no claim has been acknowledged. `stopping`: the worker should stop. */
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
  /** Valid for this item and session for one day, or until the item stops or another worker claims it. */
  readonly token: string;
}
export interface WorkPollOptions {
  readonly workerId?: string | undefined;
  /** 0: return immediately. */
  readonly blockMs: number;
  /** An unacknowledged claim lapses after this time. */
  readonly reclaimMs: number;
  /** The credential used to poll. Revoking it also revokes the claimed item's token. */
  readonly maker: CredentialIssuer;
  readonly signal: AbortSignal;
}
export interface WorkHeartbeatOptions {
  /** The worker's last known heartbeat time, in epoch ms. Null: none. Undefined: no check. */
  readonly expected: number | null | undefined;
  readonly ttlSeconds?: number | undefined;
}
export interface WorkLease {
  readonly state: WorkState;
  readonly heartbeatAt: number | null;
  readonly ttlSeconds: number;
  /** `mismatch`: the item is not claimed or may have another worker. Nothing changed. */
  readonly outcome: 'extended' | 'ended' | 'mismatch';
}
export interface WorkQueueStats {
  readonly waiting: number;
  /** Claimed but not acknowledged. */
  readonly claimed: number;
  readonly oldestQueuedAt: number | null;
  /** The number of workers that polled this server in the last 30 s. */
  readonly workers: number;
}

/** `seal`: a hash of the server's token. No field is set if authentication is off. */
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

/** Methods reject with not_found for an unknown environment or item. */
export interface WorkQueueService {
  /** Queues the session, unless it has an open item. */
  enqueue(environmentId: string, sessionId: SessionId): Promise<void>;
  /** Removes the session's item if it is queued, and sets it to `stopping` if a worker has it. */
  withdraw(environmentId: string, sessionId: SessionId): Promise<void>;
  /** Claims the oldest item. Undefined: no item arrived in time. */
  poll(environmentId: string, options: WorkPollOptions): Promise<ClaimedWork | undefined>;
  /** Removes a claimed item from the queue. Rejects: conflict (the item is not claimed). */
  acknowledge(environmentId: string, workId: string): Promise<WorkItem>;
  beat(environmentId: string, workId: string, options: WorkHeartbeatOptions): Promise<WorkLease>;
  /** Stops immediately if queued or forced; otherwise, asks the worker to stop. Rejects: conflict (already stopped). */
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
  readonly work?: { readonly id: string; readonly sessionId: SessionId };
  readonly keyId?: string;
  readonly maker: CredentialIssuer;
  /** Fires when the key is revoked, the item stops, or another worker claims it. */
  readonly ended: AbortSignal;
}
/** Checks workers' credentials, which are accepted nowhere else in the server. */
export interface WorkerAuthenticator {
  /** Undefined if invalid, or if the item stopped or another worker claimed it. Rejects: unauthorized (revoked key). */
  find(credential: string): Promise<WorkerIdentity | undefined>;
}
