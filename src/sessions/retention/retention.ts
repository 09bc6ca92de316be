import { z } from 'zod';
import type { Driver } from '../../../drivers/driver.ts';
import { createTimeoutSignal, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import { RecordWatcher } from '../../core/contracts/changed-records.ts';
import { waitForNextLoopTurn } from '../../core/contracts/clock.ts';
import type { EventLog, LogTrimMarks, Store } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import type { EngineLogger } from '../engine/logger.ts';
import type { Ownership } from '../engine/ownership.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import type { SessionStreamRegistry } from '../engine/watchers.ts';
import { StoredSession } from '../run/log/projection.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly watchers: SessionStreamRegistry;
  readonly name: string;
  readonly ttlMs: number;
}
const kind = 'viewed'; // ids have the form `<session>:viewed:<server>`
const Until = z.object({ until: z.number() });

/** Records the sessions viewed on this server, so that no other server deletes them. */
class ViewedSessions extends ServerComponent<Deps> {
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
  /** Whether this server currently applies the retention policy. It is harmless if two servers do so at once. */
  readonly mayDeleteOld: () => Promise<boolean>;
  readonly name: string;
  readonly remove: (id: SessionId) => Promise<void>;
  /** Deletes unreferenced blobs created before `before` (epoch ms). Resolves with the number of deleted blobs. */
  readonly collect: (before: number, signal: AbortSignal) => Promise<number>;
  readonly everyMs: number;
}
const batch = 50; // sessions per round
const blobAgeMs = 60 * 60 * 1_000; // longer than any append takes
const listMs = 20_000;
const readAtOnce = 500;

/** Never touches a session in use. */
export class RetentionEnforcer extends ServerComponent<RetentionDeps> {
  readonly #sizes = new LogSizeEstimator(this.deps.store);
  readonly #viewed: ViewedSessions | undefined;
  /** Sessions that were overdue in the previous round; only these are deleted, and only if they are not in use. */
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
    const onError = (err: unknown) => logger.warn({ err }, 'old sessions could not be checked; trying again');
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

  /** The caller deletes the session immediately afterwards. */
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

  /** First drops events that are stored in full elsewhere, then the oldest events. */
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

/** In each field, 0 means no limit. */
export interface RetentionPolicy {
  readonly days: number;
  readonly maxSessions: number;
  readonly maxBytes: number;
  /** Per log; the oldest events are dropped. */
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

interface MeasuredLog extends LogTrimMarks {
  readonly head: number;
  readonly bytes: number;
}
const pageSize = 256;

/** Reads only new events, except the first time and after each compaction. */
export class LogSizeEstimator extends ServerComponent<Pick<Store, 'events' | 'records' | 'shared'>> {
  readonly #news = this.deps.shared ? new RecordWatcher(this.deps.records, 'session') : undefined;
  readonly #known = new Map<SessionId, MeasuredLog>();
  readonly #grown = new Set<SessionId>();
  /** Logs that may have been compacted since they were measured. The next refresh measures them again. */
  #justMeasured: readonly SessionId[] = [];
  #areAllKnown = false;

  async of(sessions: readonly StoredSession[], signal: AbortSignal): Promise<ReadonlyMap<SessionId, number>> {
    this.#areAllKnown = false;
    const grown = new Set([...this.#grown, ...this.#justMeasured]);
    this.#justMeasured = [...this.#grown];
    this.#grown.clear();
    const ids = new Set(sessions.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    const bytes = new Map<SessionId, number>();
    const heads = await this.deps.events.heads([...ids]);
    for (const id of ids) {
      throwIfAborted(signal);
      const known = this.#known.get(id);
      bytes.set(id, known?.head === heads.get(id) && !grown.has(id) ? (known?.bytes ?? 0) : await this.measure(id));
    }
    this.#areAllKnown = true;
    return bytes;
  }

  /** Call for each log that grows, if no other server writes to the store. */
  grew(id: SessionId): void {
    this.#grown.add(id);
  }

  /** Resolves with undefined if not all logs have been measured yet. */
  async refresh(above: number, signal: AbortSignal): Promise<{ total: number; longer: SessionId[] } | undefined> {
    const { changed = [], gone = [] } = (await this.#news?.next()) ?? {};
    for (const { id } of changed) this.grew(SessionId.parse(id));
    for (const id of gone) this.forget(SessionId.parse(id));
    if (!this.#areAllKnown) return undefined;
    const grown = [...this.#grown];
    for (const id of new Set([...grown, ...this.#justMeasured])) {
      throwIfAborted(signal);
      await this.measure(id);
    }
    for (const id of grown) this.#grown.delete(id);
    this.#justMeasured = grown;
    const all = [...this.#known];
    return {
      total: all.reduce((sum, [, { bytes }]) => sum + bytes, 0),
      longer: all.filter(([, { bytes }]) => bytes > above).map(([id]) => id),
    };
  }

  forget(id: SessionId): void {
    this.#known.delete(id);
    this.#grown.delete(id);
    this.#justMeasured = this.#justMeasured.filter((one) => one !== id);
  }

  bytesOf(id: SessionId): number {
    return this.#known.get(id)?.bytes ?? 0;
  }

  async measure(id: SessionId): Promise<number> {
    const known = this.#known.get(id);
    const first = await this.deps.events.page(id, known?.head ?? 0, pageSize);
    const isSame = known?.thinned === first.thinned && known.trimmed === first.trimmed;
    let page = known && !isSame ? await this.deps.events.page(id, 0, pageSize) : first;
    let bytes = known && isSame ? known.bytes : 0;
    const { head, thinned, trimmed } = page;
    while (page.events.length > 0) {
      for (const event of page.events) bytes += sizeOf(event);
      page = await this.deps.events.page(id, page.events.at(-1)?.seq ?? head, pageSize);
    }
    this.#known.set(id, { head, thinned, trimmed, bytes });
    return bytes;
  }

  async fitting(id: SessionId, maxBytes: number): Promise<number> {
    const over = (await this.measure(id)) - maxBytes;
    let [count, passed, after] = [0, 0, 0];
    for (;;) {
      const { events } = await this.deps.events.page(id, after, pageSize);
      if (events.length === 0) return count;
      for (const event of events) {
        if (passed >= over) count++;
        passed += sizeOf(event);
        after = event.seq;
      }
    }
  }
}

const sizeOf = (event: object): number => Buffer.byteLength(JSON.stringify(event));
