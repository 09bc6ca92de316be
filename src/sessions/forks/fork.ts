import { z } from 'zod';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import type { RecordPut, Store } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { FactOf, ForkFilesStatus, SessionEvent, SessionFact } from '../../core/model/events.ts';
import type { IdSource, SessionId } from '../../core/model/ids.ts';
import type { SandboxOptions, SessionRecord } from '../../core/model/records.ts';
import { toUnfetchedRepository } from '../../core/model/repository.ts';
import { noSpending } from '../../core/model/spending.ts';
import type { ForkSessionCommand } from '../api/sessions.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import { type ConversationEntry, parseConversation } from '../run/log/conversation.ts';
import { applyFact, createSessionRecord, inheritedFieldsOf, type StoredSession } from '../run/log/projection.ts';
import { requestIdOf, requestRecordKind, requestTextRecordKind, StoredRequest } from '../run/log/stored-request.ts';
import type { EditedMessage } from './edited-message.ts';
import { isForkableFact, type SessionFileCopier, type SessionFileCopyState } from './snapshots.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'closing' | 'log'> {
  readonly store: Pick<Store, 'events' | 'records'>;
  readonly commands: Pick<SessionCommands, 'change'>;
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly snapshots: SessionFileCopier;
  /** Keeps only the volumes that the fork can use, and mounts them read-only. */
  readonly volumes: {
    forCopy(
      session: Pick<SessionRecord, 'id' | 'owner' | 'projectId'>,
      choice: SandboxOptions | undefined,
    ): Promise<SandboxOptions | undefined>;
  };
  readonly ids: Pick<IdSource, 'sessionId'>;
}
/** Written first, so that the clean-up job can find every part of an incomplete fork. */
const forkingKind = 'forking';
const Forking = z.object({ at: z.number(), forked: z.custom<FactOf<'session.forked'>['data']>() });
const useMs = 120_000;

/** A fork becomes visible with its last write. */
export class ForkCreator extends ServerComponent<Deps> {
  readonly #busy = new Set<SessionId>();

  async make(parent: StoredSession, command: ForkSessionCommand): Promise<StoredSession> {
    const place = { from: parent.id, seq: await this.#findForkSeq(parent.id, command.seq) };
    const found = command.files === false ? ({ kind: 'unwanted' } as const) : await this.#filesAt(place);
    return await this.#make(parent, command, { place, found });
  }

  async makeBranch(
    parent: StoredSession,
    command: Omit<ForkSessionCommand, 'seq'>,
    { seq, filesAt, branch }: EditedMessage,
  ): Promise<StoredSession> {
    const place = { from: parent.id, seq: seq - 1 };
    const found =
      filesAt === undefined ? ({ kind: 'empty' } as const) : await this.#filesAt({ from: parent.id, seq: filesAt });
    return await this.#make(parent, command, { place, found, branch });
  }

  async #make(
    parent: StoredSession,
    command: Omit<ForkSessionCommand, 'seq'>,
    { place, found, branch }: ForkBeginning,
  ): Promise<StoredSession> {
    const { store, clock, ids } = this.deps;
    const { from } = place;
    const files: ForkFilesStatus = found.kind === 'unknown' ? 'failed' : found.kind;
    const to = command.child?.id ?? ids.sessionId();
    const forked = { from, to, atSeq: place.seq, files };
    this.#busy.add(to);
    try {
      if (command.child) await this.#undo(to); // removes what an earlier attempt left behind
      await store.records.put({ kind: forkingKind, id: to, doc: { at: clock.now(), forked } });
      const startsFrom = found.kind === 'kept' ? await this.deps.snapshots.hand(found, to, place.seq) : null;
      const record = await this.#write(parent, { ...command, forked, startsFrom, branch });
      await this.#tellParent(forked).catch(() => {}); // the clean-up job can still notify the parent
      return record;
    } catch (thrown) {
      await this.#undo(to).catch(() => {}); // on failure, the clean-up job retries
      throw thrown;
    } finally {
      this.#busy.delete(to);
    }
  }

  /** Completes or removes interrupted forks. `before`: epoch ms. Resolves with the number of forks removed. */
  async collect(before: number): Promise<number> {
    const { records } = this.deps.store;
    let removed = 0;
    for (const { id, doc } of await records.list(forkingKind)) {
      const { at, forked } = Forking.parse(doc);
      if (at >= before || this.#busy.has(forked.to)) continue;
      if (await records.get('session', id)) await this.#tellParent(forked);
      else {
        await this.#undo(forked.to);
        removed++;
      }
    }
    return removed;
  }

  async #findForkSeq(id: SessionId, seq: number | undefined): Promise<number> {
    const { log, store } = this.deps;
    if (seq === undefined) {
      const last = await store.events.findLastSeq(id, 'run.end');
      if (last > 0) return last;
      throw new AppError(
        'conflict',
        'There is nothing to fork yet: no run of this session has ended. Wait until one ends.',
      );
    }
    const [event] = (await log.page(id, seq - 1, 1)).events;
    if (event?.seq === seq && isForkableFact(event)) return seq;
    const text = `No step or run of this session ended at ${seq}. Use the seq of a run.end event, or of a completed or failed step.`;
    throw new AppError('invalid_request', text);
  }

