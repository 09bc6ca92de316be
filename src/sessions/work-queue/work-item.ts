import { z } from 'zod';
import { SessionId } from '../../core/model/ids.ts';
import { WorkItem } from '../api/server/work-queue.ts';

export const defaultLeaseTtlSeconds = 90;
const maxTtlSeconds = 300;

export const StoredWorkItem = WorkItem.omit({ id: true }).extend({
  /** Starts at 1 in each session. */
  number: z.int(),
  /** Number of claims. Tokens of earlier claims are invalid. */
  claim: z.int(),
  claimedAt: z.number().nullable(),
  leaseEndsAt: z.number().nullable(),
  ttlSeconds: z.int(),
});
export type StoredWorkItem = z.output<typeof StoredWorkItem>;

export const createWorkItem = (
  of: Pick<StoredWorkItem, 'environmentId' | 'sessionId' | 'number' | 'createdAt'>,
): StoredWorkItem => ({
  ...of,
  state: 'queued',
  metadata: {},
  claim: 0,
  claimedAt: null,
  acknowledgedAt: null,
  startedAt: null,
  heartbeatAt: null,
  leaseEndsAt: null,
  ttlSeconds: defaultLeaseTtlSeconds,
  stopRequestedAt: null,
  stoppedAt: null,
});

export const workIdOf = ({ sessionId, number }: Pick<StoredWorkItem, 'sessionId' | 'number'>): string =>
  `work_${sessionId}x${number}`;
const idForm = /^work_([0-9a-f]{16})x([1-9]\d{0,8})$/;
export function parseWorkId(id: string): { readonly sessionId: SessionId; readonly number: number } | undefined {
  const [, session = '', number = ''] = idForm.exec(id) ?? [];
  return session === '' ? undefined : { sessionId: SessionId.parse(session), number: Number(number) };
}

export const toWorkItem = ({
  number,
  claim: _,
  claimedAt: __,
  leaseEndsAt: ___,
  ttlSeconds: ____,
  ...shown
}: StoredWorkItem): WorkItem => ({ id: workIdOf({ ...shown, number }), ...shown });

export function computeClaimableAt(item: StoredWorkItem, reclaimMs: number): number | undefined {
  if (item.state === 'stopped') return undefined;
  if (item.state === 'queued') return item.claimedAt === null ? item.createdAt : item.claimedAt + reclaimMs;
  return item.leaseEndsAt ?? item.createdAt;
}

/** Highest for items that can be claimed soonest, because the store sorts in descending order. */
export function computeWorkItemSortKey(item: StoredWorkItem): number {
  const from = computeClaimableAt(item, 0);
  return from === undefined ? 0 : latest - from;
}
const latest = 8.64e15;

export const claimWorkItem = (item: StoredWorkItem, now: number): StoredWorkItem => ({
  ...item,
  state: 'queued',
  claim: item.claim + 1,
  claimedAt: now,
  acknowledgedAt: null,
  startedAt: null,
  heartbeatAt: null,
  leaseEndsAt: null,
});

/** Starts the lease within which the first heartbeat must arrive. */
export const acknowledgeWorkItem = (item: StoredWorkItem, now: number): StoredWorkItem => ({
  ...item,
  state: 'starting',
  acknowledgedAt: now,
  leaseEndsAt: now + item.ttlSeconds * 1_000,
});

/** Times identify heartbeats, so each time is later than the previous one. */
export function recordHeartbeat(
  item: StoredWorkItem,
  now: number,
  wishSeconds = defaultLeaseTtlSeconds,
): StoredWorkItem {
  const ttlSeconds = Math.min(Math.max(1, wishSeconds), maxTtlSeconds);
  return {
    ...item,
    state: item.state === 'stopping' ? 'stopping' : 'active',
    acknowledgedAt: item.acknowledgedAt ?? now,
    startedAt: item.startedAt ?? now,
    heartbeatAt: Math.max(now, (item.heartbeatAt ?? 0) + 1),
    leaseEndsAt: now + ttlSeconds * 1_000,
    ttlSeconds,
  };
}

export const requestWorkItemStop = (item: StoredWorkItem, now: number): StoredWorkItem =>
  item.state === 'stopping' ? item : { ...item, state: 'stopping', stopRequestedAt: now };

export const stopWorkItem = (item: StoredWorkItem, now: number): StoredWorkItem => ({
  ...item,
  state: 'stopped',
  leaseEndsAt: null,
  stopRequestedAt: item.stopRequestedAt ?? now,
  stoppedAt: now,
});
