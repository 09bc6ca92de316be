import { createTimeoutSignal, neverAbortingSignal, raceAbort, throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { EventStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionEvent, SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { type WorkspaceHook, WorkspaceQueue } from '../engine/workspace-hooks.ts';
import type { LiveSession } from '../run/live-session.ts';
import { gunzipWithLimit } from './archive/inflated.ts';
import {
  type CopyStore,
  readSessionFileCopies,
  type SessionFileCopies,
  type SessionFileCopy,
  type StoredCopy,
  shareCopyForSession,
  writeSessionFileCopies,
} from './copies.ts';
import type { WorkspaceArchiver } from './workspace-archive.ts';

export interface SessionSnapshotPolicy {
  /** Number of newest copies kept per session. 0: copies are off. */
  readonly keep: number;
  readonly maxBytes: number;
  readonly sessionBytes: number;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'newId' | 'records' | 'warn'> {
  readonly policy: SessionSnapshotPolicy;
  readonly events: Pick<EventStore, 'findLastSeq'>;
  readonly copies: CopyStore;
  readonly archive: WorkspaceArchiver;
}
/** `unknown`: not checked yet. */
export type SessionFileCopyState =
  | ({ readonly kind: 'kept' } & StoredCopy)
  | { readonly kind: 'empty' | 'too_large' | 'failed' | 'dropped' | 'off' | 'unknown' };

interface CopyRequest {
  readonly client: SandboxClient;
  readonly seq: number;
}
interface CopyPoint {
  readonly isAtRest: boolean;
  readonly seq: number;
  readonly doc: SessionFileCopies;
  readonly signal: AbortSignal;
}
export interface IntactCopy {
  readonly blob: string;
  readonly seq: number;
  /** Epoch ms. Absent if an earlier version stored the copy. */
  readonly at?: number;
}

const captureMs = 60_000;
/** After these errors, the next use of the sandbox retries the copy. */
const passing: ReadonlySet<string> = new Set([
  'sandbox_lost',
  'cancelled',
  'sandbox_not_found',
  'sandbox_unresponsive',
]);

export const isForkableFact = (fact: SessionFact | SessionEvent): boolean =>
  fact.type === 'run.end'
    ? fact.data.reason !== 'deleted'
    : fact.type === 'step' && (fact.data.status === 'completed' || fact.data.status === 'failed');

export class SessionFileCopier extends ServerComponent<Deps> implements WorkspaceHook {
  readonly #queue = new WorkspaceQueue();
  readonly #stops = new Map<SessionId, AbortController>();
  readonly #caughtUp = new WeakSet<LiveSession>();

  get isOn(): boolean {
    return this.deps.policy.keep > 0;
  }

  onFact(live: LiveSession, fact: SessionFact, seq: number): void {
    if (!this.isOn || !isForkableFact(fact)) return;
    if (live.client && !live.isPaused) void this.#take(live, live.client, seq);
    else this.#caughtUp.delete(live);
  }

  /** Copies the last fork point's files before they can change. */
  async beforeUse(live: LiveSession, client: SandboxClient, signal: AbortSignal): Promise<void> {
    if (!this.isOn) return;
    if (this.#queue.pending(live.id)) return await this.#queue.settled(live.id, signal);
    if (this.#caughtUp.has(live)) return;
    this.#caughtUp.add(live);
    const last = await this.deps.events.findLastSeq(live.id, 'run.end');
    if (last > 0) await raceAbort(this.#take(live, client, last), signal);
  }

  async restore({ id, writer }: LiveSession, client: SandboxClient, signal: AbortSignal): Promise<void> {
    const { startsFrom } = writer.record;
    if (!startsFrom) return;
    const { copies } = this.deps;
    if (await copies.isWhole(startsFrom)) {
      const name = `restore-${this.deps.newId()}`;
      const content = gunzipWithLimit(await copies.open(startsFrom.blob), this.deps.policy.maxBytes + maxHeaders);
      await this.deps.archive.unpack(client, { name, content, isPlain: true }, signal);
      await failpoint('snapshot.restore.after');
      return await writer.amend({ startsFrom: null });
    }
    const detail = 'The copy of files for this box is damaged or missing, so the box starts without them.';
    this.deps.warn({ session: id }, detail);
    const data = { copy: null, lost: [], lostCount: null, aside: null, detail };
    await writer.amend({ startsFrom: null }, [{ type: 'sandbox.files_damaged', runId: null, data }]);
  }

  async at(id: SessionId, seq: number): Promise<SessionFileCopyState> {
    if (!this.isOn) return { kind: 'off' };
    const { upto, from, items } = await readSessionFileCopies(this.deps, id);
    if (seq > upto) return { kind: 'unknown' };
    const item = items.findLast((one) => one.seq <= seq);
    if (item?.blob) return { kind: 'kept', blob: item.blob, sha256: item.sha256 };
    if (item) return { kind: item.why ?? 'empty' };
    return { kind: seq < from ? 'dropped' : 'empty' };
  }

  async hand(kept: StoredCopy, to: SessionId, seq: number): Promise<StoredCopy> {
    const options = { maxBytes: maxOf(this.deps.policy), signal: neverAbortingSignal };
    const copy = await shareCopyForSession(this.deps, to, { ...kept, seq }, options);
    if (copy) return copy;
    const advice = 'Nothing was started from it. Fork at another point, or without files.';
    throw new AppError('conflict', `The copy of the files at this point is damaged. ${advice}`);
  }

  async forget(id: SessionId): Promise<void> {
    this.#stops.get(id)?.abort();
    await this.#queue.pending(id);
    await this.deps.copies.forget(id);
  }

  async #take(live: LiveSession, client: SandboxClient, seq: number): Promise<void> {
    const { id } = live;
    const stop = this.#stops.get(id) ?? new AbortController();
    this.#stops.set(id, stop);
    const work = () => this.#look(live, { client, seq }, stop.signal);
    await this.#queue.begin(id, work, (err) => {
      this.#caughtUp.delete(live);
      if (!passing.has(toAppError(err).code)) this.deps.warn({ session: id, err }, 'files were not copied');
    });
    if (!this.#queue.pending(id)) this.#stops.delete(id);
  }

  /** Call after the sandbox's processes have ended. */
  async copyAtRest({ id, writer }: LiveSession, client: SandboxClient, signal: AbortSignal): Promise<void> {
    if (!this.isOn) return;
    await this.#queue.inTurn(
      id,
      async () =>
        await this.#copy(id, client, {
          seq: writer.head,
          doc: await readSessionFileCopies(this.deps, id),
          signal,
          isAtRest: true,
        }),
    );
  }

  async newestWhole(id: SessionId): Promise<IntactCopy | undefined> {
    for (const { blob, seq, at, sha256 } of (await readSessionFileCopies(this.deps, id)).items.toReversed()) {
      if (blob === null || !(await this.deps.copies.isWhole({ blob, sha256 }))) continue;
      return { blob, seq, ...(at !== undefined && { at }) };
    }
    return undefined;
  }

  async #look({ id }: LiveSession, { client, seq }: CopyRequest, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const doc = await readSessionFileCopies(this.deps, id);
    if (doc.upto >= seq) return;
    using until = createTimeoutSignal(captureMs, this.deps.clock, signal);
    await this.#copy(id, client, { seq, doc, signal: until.signal, isAtRest: false });
  }

  async #copy(id: SessionId, client: SandboxClient, { seq, doc, signal, isAtRest }: CopyPoint): Promise<void> {
    const { clock, archive, copies, policy } = this.deps;
    const { print, bytes } = await archive.measure(client, `measure-${this.deps.newId()}`, signal);
    const last = doc.items.at(-1);
    if (last?.print === print || (bytes === 0 && !last))
      return await writeSessionFileCopies(this.deps, id, { ...doc, upto: seq });
    const add = (item: Omit<SessionFileCopy, 'seq' | 'print'>) => this.#add(id, doc, { ...item, seq, print });
    // At rest, adds no entry for files that are too large, because it could displace an older copy.
    if (bytes > policy.maxBytes) return isAtRest ? undefined : await add({ blob: null, bytes, why: 'too_large' });
    const place = copies.placeOf(id);
    const { blob } = place;
    try {
      const content = archive.pack(client, { name: `snapshot-${this.deps.newId()}`, bytes }, signal);
      const { size, sha256 } = await copies.add(place, content, { maxBytes: maxOf(policy), signal });
      await failpoint('snapshot.put.after');
      // Drop older copies only once the new copy is readable.
      if (!(await copies.isWhole({ blob, sha256 }, signal)))
        throw new AppError('conflict', 'The copy differs from what was written.');
      await add({ blob, bytes: size, at: clock.now(), sha256 });
    } catch (thrown) {
      await copies.drop(place).catch(() => {}); // on failure, the clean-up job removes the blob later
      if (isAtRest || passing.has(toAppError(thrown).code)) throw thrown;
      this.deps.warn({ session: id, err: thrown }, 'files were not copied');
      await add({ blob: null, bytes, why: 'failed' });
    }
  }

  async #add(id: SessionId, doc: SessionFileCopies, item: SessionFileCopy): Promise<void> {
    const { keep, sessionBytes } = this.deps.policy;
    const items = [...doc.items, item];
    const gone: SessionFileCopy[] = [];
    const sum = () => items.reduce((all, { blob, bytes }) => all + (blob ? bytes : 0), 0);
    while (items.length > 1 && (items.length > keep || sum() > sessionBytes))
      gone.push(items.shift() as SessionFileCopy);
    const from = gone.length > 0 ? (items[0]?.seq ?? item.seq) : doc.from;
    await writeSessionFileCopies(this.deps, id, { upto: item.seq, from, items });
    for (const { blob } of gone) if (blob) await this.deps.copies.drop({ holder: id, blob });
  }
}

/** Maximum total size of the tar headers, in bytes. */
const maxHeaders = 500_000 * 4_096;
/** Incompressible files grow slightly when compressed. */
const maxOf = ({ maxBytes }: SessionSnapshotPolicy): number => Math.ceil(maxBytes * 1.1) + 10 * 1024 * 1024;
