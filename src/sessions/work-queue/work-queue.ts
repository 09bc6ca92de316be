import { combineSignals, waitAtMost } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict, toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { changeRecord, changeRecordWithResult } from '../../storage/collection.ts';
import type {
  CredentialIssuer,
  EnvironmentKey,
  NewEnvironmentKey,
  WorkerAuthenticator,
  WorkerIdentity,
  WorkItem,
  WorkLease,
  WorkPollOptions,
  WorkQueueService,
} from '../api/server/work-queue.ts';
import {
  acknowledgeWorkItem,
  claimWorkItem,
  computeClaimableAt,
  computeWorkItemSortKey,
  createWorkItem,
  parseWorkId,
  recordHeartbeat,
  requestWorkItemStop,
  StoredWorkItem,
  stopWorkItem,
  toWorkItem,
  workIdOf,
} from './work-item.ts';

const maxNames = 10_000;

class RevocationSignals {
  readonly #controllers = new Map<string, AbortController>();

  of(name: string): AbortSignal {
    const known = this.#controllers.get(name) ?? new AbortController();
    this.#controllers.delete(name);
    this.#controllers.set(name, known);
    const [oldest] = this.#controllers.keys();
    if (this.#controllers.size > maxNames && oldest !== undefined) this.#controllers.delete(oldest);
    return known.signal;
  }

  end(name: string): void {
    this.#controllers.get(name)?.abort();
    this.#controllers.delete(name);
  }
}

interface WorkClaim {
  readonly environmentId: string;
  readonly sessionId: string;
  readonly number: number;
  readonly claim: number;
  readonly maker: CredentialIssuer;
}
interface WorkerKeys {
  create(
    environmentId: string,
    newEnvironmentKey: NewEnvironmentKey,
  ): Promise<{ readonly key: string; readonly view: EnvironmentKey }>;
  list(environmentId: string): Promise<readonly EnvironmentKey[]>;
  revoke(environmentId: string, id: string): Promise<EnvironmentKey>;
  find(presented: string): Promise<{ id: string; environmentId: string; maker: CredentialIssuer } | undefined>;
  findMaker(id: string): Promise<CredentialIssuer | undefined>;
  sign(claim: WorkClaim): Promise<string>;
  verifyClaim(token: string): Promise<WorkClaim | undefined>;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly keys: WorkerKeys;
  /** Rejects: session_not_found. */
  readonly session: (id: SessionId) => Promise<Pick<SessionRecord, 'archived'>>;
  /** Rejects: not_found. */
  readonly readOwner: (environmentId: string) => Promise<string | undefined>;
  readonly shared: boolean;
}
interface KeptItem {
  readonly item: StoredWorkItem;
  readonly version: number;
}

// newest items; ids begin with the session id, so erasing a session erases its items
const kind = 'work-item';
const pastKind = 'work-item-past'; // items before the newest, with ids `<session>:<number>`
const pageSize = 100;
const lookEveryMs = 250; // how often to check for items queued by other servers
const polledWithinMs = 30_000;
const missing = () => new AppError('not_found', 'The environment has no such work item.');
const pastId = ({ sessionId, number }: StoredWorkItem) => `${sessionId}:${String(number).padStart(9, '0')}`;

export class WorkQueue extends ServerComponent<Deps> implements WorkerAuthenticator {
  readonly #endings = new RevocationSignals();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #workers = new Map<string, number>();
  readonly service: WorkQueueService = {
    enqueue: (environmentId, sessionId) => this.enqueue(environmentId, sessionId),
    withdraw: (environmentId, sessionId) => this.#withdraw(environmentId, sessionId),
    poll: (environmentId, options) => this.#poll(environmentId, options),
    acknowledge: (environmentId, workId) => this.#acknowledge(environmentId, workId),
    beat: (environmentId, workId, options) => this.#beat(environmentId, workId, options),
    stop: (environmentId, workId, options) => this.#stop(environmentId, workId, options),
    items: async (environmentId) => (await this.#all(environmentId)).map(toWorkItem),
    item: async (environmentId, workId) => toWorkItem(await this.#change(environmentId, workId, (item) => item)),
    setMetadata: async (environmentId, workId, metadata) =>
      toWorkItem(await this.#change(environmentId, workId, (item) => ({ ...item, metadata }))),
    stats: (environmentId) => this.#stats(environmentId),
    createKey: (environmentId, newEnvironmentKey) => this.deps.keys.create(environmentId, newEnvironmentKey),
    keys: (environmentId) => this.deps.keys.list(environmentId),
    revokeKey: async (environmentId, keyId) => {
      const view = await this.deps.keys.revoke(environmentId, keyId);
      this.#endings.end(`key ${keyId}`);
      return view;
    },
  };

  async enqueue(environmentId: string, sessionId: SessionId): Promise<void> {
    const { records, clock } = this.deps;
    const queued = await changeRecord(records, { kind, id: sessionId }, async (found) => {
      const past = found && StoredWorkItem.parse(found.doc);
      if (past && past.state !== 'stopped') return undefined;
      const item = createWorkItem({
        environmentId,
        sessionId,
        number: (past?.number ?? 0) + 1,
        createdAt: clock.now(),
      });
      if (past) await records.put({ kind: pastKind, id: pastId(past), doc: past, sort: past.createdAt });
      return { doc: item, sort: computeWorkItemSortKey(item) };
    });
    if (queued) this.#waiting.get(environmentId)?.resolve();
  }

  async find(credential: string): Promise<WorkerIdentity | undefined> {
    const { keys } = this.deps;
    const key = await keys.find(credential);
    if (key)
      return await this.#identity(key, { keyId: key.id, maker: key.maker, ended: this.#endings.of(`key ${key.id}`) });
    const claim = await keys.verifyClaim(credential);
    if (!claim) return undefined;
    const { environmentKey } = claim.maker;
    const maker = environmentKey === undefined ? claim.maker : await keys.findMaker(environmentKey);
    if (!maker) return undefined;
    const item = (await this.#kept(claim.sessionId as SessionId))?.item;
    const isCurrent = item?.number === claim.number && item.claim === claim.claim && item.state !== 'stopped';
    if (!isCurrent) return undefined;
    const ofClaim = this.#endings.of(claimName(item));
    const ended = environmentKey ? combineSignals([ofClaim, this.#endings.of(`key ${environmentKey}`)]) : ofClaim;
    const work = { id: workIdOf(item), sessionId: item.sessionId };
    return await this.#identity(claim, { work, maker, ended });
  }

  async #identity(
    { environmentId }: Pick<WorkClaim, 'environmentId'>,
    rest: Omit<WorkerIdentity, 'environmentId' | 'owner'>,
  ): Promise<WorkerIdentity | undefined> {
    try {
      return { environmentId, owner: await this.deps.readOwner(environmentId), ...rest };
    } catch (thrown) {
      if (toAppError(thrown).code !== 'not_found') throw thrown; // not_found means that the environment was deleted
      return undefined;
    }
  }

  async #poll(environmentId: string, options: WorkPollOptions) {
    const { clock, shared } = this.deps;
    const { blockMs, workerId, signal } = options;
    if (workerId !== undefined) this.#saw(environmentId, workerId);
    const until = clock.now() + blockMs;
    for (;;) {
      const woken = this.#waiting.get(environmentId) ?? Promise.withResolvers<void>();
      this.#waiting.set(environmentId, woken);
      const found = await this.#claim(environmentId, options);
      const restMs = until - clock.now();
      if (found || restMs <= 0 || signal.aborted) return found;
      const gone = Promise.withResolvers<void>();
      const leave = () => gone.resolve();
      signal.addEventListener('abort', leave, { once: true });
      await waitAtMost(
        shared ? Math.min(restMs, lookEveryMs) : restMs,
        Promise.race([woken.promise, gone.promise]),
        clock,
      );
      signal.removeEventListener('abort', leave);
      if (this.#waiting.get(environmentId) === woken) this.#waiting.delete(environmentId);
    }
  }

  async #claim(environmentId: string, { reclaimMs, maker }: WorkPollOptions) {
    for await (const { item, version } of this.#claimable(environmentId, reclaimMs)) {
      const now = this.deps.clock.now();
      const isOver = item.state === 'stopping' || (await this.#hasEnded(item.sessionId));
      const next = isOver ? stopWorkItem(item, now) : claimWorkItem(item, now);
      const put = { kind, id: next.sessionId, doc: next, sort: computeWorkItemSortKey(next), expect: version };
      if ((await this.deps.records.put(put).catch(ignoreConflict)) === undefined) continue;
      this.#endings.end(claimName(item)); // stops streams of the item's previous worker
      if (isOver) continue;
      const { sessionId, number, claim } = next;
      return {
        ...toWorkItem(next),
        token: await this.deps.keys.sign({ environmentId, sessionId, number, claim, maker }),
      };
    }
    return undefined;
  }

  /** Yields items in order of waiting time, longest first. */
  async *#claimable(environmentId: string, reclaimMs: number): AsyncGenerator<KeptItem, void> {
    const { records, clock } = this.deps;
    let after: { sort: number; id: string } | undefined;
    for (;;) {
      const page = await records.list(kind, { parent: environmentId, limit: pageSize, ...(after && { after }) });
      for (const { id, doc, version } of page) {
        const item = StoredWorkItem.parse(doc);
        after = { sort: computeWorkItemSortKey(item), id };
        const now = clock.now();
        const soonest = computeClaimableAt(item, 0);
        if (soonest === undefined || soonest > now) return; // later items cannot be claimed yet either
        const from = computeClaimableAt(item, reclaimMs) ?? Number.POSITIVE_INFINITY;
        if (from <= now) yield { item, version };
      }
      if (page.length < pageSize) return;
    }
  }

  async #hasEnded(sessionId: SessionId): Promise<boolean> {
    try {
      return (await this.deps.session(sessionId)).archived === true;
    } catch (thrown) {
      if (toAppError(thrown).code !== 'session_not_found') throw thrown;
      return true;
    }
  }

  async #acknowledge(environmentId: string, workId: string): Promise<WorkItem> {
    const { clock } = this.deps;
    const item = await this.#change(environmentId, workId, (now) => {
      // Already acknowledged or stopped. The next heartbeat reports a stop.
      if (now.state !== 'queued') return now;
      if (now.claimedAt === null) throw new AppError('conflict', 'Nobody has claimed this item. Poll for it first.');
      return acknowledgeWorkItem(now, clock.now());
    });
    return toWorkItem(item);
  }