  /** Uses the sandbox if needed, so that the session's holder copies the files. */
  async #filesAt({ from, seq }: ForkPoint): Promise<SessionFileCopyState> {
    const { snapshots, sandboxes, store, closing } = this.deps;
    const found = await snapshots.at(from, seq);
    if (found.kind !== 'unknown') return found;
    if ((await store.events.findLastSeq(from, 'sandbox.phase')) === 0) return { kind: 'empty' };
    await using _used = await sandboxes.use(from, combineSignals([closing, AbortSignal.timeout(useMs)]));
    return await snapshots.at(from, seq);
  }

  async #write(
    parent: StoredSession,
    { origin, title, owner, child, forked, startsFrom, branch }: NewFork,
  ): Promise<StoredSession> {
    const { log, clock, volumes } = this.deps;
    const { from, to: id, atSeq: seq, files } = forked;
    // A fork without files fetches its repositories again. A child gets its parent's files.
    const hasThem = files === 'kept' || child !== undefined;
    const repositories = parent.repositories?.map((one) => (hasThem ? one : toUnfetchedRepository(one)));
    const own = owner ?? parent.owner;
    const begin = createSessionRecord({
      ...inheritedFieldsOf(parent),
      id,
      origin,
      repositories,
      ...(child && { model: child.model ?? parent.model, budget: child.budget ?? parent.budget, parent: child.parent }),
      sandbox: await volumes.forCopy({ id, owner: own, projectId: parent.projectId }, parent.sandbox),
      owner: own,
      title: '',
      lastTask: '',
      at: clock.now(),
    });
    const copied = await copyConversation(this.deps, { from, seq }, begin);
    await failpoint('fork.copied');
    const at = clock.now();
    const named = title === undefined ? [] : [{ type: 'title' as const, runId: null, data: { title } }];
    const facts = [
      ...createClosingFacts(copied),
      ...named,
      { type: 'session.forked' as const, runId: null, data: forked },
    ];
    const record = facts.reduce(
      (so, fact, n) => applyFact(so, fact, { seq: seq + n + 1, ts: at, watched: true }),
      copied.record,
    );
    const doc: StoredSession = {
      ...record,
      startsFrom,
      forkedFrom: { sessionId: from, seq, files },
      ...(branch && { branch }),
      createdAt: at,
      updatedAt: at,
      latestMessageAt: at,
      lastSeq: seq + facts.length,
      unread: 0,
      spending: noSpending,
      granted: null,
      workingSince: null,
      isOverBudget: false,
      sandboxState: 'created',
      sandboxHeld: false,
      sandboxUntrusted: false,
      // Includes the parent's untrusted sources, because a truncated log may not show them all.
      strangers: [...new Set([...parent.strangers, ...record.strangers, ...(child ? ['session' as const] : [])])],
    };
    await log.append({ sessionId: id, after: seq, at, facts, puts: [{ kind: 'session', id, doc, sort: at }] });
    await failpoint('fork.appended');
    return doc;
  }

  async #tellParent(forked: ForkNotice['forked']): Promise<void> {
    const { commands, store } = this.deps;
    const { from, to } = forked;
    const newest = await store.events.findLastSeq(from, 'session.forked');
    const [event] = (await store.events.page(from, newest - 1, 1)).events;
    const isLogged = event?.type === 'session.forked' && event.data.to === to;
    if (!isLogged) {
      await commands.change(from, { forked }).catch((thrown: unknown) => {
        if (toAppError(thrown).code !== 'session_not_found') throw thrown;
      });
    }
    await store.records.delete(forkingKind, to);
  }

  async #undo(id: SessionId): Promise<void> {
    const { store, snapshots } = this.deps;
    if (await store.records.get('session', id)) return;
    await snapshots.forget(id);
    await store.events.erase(id);
    await store.records.delete(forkingKind, id);
  }
}
interface ForkBeginning {
  readonly place: ForkPoint;
  readonly found: SessionFileCopyState | { readonly kind: 'unwanted' };
  readonly branch?: StoredSession['branch'];
}
type NewFork = Omit<ForkSessionCommand, 'seq'> & Pick<StoredSession, 'startsFrom' | 'branch'> & ForkNotice;
interface ForkNotice {
  readonly forked: FactOf<'session.forked'>['data'];
}

interface ForkPoint {
  readonly from: SessionId;
  readonly seq: number;
}
interface ConversationCopy {
  readonly record: StoredSession;
  /** Set if the copy ends directly before the event that completes the message. */
  readonly openMessage: FactOf<'message.assistant'> | undefined;
  readonly openCalls: readonly FactOf<'tool.calling'>[];
  readonly hasSandbox: boolean;
}
const pageSize = 500;
const unfinished = 'Not finished: the session was forked here.';

