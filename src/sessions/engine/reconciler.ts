import type { Driver, SandboxInfo } from '../../../drivers/driver.ts';
import { neverAbortingSignal, raceAbort, runWithTimeout, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { isUnfinished, type StoredSession } from '../run/log/projection.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { EngineLogger } from './logger.ts';
import type { Ownership } from './ownership.ts';
import type { Supervisor } from './supervisor.ts';
import { deleteUnfinishedMark, readStoredSessions, readUnfinishedSessions } from './unfinished-sessions.ts';

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly driver: Pick<Driver, 'list' | 'destroy'>;
  readonly store: Pick<Store, 'records' | 'settle'>;
  readonly supervisor: Pick<Supervisor, 'wake' | 'hasSandbox'>;
  readonly liveSessions: Pick<LiveSessions, 'offer' | 'get'>;
  readonly logger: EngineLogger;
  /** Sandboxes that no session has claimed for this long are destroyed. */
  readonly graceMs: number;
  readonly everyMs: number;
  readonly remove: (id: SessionId) => Promise<void>;
  readonly ownership?: Pick<Ownership, 'isElsewhere'>;
  readonly isWithPeer?: (id: SessionId) => boolean;
  /** Whether the sandbox is reserved for a future session. */
  readonly isReady?: (id: SessionId) => boolean;
  /** Whether this server destroys unclaimed sandboxes. Two servers may do so safely. */
  readonly mayReap?: () => Promise<boolean>;
}
const callMs = 20_000;

export class Reconciler extends ServerComponent<Deps> {
  readonly #unclaimed = new Map<string, number>();
  readonly #offered = new Set<string>();
  readonly #removing = new Set<SessionId>();
  /** Sessions with a sandbox at start-up. Empty once `recover` has woken them. */
  #waiting: SessionId[] = [];
  #isSettled = false;
  /** Limits the warnings to one per outage. */
  #isAway = false;
  #up: readonly SandboxInfo[] = [];

  get up(): readonly SandboxInfo[] {
    return this.#up;
  }