  async #beat(
    environmentId: string,
    workId: string,
    { expected, ttlSeconds }: Parameters<WorkQueueService['beat']>[2],
  ): Promise<WorkLease> {
    const { clock } = this.deps;
    let outcome: WorkLease['outcome'] = 'extended';
    const item = await this.#change(environmentId, workId, (now) => {
      outcome = 'ended';
      if (now.state === 'stopped') return now;
      outcome = 'extended';
      if (now.state === 'stopping') return recordHeartbeat(now, clock.now(), ttlSeconds);
      const isClaimed = now.claimedAt !== null;
      if (isClaimed && (expected === undefined || expected === now.heartbeatAt))
        return recordHeartbeat(now, clock.now(), ttlSeconds);
      outcome = 'mismatch';
      return now;
    });
    const { state, heartbeatAt, ttlSeconds: ttl } = item;
    return { state, heartbeatAt, ttlSeconds: ttl, outcome };
  }

  async #stop(environmentId: string, workId: string, { force }: { readonly force: boolean }): Promise<WorkItem> {
    const { clock } = this.deps;
    const item = await this.#change(environmentId, workId, (now) => {
      if (now.state === 'stopped') throw new AppError('conflict', 'The item is already stopped.');
      return force || now.state === 'queued' ? stopWorkItem(now, clock.now()) : requestWorkItemStop(now, clock.now());
    });
    if (item.state === 'stopped') this.#endings.end(claimName(item));
    return toWorkItem(item);
  }

  async #withdraw(environmentId: string, sessionId: SessionId): Promise<void> {
    const item = (await this.#kept(sessionId))?.item;
    if (!item || item.state === 'stopped' || item.environmentId !== environmentId) return;
    await this.#stop(environmentId, workIdOf(item), { force: false }).catch((thrown: unknown) => {
      if (!['conflict', 'not_found'].includes(toAppError(thrown).code)) throw thrown;
    });
  }

  async #stats(environmentId: string) {
    const { records, clock } = this.deps;
    const now = clock.now();
    const open = (await records.list(kind, { parent: environmentId })).map(({ doc }) => StoredWorkItem.parse(doc));
    const isQueued = (item: StoredWorkItem) =>
      item.state === 'queued' || (computeClaimableAt(item, 0) ?? now + 1) <= now;
    const queued = open.filter(isQueued);
    const isClaimed = ({ state, claimedAt }: StoredWorkItem) => state === 'queued' && claimedAt !== null;
    const pending = queued.filter(isClaimed).length;
    const begin = `${environmentId} `;
    const polled = [...this.#workers].filter(([name, at]) => name.startsWith(begin) && now - at <= polledWithinMs);
    return {
      waiting: queued.length - pending,
      claimed: pending,
      oldestQueuedAt: queued.length === 0 ? null : Math.min(...queued.map(({ createdAt }) => createdAt)),
      workers: polled.length,
    };
  }

  #saw(environmentId: string, workerId: string): void {
    const now = this.deps.clock.now();
    for (const [name, at] of this.#workers) {
      if (now - at <= polledWithinMs) break; // the remaining polls are newer
      this.#workers.delete(name);
    }
    const name = `${environmentId} ${workerId}`;
    this.#workers.delete(name);
    this.#workers.set(name, now);
  }

  async #all(environmentId: string): Promise<StoredWorkItem[]> {
    const { records } = this.deps;
    const of = { parent: environmentId };
    const both = await Promise.all([records.list(kind, of), records.list(pastKind, of)]);
    return both
      .flat()
      .map(({ doc }) => StoredWorkItem.parse(doc))
      .sort((a, b) => b.createdAt - a.createdAt || b.number - a.number);
  }

  async #kept(sessionId: SessionId): Promise<KeptItem | undefined> {
    const found = await this.deps.records.get(kind, sessionId);
    return found && { item: StoredWorkItem.parse(found.doc), version: found.version };
  }

  /** Changes only the session's newest item. Returns older items unchanged. */
  async #change(
    environmentId: string,
    workId: string,
    change: (item: StoredWorkItem) => StoredWorkItem,
  ): Promise<StoredWorkItem> {
    const { records } = this.deps;
    const parts = parseWorkId(workId);
    if (!parts) throw missing();
    const place = { kind, id: parts.sessionId };
    return await changeRecordWithResult<StoredWorkItem>(records, place, async (found) => {
      const newest = found && StoredWorkItem.parse(found.doc);
      if (newest?.environmentId !== environmentId) throw missing();
      const past =
        newest.number === parts.number
          ? undefined
          : await records.get(pastKind, pastId({ ...newest, number: parts.number }));
      if (newest.number !== parts.number && !past) throw missing();
      const now = past ? StoredWorkItem.parse(past.doc) : newest;
      const next = change(now);
      return past || next === now ? { value: now } : { value: next, doc: next, sort: computeWorkItemSortKey(next) };
    });
  }
}

const claimName = ({ sessionId, number, claim }: Pick<StoredWorkItem, 'sessionId' | 'number' | 'claim'>) =>
  `claim ${sessionId} ${number} ${claim}`;
