import type { Driver, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import { combineSignals, createTimeoutSignal, runWithTimeout, sleep } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { type IdSource, type SandboxId, type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { SessionRepository } from '../../core/model/repository.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { Ownership } from '../engine/ownership.ts';
import type { PreparedFileStore } from './prepared-files.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  /** Maximum number of workspaces across all owners. 0 turns the pool off. */
  readonly keep: number;
  readonly maxAgeMs: number;
  readonly startTimeoutMs: number;
  readonly driver: Pick<Driver, 'provision' | 'attach' | 'destroy'>;
  readonly files: Pick<PreparedFileStore, 'unpack'>;
  readonly spec: (session: SessionRecord, id: SandboxId) => SandboxSpec | Promise<SandboxSpec>;
  readonly connect: (link: SandboxLink & { readonly epoch?: number }) => Pick<SandboxClient, 'programs' | 'workdir'>;
  /** Rejects if the disk has no room for another sandbox. */
  readonly admit: () => Promise<void>;
  readonly ownership: Pick<Ownership, 'isShared' | 'take' | 'release'>;
  readonly ids: Pick<IdSource, 'sessionId'>;
  readonly count: (event: 'made' | 'taken' | 'dropped') => void;
}
type PreparedChoice = Pick<SessionRecord, 'owner' | 'projectId' | 'template' | 'sandbox'> & {
  readonly repositories?: readonly Pick<SessionRepository, 'url' | 'ref' | 'path'>[] | undefined;
};
/** A stopped sandbox with prepared files. Its id becomes a future session's id. */
interface ReadyWorkspace {
  readonly id: SessionId;
  readonly choice: string;
  readonly files: string;
  readonly madeAt: number;
}
interface WorkspaceOrder {
  readonly choice: string;
  readonly session: SessionRecord;
  readonly files: readonly string[];
}

const callMs = 60_000;
const unpackMs = 10 * 60_000;
const closeMs = 5_000;
const rememberMs = 10 * 60_000;
const maxRequests = 1_000;
/** Delay before each workspace is created, so that sessions being started take precedence. */
const restMs = 1_000;
const lookMs = 60_000;

/** Uses only facts that are known before the repositories are fetched. */
function choiceOf({ owner, projectId, template, sandbox, repositories = [] }: PreparedChoice): string {
  const fetched = repositories.map(({ url, ref, path }) => [url, ref, path]);
  return JSON.stringify([owner ?? '', projectId, template, sandbox?.egress ?? null, fetched]);
}
const joinNames = (files: readonly string[]) => [...files].sort().join(' ');

/** Keeps stopped sandboxes with prepared files for future sessions. Only one session uses each workspace. */
export class WorkspacePool extends ServerComponent<Deps> {
  #ready: ReadyWorkspace[] = [];
  #orders: WorkspaceOrder[] = [];
  #unwanted: SessionId[] = [];
  readonly #held = new Set<SessionId>();
  requests: { readonly choice: string; readonly at: number }[] = [];
  #wake = Promise.withResolvers<void>();

  get count(): number {
    return this.#ready.length;
  }

  /** True for a sandbox that the reconciler must not destroy. */
  has = (id: SessionId): boolean => this.#held.has(id);

  take(session: PreparedChoice): SessionId | undefined {
    const { keep, clock, count } = this.deps;
    if (keep === 0) return undefined;
    const choice = choiceOf(session);
    const now = clock.now();
    this.requests = [...this.requests.filter(({ at }) => now - at < rememberMs), { choice, at: now }].slice(
      -maxRequests,
    );
    const found = this.#ready.find((one) => one.choice === choice && !this.#isOld(one));
    if (!found) return undefined;
    this.#ready = this.#ready.filter((one) => one !== found);
    this.#held.delete(found.id);
    count('taken');
    return found.id;
  }

  used(session: SessionRecord, files: readonly string[]): void {
    const { keep, clock } = this.deps;
    if (keep === 0 || files.length === 0) return;
    const choice = choiceOf(session);
    const requested = this.requests.filter((one) => one.choice === choice && clock.now() - one.at < rememberMs).length;
    const target = Math.min(keep, Math.max(1, requested));
    const names = joinNames(files);
    const isStale = (one: ReadyWorkspace) => one.choice === choice && one.files !== names;
    for (const one of this.#ready.filter(isStale)) this.#removeLater(one);
    this.#orders = this.#orders.filter((one) => one.choice !== choice);
    const there = this.#ready.filter((one) => one.choice === choice).length;
    for (let left = target - there; left > 0; left -= 1) this.#orders.push({ choice, session, files });
    this.#orders = this.#orders.slice(-keep);
    this.#wake.resolve();
  }

  /** Call if no session was created for a taken workspace. */
  giveUp(id: SessionId): void {
    this.#held.add(id);
    this.#unwanted.push(id);
    this.#wake.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.deps;
    if (this.deps.keep === 0) return;
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers();
      for (const one of this.#ready.filter((it) => this.#isOld(it))) this.#removeLater(one);
      for (const id of this.#unwanted.splice(0)) await this.#remove(id, callMs);
      const order = this.#orders.shift();
      if (order) {
        await sleep(restMs, signal, clock).catch(() => {});
        if (!signal.aborted) await this.#fill(order, signal);
        continue;
      }
      const patience = new AbortController();
      const timer = sleep(lookMs, combineSignals([signal, patience.signal]), clock).catch(() => {});
      await Promise.race([timer, this.#wake.promise]);
      patience.abort();
    }
    this.#ready = [];
    await Promise.all([...this.#held].map((id) => this.#remove(id, closeMs)));
  }

  #isOld = ({ madeAt }: ReadyWorkspace) => this.deps.clock.now() - madeAt > this.deps.maxAgeMs;

  #removeLater(one: ReadyWorkspace): void {
    this.#ready = this.#ready.filter((other) => other !== one);
    this.#unwanted.push(one.id);
  }

  async #fill({ choice, session, files }: WorkspaceOrder, signal: AbortSignal): Promise<void> {
    const { keep, ids, clock, count, warn } = this.deps;
    const id = ids.sessionId();
    this.#held.add(id);
    try {
      // Makes room first, so that the limit is never exceeded.
      while (this.#ready.length >= keep) {
        const [oldest] = this.#ready.splice(0, 1);
        if (oldest) await this.#remove(oldest.id, callMs);
      }
      if (!(await this.#make({ ...session, id }, files, signal))) return await this.#remove(id, callMs);
      this.#ready.push({ id, choice, files: joinNames(files), madeAt: clock.now() });
      count('made');
    } catch (err) {
      if (!signal.aborted)
        warn({ err }, 'a workspace with prepared files could not be created; the next use tries again');
      await this.#remove(id, signal.aborted ? closeMs : callMs);
    }
  }

  async #make(session: SessionRecord, files: readonly string[], signal: AbortSignal): Promise<boolean> {
    const { driver, ownership, connect, admit, startTimeoutMs, clock } = this.deps;
    const id = sandboxIdOf(session.id);
    await admit();
    // The lease hides the sandbox from other servers' reconcilers.
    const fence = ownership.isShared ? { epoch: await ownership.take(session.id) } : {};
    const spec = { ...(await this.deps.spec(session, id)), ...fence };
    await runWithTimeout({ ms: startTimeoutMs, clock, signal }, (call) => driver.provision(spec, call));
    {
      await using link = await runWithTimeout({ ms: callMs, clock, signal }, (call) => driver.attach(id, call));
      const client = connect({ ...link, ...fence });
      using until = createTimeoutSignal(unpackMs, clock, combineSignals([signal, link.lost]));
      for (const one of files) if (!(await this.deps.files.unpack(client, one, until.signal))) return false;
    }
    await runWithTimeout({ ms: callMs, clock, signal }, (call) => driver.destroy(id, 'keep', call));
    return true;
  }

  /** If this fails, the reconciler removes the sandbox. */
  async #remove(id: SessionId, ms: number): Promise<void> {
    const { driver, ownership, clock, count, warn } = this.deps;
    count('dropped');
    try {
      await runWithTimeout({ ms, clock }, (call) => driver.destroy(sandboxIdOf(id), 'remove', call));
    } catch (thrown) {
      warn({ sandbox: sandboxIdOf(id), err: toAppError(thrown) }, 'an unused workspace could not be removed');
    }
    this.#held.delete(id);
    await ownership.release(id).catch(() => {}); // if this fails, the lease lapses
  }
}
