import { z } from 'zod';
import { SessionId } from '../../../core/model/ids.ts';
import type { ServiceRules } from '../rules.ts';

export const workStates = ['queued', 'starting', 'active', 'stopping', 'stopped'] as const;
export type WorkState = (typeof workStates)[number];

/** A session of a self-hosted environment that wants a worker. A session has at most one open item. Times are epoch ms. */
export const WorkItem = z.object({
  /** `work_`, the session's id, `x`, and the number of the item in that session. */
  id: z.string(),
  environmentId: z.string(),
  sessionId: SessionId,
  /** `queued`: also while a claim is not acknowledged. `stopping`: its worker is to stop. */
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
/** The claim of one worker. Only its answer has the token. */
export interface ClaimedWork extends WorkItem {
  /** A credential for this item and its session, until another worker claims the item or it is stopped; a day at most. */
  readonly token: string;
}
export interface PollOptions {
  readonly workerId?: string | undefined;
  /** How long to wait for an item, in ms; 0: not at all. */
  readonly blockMs: number;
  /** A claim that is not acknowledged lapses after this time, in ms. */
  readonly reclaimMs: number;
  /** The credential by which the worker came, with which the token ends. */
  readonly maker: CredentialIssuer;
  readonly signal: AbortSignal;
}
export interface BeatOptions {
  /** Null: the worker has sent none. Undefined: it does not say. */
  readonly expected: number | null | undefined;
  readonly ttlSeconds?: number | undefined;
}
/** The lease of an item after a heartbeat. */
export interface WorkLease {
  readonly state: WorkState;
  readonly heartbeatAt: number | null;
  readonly ttlSeconds: number;
  /** `mismatch`: another worker may have the item, and nothing has changed. */
  readonly outcome: 'extended' | 'ended' | 'mismatch';
}
export interface QueueStats {
  readonly waiting: number;
  /** Claimed, and not acknowledged. */
  readonly claimed: number;
  readonly oldestQueuedAt: number | null;
  /** The workers that polled this server within 30 s. */
  readonly workers: number;
}

/** The API key behind a credential, or the seal of the server's own token; both absent: the server asks for no credential. */
export interface CredentialIssuer {
  readonly key?: string | undefined;
  readonly seal?: string | undefined;
  readonly environmentKey?: string | undefined;
}
/** A key of workers of one environment, without its secret. */
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

/** The queues of self-hosted environments. Each method takes the environment's id first, and rejects with not_found. */
export interface WorkQueueService {
  /** Queues the session, unless it has an open item. */
  enqueue(environmentId: string, sessionId: SessionId): Promise<void>;
  /** Takes a session from the queue that has ended; a worker that serves it gets a stop signal. */
  withdraw(environmentId: string, sessionId: SessionId): Promise<void>;
  /** Claims the item that waits longest. Resolves with undefined when there is none in time. */
  poll(environmentId: string, options: PollOptions): Promise<ClaimedWork | undefined>;
  /** The claimed item leaves the queue. Rejects: conflict (nobody claimed it). */
  acknowledge(environmentId: string, workId: string): Promise<WorkItem>;
  beat(environmentId: string, workId: string, options: BeatOptions): Promise<WorkLease>;
  /** `force`: immediately. Without it the worker stops it. Rejects: conflict (it is stopped already). */
  stop(environmentId: string, workId: string, options: { readonly force: boolean }): Promise<WorkItem>;
  /** The newest first. */
  items(environmentId: string): Promise<readonly WorkItem[]>;
  item(environmentId: string, workId: string): Promise<WorkItem>;
  setMetadata(environmentId: string, workId: string, metadata: WorkItem['metadata']): Promise<WorkItem>;
  stats(environmentId: string): Promise<QueueStats>;
  /** The key is shown this once. Rejects: quota (100 keys of an environment). */
  createKey(
    environmentId: string,
    newEnvironmentKey: NewEnvironmentKey,
  ): Promise<{ readonly key: string; readonly view: EnvironmentKey }>;
  /** The newest first, with the revoked ones. */
  keys(environmentId: string): Promise<readonly EnvironmentKey[]>;
  /** Ends the streams of its workers too. Rejects: not_found. */
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

/** The caller behind a credential of workers, and all that it can reach. */
export interface WorkerIdentity {
  readonly environmentId: string;
  readonly owner: string | undefined;
  /** Only of a session's token: the item that its worker has claimed. */
  readonly work?: { readonly id: string; readonly sessionId: SessionId };
  /** Only of an environment's key. */
  readonly keyId?: string;
  readonly maker: CredentialIssuer;
  /** Fires when the credential ends on this server. */
  readonly ended: AbortSignal;
}
/** The credentials of workers, which no other part of the server accepts. */
export interface WorkerCredentials {
  /** Undefined: wrong, or of an item that another worker has. Rejects: unauthorized (its key was revoked). */
  find(credential: string): Promise<WorkerIdentity | undefined>;
}