/** Copied events keep their seqs. */
async function copyConversation(deps: Deps, { from, seq }: ForkPoint, begin: StoredSession): Promise<ConversationCopy> {
  const { store, log } = deps;
  const sessionId = begin.id;
  const open = new Map<string, FactOf<'tool.calling'>>();
  let [record, turns, hasSandbox, isOpen] = [begin, 0, false, false];
  for (let after = 0; after < seq; ) {
    const page = await log.page(from, after, Math.min(pageSize, seq - after));
    const events = page.events.filter((event) => event.seq <= seq).map((event) => ({ ...event, sessionId }));
    const { thinned, trimmed } = page;
    await store.events.restore(sessionId, events, { thinned: Math.min(thinned, seq), trimmed: Math.min(trimmed, seq) });
    for (const event of events) {
      record = applyFact(record, event, { seq: event.seq, ts: event.ts, watched: true });
      turns = Math.max(turns, turnOf(event));
      if (event.type === 'message.delta' || event.type === 'message.assistant') isOpen = event.type === 'message.delta';
      if (event.type === 'tool.calling') open.set(event.data.callId, event);
      if (event.type === 'tool.called') open.delete(event.data.callId);
      if (event.type === 'sandbox.phase') hasSandbox = !['lost', 'released'].includes(event.data.phase);
    }
    after = events.at(-1)?.seq ?? seq;
  }
  await copyTranscript(deps, { from, seq }, sessionId);
  await copyRequests(deps, { from, turns }, sessionId);
  const [next] = isOpen ? (await log.page(from, seq, 1)).events : [];
  const openMessage =
    next?.type === 'message.assistant' ? { type: next.type, runId: next.runId, data: next.data } : undefined;
  return { record, openMessage, openCalls: [...open.values()], hasSandbox };
}

const turnOf = (event: SessionEvent): number => (event.type === 'usage' ? (event.data.turn ?? 0) : 0);

/** Adds a result for each open call, because providers refuse a call without one. */
async function copyTranscript({ store: { records } }: Deps, { from, seq }: ForkPoint, to: SessionId): Promise<void> {
  const docs = (await records.list('transcript', { idPrefix: `${from}:` })).map(({ doc }) => doc).reverse();
  const isLater = ({ seq: at = 0 }: Partial<ConversationEntry>) => at >= seq;
  const end = docs.findIndex((doc) => isLater(doc as Partial<ConversationEntry>));
  const own = end < 0 ? docs : docs.slice(0, end);
  const { entries } = parseConversation(own);
  for (const [n, doc] of [...own, ...resultsFor(entries, seq)].entries()) {
    await records.put({ kind: 'transcript', id: `${to}:${String(n).padStart(8, '0')}`, doc, sort: n });
  }
}

function resultsFor(entries: readonly ConversationEntry[], seq: number): ConversationEntry[] {
  const at = entries.findLastIndex(({ message }) => message.role === 'assistant');
  const reply = entries[at];
  if (reply?.message.role !== 'assistant') return [];
  const answered = new Set(entries.slice(at).map(({ message }) => (message.role === 'tool' ? message.callId : '')));
  const { runId, message } = reply;
  return message.calls
    .filter(({ callId }) => !answered.has(callId))
    .map(({ callId, name }) => ({
      runId,
      seq,
      message: { role: 'tool' as const, callId, name, output: unfinished, success: false },
    }));
}

async function copyRequests(
  { store: { records } }: Deps,
  { from, turns }: { readonly from: SessionId; readonly turns: number },
  to: SessionId,
): Promise<void> {
  const texts = new Set<string>();
  const copy = async (kind: string, name: string, rest: Pick<RecordPut, 'sort'> = {}) => {
    const found = await records.get(kind, `${from}:${name}`);
    if (found) await records.put({ kind, id: `${to}:${name}`, doc: found.doc, ...rest });
    return found?.doc;
  };
  for (let turn = 1; turn <= turns; turn++) {
    const stored = StoredRequest.safeParse(await copy(requestRecordKind, requestIdOf(turn), { sort: turn }));
    if (!stored.success) continue; // older versions did not record requests
    const { system, tools, note, notes, earlier = [] } = stored.data;
    const placed = [...(notes?.more ?? []), ...earlier];
    for (const hash of [system, tools, note, ...placed.map((one) => one.note)]) if (hash) texts.add(hash);
  }
  for (const hash of texts) await copy(requestTextRecordKind, hash);
}

function createClosingFacts({ record, openMessage, openCalls, hasSandbox }: ConversationCopy): SessionFact[] {
  const calls = openCalls.map(({ runId, data }): SessionFact => {
    const result = { success: false, output: unfinished, reason: 'cancelled', content: null } as const;
    return { type: 'tool.called', runId, data: { ...data, ...result } };
  });
  const runs = record.openRuns.map(({ runId, task }): SessionFact => {
    return { type: 'run.end', runId, data: { status: 'stopped', reason: 'stopped', task } };
  });
  const detail = 'Forked into a new sandbox.';
  const sandbox: SessionFact = { type: 'sandbox.phase', runId: null, data: { phase: 'released', detail } };
  return [...(openMessage ? [openMessage] : []), ...calls, ...runs, ...(hasSandbox ? [sandbox] : [])];
}
