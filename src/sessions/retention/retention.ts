import { z } from 'zod';
import type { Driver } from '../../../drivers/driver.ts';
import { createTimeoutSignal, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import { waitForNextLoopTurn } from '../../core/contracts/clock.ts';
import type { EventLog } from '../../core/contracts/ports.ts';
import { type ServerDependencies, ServerPart } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import type { EngineLogger } from '../engine/logger.ts';
import type { Ownership } from '../engine/ownership.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import type { SessionStreamRegistry } from '../engine/watchers.ts';
import { StoredSession } from '../run/log/projection.ts';
import { LogSizeEstimator } from './log-sizes.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly watchers: SessionStreamRegistry;
  readonly name: string;
  readonly ttlMs: number;
}
const kind = 'viewed'; // ids have the form `<session>:viewed:<server>`
const Until = z.object({ until: z.number() });

/** Stores which sessions have viewers on each server, so that no server deletes a session viewed on another. */
class ViewedSessions extends ServerPart<Deps> {
  #reported: ReadonlySet<SessionId> = new Set();

  async tell(): Promise<void> {
    const { records, watchers, clock, ttlMs } = this.deps;
    const now = new Set(watchers.inUse());
    for (const id of now) await records.put({ kind, id: this.#key(id), doc: { until: clock.now() + ttlMs } });
    for (const id of this.#reported) if (!now.has(id)) await records.delete(kind, this.#key(id));
    this.#reported = now;
  }

  async isElsewhere(id: SessionId): Promise<boolean> {
    const { records, clock } = this.deps;
    const found = await records.list(kind, { idPrefix: `${id}:` });
    return found.some((it) => it.id !== this.#key(id) && Until.parse(it.doc).until > clock.now());
  }

  #key = (id: SessionId): string => `${SessionId.parse(id)}:viewed:${this.deps.name}`;
}

export interface RetentionDeps extends Pick<ServerDependencies, 'clock' | 'store'> {
  readonly policyOf: () => RetentionPolicy;
  readonly log: Pick<EventLog, 'onAppend'>;
  readonly driver: Pick<Driver, 'list'>;
  readonly liveSessions: Pick<LiveSessions, 'get'>;
  readonly commands: Pick<SessionCommands, 'change'>;
  readonly watchers: SessionStreamRegistry;
  readonly logger: Pick<EngineLogger, 'info' | 'warn'>;
  readonly ownership: Pick<Ownership, 'isElsewhere'>;
  /** Whether this server currently applies the retention policy. Two servers doing so would be harmless. */
  readonly mayDeleteOld: () => Promise<boolean>;
  readonly name: string;
  readonly remove: (id: SessionId) => Promise<void>;
  /** Deletes unreferenced blobs older than `before` (epoch ms) and resolves with their number. */
  readonly collect: (before: number, signal: AbortSignal) => Promise<number>;
  readonly everyMs: number;
}
const batch = 50; // sessions per round
const blobAgeMs = 60 * 60 * 1_000; // longer than any append takes
const listMs = 20_000;
const readAtOnce = 500;

/** Deletes and trims old sessions according to the retention policy, in small batches. Never touches a session in use. */
export class RetentionEnforcer extends ServerPart<RetentionDeps> {
  readonly #sizes = new LogSizeEstimator(this.deps.store);
  readonly #viewed: ViewedSessions | undefined;
  /** Sessions that were overdue in the previous round. The extra round gives a viewer time to keep the session. */
  #marked: ReadonlySet<SessionId> = new Set();

  constructor(deps: RetentionDeps) {
    super(deps);
    const { store, log, watchers, clock, name, everyMs } = deps;
    if (store.shared)
      this.#viewed = new ViewedSessions({ records: store.records, watchers, clock, name, ttlMs: 3 * everyMs });
    else log.onAppend(({ sessionId }) => this.#sizes.grew(sessionId));
  }

  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, clock, logger } = this.deps;
    const onError = (err: unknown) => logger.warn({ err }, 'old sessions could not be looked through; trying again');
    await runAtIntervals(() => this.round(signal), { everyMs, clock, onError }, signal);
  }

  async round(signal: AbortSignal): Promise<void> {
    const { policyOf, mayDeleteOld, clock, collect, logger } = this.deps;
    const policy = policyOf();
    if (hasRetentionLimit(policy)) await this.#viewed?.tell();
    if (!(await mayDeleteOld())) {
      this.#marked = new Set();
      return;
    }
    const blobs = await collect(clock.now() - blobAgeMs, signal);
    if (blobs > 0) logger.info({ blobs }, 'unreferenced blobs were removed');
    if (!hasRetentionLimit(policy) && !hasByteLimit(policy)) return;
    const known = hasByteLimit(policy) ? await this.#sizes.refresh(policy.maxSessionBytes, signal) : undefined;
    const needsSizes = known ? policy.maxBytes > 0 && known.total > policy.maxBytes : hasByteLimit(policy);
    const sessions = await this.#candidates(policy, needsSizes);
    if (needsSizes) await this.#sizes.of(sessions, signal);
    if (policy.maxSessionBytes > 0) {
      const long = known && !needsSizes ? await this.#present(known.longer) : sessions;
      await this.#shorten(long, policy.maxSessionBytes, signal);
    }
    const bytes = needsSizes ? await this.#sizes.of(sessions, signal) : new Map<SessionId, number>();
    await this.#delete(findOverdueSessions(policy, sessions, bytes, clock.now()), signal);
  }

  async #present(ids: readonly SessionId[]): Promise<StoredSession[]> {
    const found: StoredSession[] = [];
    for (const id of ids) {
      const session = await this.#stored(id);
      if (session) found.push(session);
      else this.#sizes.forget(id);
    }
    return found;
  }

  async #candidates(policy: RetentionPolicy, needsSizes: boolean): Promise<StoredSession[]> {
    const { store, clock } = this.deps;
    const countsAll =
      needsSizes || (policy.maxSessions > 0 && (await store.records.count('session')) > policy.maxSessions);
    const found: StoredSession[] = [];
    const oldest = { sort: clock.now() - policy.days * dayMs, id: '' };
    for (let after = countsAll ? undefined : oldest; countsAll || policy.days > 0; ) {
      const rows = await store.records.list('session', { limit: readAtOnce, ...(after && { after }) });
      found.push(...rows.map(({ doc }) => StoredSession.parse(doc)));
      const last = found.at(-1);
      if (!last || rows.length < readAtOnce) break;
      after = { sort: last.latestMessageAt, id: last.id };
      await waitForNextLoopTurn();
    }
    return found;
  }

  async #delete(due: readonly SessionId[], signal: AbortSignal): Promise<void> {
    const { logger, remove } = this.deps;
    const again = due.filter((id) => this.#marked.has(id)).slice(0, batch);
    this.#marked = new Set(due);
    if (again.length === 0) return;
    const sandboxes = await this.#sandboxes(signal);
    for (const id of again) {
      throwIfAborted(signal);
      if (sandboxes.has(id) || !(await this.#isUnused(id))) continue;
      await remove(id).then(
        () => logger.info({ session: id }, 'session deleted by the retention settings'),
        (thrown: unknown) => {
          if (toAppError(thrown).code !== 'session_not_found') throw thrown; // another server deleted it first
        },
      );
    }
  }

  /** Whether this server owns the session and nobody uses it. The caller deletes it immediately afterwards. */
  async #isUnused(id: SessionId): Promise<boolean> {
    const { liveSessions, commands, watchers, ownership } = this.deps;
    if (liveSessions.get(id) || watchers.isInUse(id) || (await ownership.isElsewhere(id))) return false;
    if (await this.#viewed?.isElsewhere(id)) return false;
    try {
      const before = await this.#stored(id);
      const now = await commands.change(id, {});
      return before?.lastSeq === now.lastSeq && isDeletable(now) && !watchers.isInUse(id);
    } catch (thrown) {
      const { code } = toAppError(thrown);
      if (code === 'fenced' || code === 'session_not_found') return false;
      throw thrown;
    }
  }

  async #stored(id: SessionId): Promise<StoredSession | undefined> {
    const found = await this.deps.store.records.get('session', id);
    return found && StoredSession.parse(found.doc);
  }

  /** Drops events that are stored in full elsewhere, then the oldest. A cursor to a dropped event gets a resync. */
  async #shorten(sessions: readonly StoredSession[], maxBytes: number, signal: AbortSignal): Promise<void> {
    const { store, liveSessions, ownership } = this.deps;
    let done = 0;
    for (const record of sessions) {
      const { id } = record;
      if (this.#sizes.bytesOf(id) <= maxBytes || record.deleting || record.openRuns.length > 0) continue;
      if (liveSessions.get(id) || (await ownership.isElsewhere(id))) continue;
      throwIfAborted(signal);
      if (done++ === batch) return;
      const all = Number.MAX_SAFE_INTEGER;
      await store.events.compact(id, { keepDroppable: 1, keepAll: all });
      if ((await this.#sizes.measure(id)) <= maxBytes) continue;
      const keepAll = await this.#sizes.fitting(id, maxBytes);
      await store.events.compact(id, { keepDroppable: 1, keepAll });
      await this.#sizes.measure(id);
    }
  }

  /** A driver failure ends the round, so that no session in use is deleted. */
  async #sandboxes(signal: AbortSignal): Promise<ReadonlySet<SessionId>> {
    const { driver, clock } = this.deps;
    using until = createTimeoutSignal(listMs, clock, signal);
    const up = (await driver.list(until)).filter(({ phase }) => phase === 'ready' || phase === 'paused');
    return new Set(up.map(({ sessionId }) => sessionId));
  }
}

/** 0: no limit. */
export interface RetentionPolicy {
  readonly days: number;
  readonly maxSessions: number;
  /** Total bytes of all logs. */
  readonly maxBytes: number;
  /** Per log; above it, the oldest events are dropped. */
  readonly maxSessionBytes: number;
}

const dayMs = 24 * 60 * 60 * 1_000;

const hasRetentionLimit = ({ days, maxSessions, maxBytes }: RetentionPolicy): boolean =>
  days > 0 || maxSessions > 0 || maxBytes > 0;
const hasByteLimit = ({ maxBytes, maxSessionBytes }: RetentionPolicy): boolean => maxBytes > 0 || maxSessionBytes > 0;

const isDeletable = ({ deleting, openRuns, status, favorite, pinned, shared }: StoredSession): boolean =>
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
