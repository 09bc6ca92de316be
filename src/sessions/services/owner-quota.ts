import { keyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { ListQuery } from '../api/sessions.ts';
import type { StoredSession } from '../run/log/projection.ts';

/** Limits per owner; 0 is no limit. Sessions without an owner, such as those of the server's own token, are not counted. */
export interface OwnerLimits {
  readonly sessions: number;
  /** Sessions whose sandbox starts for the first time. A limit, because other owners' sandboxes wait in the same queue. */
  readonly starting: number;
}
interface Deps {
  readonly limits: OwnerLimits;
  /** The current record; undefined when there is none. */
  readonly get: (id: SessionId) => Promise<StoredSession | undefined>;
  readonly part: (query: ListQuery) => Promise<readonly SessionRecord[]>;
  readonly clock: Clock;
  /** A sandbox that has not started after this time is no longer counted. */
  readonly startTimeoutMs: number;
}
type CreateSession = () => Promise<SessionRecord>;
const retryAfterMs = 2_000;

/**
 * Creates a session when its owner is below the limits. Calls of one owner run one after the other, so none evades the
 * count.
 */
export function ownerQuota({
  limits,
  get,
  part,
  clock,
  startTimeoutMs,
}: Deps): (owner: string | undefined, make: CreateSession) => Promise<SessionRecord> {
  const turns = keyedQueue();
  const asking = new Map<string, number>();
  const starting = new Map<string, Map<SessionId, number>>();

  const tooManyAtOnce = () => {
    const message = `${limits.starting} of your sessions are being started already, the most at once. Try again in a moment.`;
    return new AppError('rate_limited', message, { retryAfterMs });
  };

  async function checkTotal(owner: string): Promise<void> {
    if (limits.sessions === 0) return;
    const keep = (session: SessionRecord) => session.owner === owner;
    const own = await part({ limit: limits.sessions, after: undefined, keep });
    if (own.length < limits.sessions) return;
    const message = `You have ${limits.sessions} sessions already, the most for one owner. Delete some first.`;
    throw new AppError('quota', message);
  }

  /** Drops sessions whose sandbox started, failed or ended, and deleted ones. */
  async function stillStarting(owner: string): Promise<Map<SessionId, number>> {
    const known = starting.get(owner) ?? new Map<SessionId, number>();
    for (const [id, since] of known) {
      const record = clock.now() - since < startTimeoutMs ? await get(id) : undefined;
      if (record?.sandboxState !== 'created' || record.deleting) known.delete(id);
    }
    if (known.size === 0) starting.delete(owner);
    return known;
  }

  async function makeOne(owner: string, make: CreateSession): Promise<SessionRecord> {
    await checkTotal(owner);
    if (limits.starting === 0) return await make();
    const known = await stillStarting(owner);
    if (known.size >= limits.starting) throw tooManyAtOnce();
    const session = await make();
    starting.set(owner, known.set(session.id, clock.now()));
    return session;
  }

  return async (owner, make) => {
    if (owner === undefined || (limits.sessions === 0 && limits.starting === 0)) return await make();
    const waiting = asking.get(owner) ?? 0;
    if (limits.starting > 0 && waiting >= limits.starting) throw tooManyAtOnce();
    asking.set(owner, waiting + 1);
    try {
      return await turns(owner, () => makeOne(owner, make));
    } finally {
      const left = (asking.get(owner) ?? 1) - 1;
      if (left > 0) asking.set(owner, left);
      else asking.delete(owner);
    }
  };
}
