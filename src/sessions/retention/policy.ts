import type { SessionId } from '../../core/model/ids.ts';
import type { StoredSession } from '../run/log/projection.ts';

/** How much history to keep; 0 means no limit. */
export interface RetentionPolicy {
  readonly days: number;
  readonly maxSessions: number;
  /** Total bytes of all logs. */
  readonly maxBytes: number;
  /** Bytes per log; above it, the oldest events are dropped. */
  readonly maxSessionBytes: number;
}

export const dayMs = 24 * 60 * 60 * 1_000;

export const hasRetentionLimit = ({ days, maxSessions, maxBytes }: RetentionPolicy): boolean =>
  days > 0 || maxSessions > 0 || maxBytes > 0;
export const hasByteLimit = ({ maxBytes, maxSessionBytes }: RetentionPolicy): boolean =>
  maxBytes > 0 || maxSessionBytes > 0;

export const isDeletable = ({ deleting, openRuns, status, favorite, pinned, shared }: StoredSession): boolean =>
  !(deleting || openRuns.length > 0 || status === 'running' || status === 'waiting' || favorite || pinned || shared);

/** The sessions to delete, longest idle first; never more than the policy requires. */
export function findOverdueSessions(
  policy: RetentionPolicy,
  sessions: readonly StoredSession[],
  bytesOf: ReadonlyMap<SessionId, number>,
  now: number,
): SessionId[] {
  const stored = sessions.filter(({ deleting }) => !deleting);
  const before = policy.days > 0 ? now - policy.days * dayMs : Number.NEGATIVE_INFINITY;
  let count = stored.length;
  let bytes = stored.reduce((sum, { id }) => sum + (bytesOf.get(id) ?? 0), 0);
  const go: SessionId[] = [];
  for (const { id, updatedAt } of stored.filter(isDeletable).sort((a, b) => a.updatedAt - b.updatedAt)) {
    const tooMany = policy.maxSessions > 0 && count > policy.maxSessions;
    const tooLarge = policy.maxBytes > 0 && bytes > policy.maxBytes;
    if (updatedAt >= before && !tooMany && !tooLarge) break;
    go.push(id);
    count -= 1;
    bytes -= bytesOf.get(id) ?? 0;
  }
  return go;
}
