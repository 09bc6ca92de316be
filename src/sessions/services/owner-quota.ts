import { keyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { Collection } from '../../storage/collection.ts';
import { StoredSession } from '../run/log/projection.ts';

/** Limits per owner; 0 is no limit. Sessions without an owner, such as those of the server's own token, are not counted. */
export interface OwnerLimits {
  /** At all servers of the store. */
  readonly sessions: number;
  /** Sessions of this server whose sandbox starts for the first time. A limit, because other owners' sandboxes wait in the same queue. */
  readonly starting: number;
}
interface Deps {
  readonly limits: OwnerLimits;
  /** The current record; undefined when there is none. */
  readonly get: (id: SessionId) => Promise<StoredSession | undefined>;
  readonly records: RecordStore;
  readonly newId: () => SessionId;
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
  records,
  newId,
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

  const missing = () => new AppError('session_not_found', 'There is no such session.');
  const sessions = new Collection<StoredSession>(records, { kind: 'session', schema: StoredSession, missing });
  const quota = {
    most: limits.sessions,
    text: `You have ${limits.sessions} sessions already, the most for one owner. Delete some first.`,
    counts: ({ deleting }: StoredSession) => !deleting,
  };
  const makeWithin = (owner: string, make: CreateSession): Promise<SessionRecord> =>
    limits.sessions === 0 ? make() : sessions.within({ ...quota, now: clock.now() }, { id: newId(), owner }, make);

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
    if (limits.starting === 0) return await makeWithin(owner, make);
    const known = await stillStarting(owner);
    if (known.size >= limits.starting) throw tooManyAtOnce();
    const session = await makeWithin(owner, make);
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