  /** Offers running sandboxes to their sessions for adoption. Runs before the server accepts requests. */
  async offer(signal: AbortSignal): Promise<void> {
    const { liveSessions, logger } = this.deps;
    const sandboxes = await this.#list(signal).catch((error: unknown) => {
      logger.warn({ err: error }, 'sandboxes could not be listed; retrying soon');
      return [];
    });
    for (const sandbox of sandboxes.filter(isUp)) {
      this.#offered.add(sandbox.id);
      liveSessions.offer(sandbox.sessionId, sandbox.expiresAt);
      this.#waiting.push(sandbox.sessionId);
    }
  }

  /** Continues runs, finishes removals and adopts sandboxes, in parallel with requests. */
  async recover(signal: AbortSignal = neverAbortingSignal): Promise<void> {
    const { supervisor, store } = this.deps;
    if (!this.#isSettled) await raceAbort(store.settle(), signal);
    this.#isSettled = true;
    const offered = await raceAbort(readStoredSessions(store.records, this.#waiting), signal);
    this.#waiting = [];
    for (const record of offered) if (!record.deleting) supervisor.wake(record.id, 'absent');
    await this.#goOn(signal);
  }

  async inherit(ids: readonly SessionId[], signal: AbortSignal): Promise<void> {
    if (ids.length === 0) return;
    const running = new Map((await this.#list(signal)).filter(isUp).map((sandbox) => [sandbox.sessionId, sandbox]));
    for (const record of await readStoredSessions(this.deps.store.records, ids)) {
      const sandbox = running.get(record.id);
      if (!record.deleting && sandbox) this.deps.supervisor.wake(record.id, sandbox);
      else this.#takeUp(record);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.recover(signal).catch((error: unknown) => {
      if (!signal.aborted) this.deps.logger.warn({ err: error }, 'unfinished sessions could not be read; retrying');
    });
    const { everyMs, clock, logger } = this.deps;
    const sweep = async () => {
      await this.sweep(signal);
      this.#isAway = false;
    };
    const onError = (err: unknown) => {
      if (!this.#isAway) logger.warn({ err }, 'sandboxes could not be compared with the sessions; trying again');
      this.#isAway = true;
    };
    await runAtIntervals(sweep, { everyMs, clock, onError }, signal);
  }

  async sweep(signal: AbortSignal): Promise<void> {
    const { supervisor, liveSessions, store } = this.deps;
    await this.recover(signal);
    const sandboxes = await this.#list(signal);
    const isSettled = (id: SessionId) => supervisor.hasSandbox(id) || this.#isWithPeer(id) || this.#isReady(id);
    const unsettled = sandboxes.filter(({ sessionId }) => !isSettled(sessionId));
    const ids = unsettled.map(({ sessionId }) => sessionId);
    const known = await raceAbort(readStoredSessions(store.records, ids), signal);
    const records = new Map(known.map((record) => [record.id, record]));
    const unclaimed = new Set<string>();
    for (const sandbox of unsettled) {
      const record = records.get(sandbox.sessionId);
      if (record?.deleting) continue;
      if (record && (supervisor.hasSandbox(record.id) || !isUp(sandbox))) continue;
      if (await this.deps.ownership?.isElsewhere(sandbox.sessionId)) continue;
      throwIfAborted(signal);
      if (record && !liveSessions.get(record.id) && !this.#offered.has(sandbox.id)) {
        this.#offered.add(sandbox.id); // offer each sandbox once: after a failed adoption, it is useless
        supervisor.wake(record.id, sandbox);
        continue;
      }
      unclaimed.add(sandbox.id);
      await this.#reap(sandbox, record ? 'keep' : 'remove', signal);
    }
    for (const id of this.#unclaimed.keys()) if (!unclaimed.has(id)) this.#unclaimed.delete(id);
    const up = new Set<string>(sandboxes.filter(isUp).map(({ id }) => id));
    for (const id of this.#offered) if (!up.has(id)) this.#offered.delete(id);
  }

  async #goOn(signal: AbortSignal): Promise<void> {
    const { liveSessions, store, ownership } = this.deps;
    const isInHands = (id: SessionId) => liveSessions.get(id) !== undefined || this.#isWithPeer(id);
    for (const { mark, record } of await raceAbort(readUnfinishedSessions(store.records, isInHands), signal)) {
      throwIfAborted(signal);
      if (isInHands(record.id)) continue; // resumed since the marks were read
      if (isUnfinished(record)) this.#takeUp(record);
      // The holder stopped before removing the mark.
      else if (!(await ownership?.isElsewhere(record.id))) await deleteUnfinishedMark(store.records, mark);
    }
  }

  #takeUp({ id, deleting, openRuns, status }: StoredSession): void {
    const { supervisor, logger, remove } = this.deps;
    if (!deleting) {
      if (openRuns.length > (status === 'waiting' ? 1 : 0)) supervisor.wake(id, 'absent');
      return;
    }
    if (this.#removing.has(id)) return;
    this.#removing.add(id);
    void remove(id)
      .catch((error: unknown) => logger.warn({ session: id, err: error }, 'removal failed; retrying soon'))
      .finally(() => this.#removing.delete(id));
  }

  async #reap(sandbox: SandboxInfo, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void> {
    const { clock, graceMs, driver, supervisor, logger } = this.deps;
    const now = clock.now();
    const since = Math.min(this.#unclaimed.get(sandbox.id) ?? now, now); // the wall clock may have been set back
    this.#unclaimed.set(sandbox.id, since);
    if (now - since < graceMs || (await this.deps.mayReap?.()) === false) return;
    // The session may have claimed the sandbox after the sandboxes were listed.
    if (supervisor.hasSandbox(sandbox.sessionId) || this.#isReady(sandbox.sessionId)) return;
    logger.warn({ session: sandbox.sessionId, sandbox: sandbox.id }, 'destroying a sandbox that no session claims');
    await runWithTimeout({ ms: callMs, clock: this.deps.clock, signal }, (call) =>
      driver.destroy(sandbox.id, workspace, call),
    );
  }

  #isReady = (id: SessionId) => this.deps.isReady?.(id) === true;
  #isWithPeer = (id: SessionId) => this.deps.isWithPeer?.(id) === true;

  #list = async (signal: AbortSignal) => {
    const { driver, clock } = this.deps;
    const found = await runWithTimeout({ ms: callMs, clock, signal }, (call) => driver.list(call));
    this.#up = found.filter(isUp);
    return found;
  };
}

const isUp = ({ phase }: SandboxInfo): boolean => phase === 'ready' || phase === 'paused';
