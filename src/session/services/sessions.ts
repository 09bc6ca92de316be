import type { Driver } from '../../../drivers/driver.ts';
import { deadline, pause } from '../../core/cancel.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError, type ErrorCode, toAppError } from '../../core/errors.ts';
import type { SessionFact } from '../../core/events.ts';
import { type IdSource, type SandboxId, type SessionId, sandboxIdOf } from '../../core/ids.ts';
import type { EventLog, Store } from '../../core/ports.ts';
import type { SandboxView, SessionRecord } from '../../core/records.ts';
import type { Model } from '../../llm/model.ts';
import type { SandboxClient } from '../../sandbox/client.ts';
import type {
  CreateCommand,
  ForkCommand,
  ListQuery,
  SendCommand,
  Sent,
  SessionChange,
  SessionService,
} from '../api/sessions.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import { removeSession } from '../engine/removal.ts';
import { eventsFrom } from '../engine/run-fold.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import type { Supervisor } from '../engine/supervisor.ts';
import { countSessions } from '../engine/unfinished-sessions.ts';
import type { Watchers } from '../engine/watchers.ts';
import type { Forks } from '../forks/fork.ts';
import { newSession, StoredSession, unfinishedKind } from '../run/log/projection.ts';
import { requestAt } from '../run/log/request-at.ts';
import type { ProfileOf } from '../run/profile.ts';
import { agentInForce, noLimits, type ServerLimits } from './agent-in-force.ts';
import { serviceHealth, sharedHealth } from './health.ts';
import { ListChanges } from './list-changes.ts';
import { type OwnerLimits, ownerQuota } from './owner-quota.ts';
import { SessionChanges } from './session-changes.ts';
import { SessionList, shown } from './session-list.ts';
import { wholeFile } from './streams/whole-file.ts';
import { fileFromLog, namedFile, shellFromLog } from './views-from-log.ts';

interface Deps {
  readonly store: Store;
  readonly log: EventLog;
  readonly commands: SessionCommands;
  readonly supervisor: Pick<Supervisor, 'wake'>;
  readonly liveSessions: Pick<LiveSessions, 'get'>;
  readonly sandboxes: SandboxAccess;
  readonly profileOf: ProfileOf;
  /** Without them the server has none. */
  readonly limits?: ServerLimits;
  readonly driver: Driver;
  readonly model: Model;
  /** Throws for a session's own model that this server must not use. */
  readonly checkModel?: (ref: string) => void;
  readonly watchers: Watchers;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly workdir: (id: SandboxId) => string;
  readonly maxSessions: number;
  /** Limits per owner. */
  readonly ownerLimits?: OwnerLimits;
  readonly startTimeoutMs?: number;
  /** The template of a new session. Rejects: invalid_request for an unknown name. */
  readonly templateFor: (
    named: string | undefined,
    projectId: string | null,
  ) => Promise<Pick<SessionRecord, 'template' | 'templateBy'>>;
  readonly forks: Pick<Forks, 'make'>;
  /** Removes data of a session that is stored outside of the store's log. */
  readonly forget?: (id: SessionId) => Promise<void>;
  /** Fires when the server drains; every open stream ends then. */
  readonly closing: AbortSignal;
}

/** Errors that refuse a change although the session can be read. */
const notBroken: ReadonlySet<ErrorCode> = new Set([
  ...(['session_not_found', 'store_unavailable', 'store_busy'] as const),
  ...(['deadline_exceeded', 'shutting_down', 'cancelled'] as const),
]);
const maxText = 200_000;
const deleteMs = 15_000; // the deletion continues in the background after that; no list shows the session any more
const viewMs = 5_000;
const keptMs = 20_000; // enough for most sandboxes to start

export function sessionService(deps: Deps): SessionService {
  const { store, log, commands, supervisor, liveSessions, sandboxes, driver, watchers, clock, ids, closing } = deps;

  const list = new SessionList({ records: store.records, shared: store.shared });
  const gone = () => new AppError('session_not_found', 'There is no such session.');
  /** Tombstones that are being written. */
  const burying = new Map<SessionId, Promise<void>>();

  async function stored(id: SessionId): Promise<StoredSession> {
    const live = liveSessions.get(id)?.writer.record;
    const record = live ?? (await list.get(id));
    if (!record || record.deleting) throw gone();
    return record;
  }
  const forOwner = ownerQuota({
    ...{ limits: deps.ownerLimits ?? { sessions: 0, starting: 0 }, clock },
    get: async (id) => liveSessions.get(id)?.writer.record ?? (await list.get(id)),
    part: (query) => list.part(query),
    startTimeoutMs: deps.startTimeoutMs ?? 300_000,
  });
  const count = () => countSessions(store.records, (id) => liveSessions.get(id)?.writer.record);

  /** Writes the tombstone, also for a session of another server and for one whose log can no longer be read. */
  async function bury(id: SessionId): Promise<void> {
    let broken: unknown;
    for (let wait = 100; wait <= 2_000; wait *= 2) {
      try {
        await commands.change(id, { deleting: true });
        return;
      } catch (thrown) {
        if (notBroken.has(toAppError(thrown).code)) throw thrown;
        broken = thrown;
      }
      // the holder may only have crashed, and one that still runs would overwrite our tombstone
      await pause(wait, closing, clock);
    }
    const found = await store.records.get('session', id);
    if (!found) throw broken;
    const doc = { ...StoredSession.parse(found.doc), deleting: true };
    await store.records.put({ kind: unfinishedKind, id, doc: {} });
    await store.records.put({ kind: 'session', id, doc, sort: doc.latestMessageAt, expect: found.version });
    list.heard(doc);
  }

  async function change(id: SessionId, wish: SessionChange): Promise<SessionRecord> {
    await stored(id);
    return shown(StoredSession.parse(await commands.change(id, wish)));
  }

  async function admit(): Promise<void> {
    // Tombstones are counted too, so they are only sorted out near the limit.
    const isClose = (await store.records.count('session')) >= deps.maxSessions;
    if (isClose && (await count()).total >= deps.maxSessions) {
      const message = `There are ${deps.maxSessions} sessions already, the most allowed. Delete some first.`;
      throw new AppError('sandbox_capacity', message);
    }
  }

  async function fork(id: SessionId, command: ForkCommand): Promise<SessionRecord> {
    await admit();
    const made = await deps.forks.make(await stored(id), command);
    supervisor.wake(made.id, 'start');
    return shown(made);
  }

  async function create({
    origin,
    title = '',
    provisionalTitle,
    template: named,
    projectId = null,
    task = '',
    owner,
    model,
    fallbacks,
    toolServers,
    life,
  }: CreateCommand): Promise<SessionRecord> {
    for (const ref of [model ?? [], fallbacks ?? []].flat()) deps.checkModel?.(ref);
    const chosen = await deps.templateFor(named, projectId);
    await admit();
    const id = ids.sessionId();
    const at = clock.now();
    const record = newSession({
      ...chosen,
      ...{ id, origin, title, projectId, lastTask: task, owner, model, fallbacks, toolServers, life, at },
    });
    const isMeant = title !== '' && !provisionalTitle;
    const facts: SessionFact[] = [
      { type: 'session.created', runId: null, data: { origin, template: chosen.template } },
    ];
    if (isMeant) facts.push({ type: 'title', runId: null, data: { title } });
    const doc = { ...record, titleBy: isMeant ? ('client' as const) : null, lastSeq: facts.length };
    await log.append({ sessionId: id, after: 0, at, facts, puts: [{ kind: 'session', id, doc, sort: at }] });
    supervisor.wake(id, 'start');
    return shown(doc);
  }

  // The checks have a deadline of their own.
  const health = sharedHealth(() => serviceHealth({ ...deps, sessions: count }, closing), clock);
  const news = new SessionChanges();
  const changed = (record: StoredSession) => {
    if (!record.deleting) news.tell({ type: 'changed', session: shown(record) });
  };
  const elsewhere = new ListChanges({
    ...{ records: store.records, clock, changed },
    deleted: (record) => news.tell({ type: 'deleted', session: shown(record) }),
  });
  log.onAppend(({ puts = [] }) => {
    for (const { kind, doc } of puts) {
      if (kind !== 'session') continue;
      list.heard(doc as StoredSession);
      changed(doc as StoredSession);
    }
  });

  return {
    create: (command) => forOwner(command.owner, () => create(command)),
    async fork(id, command) {
      const { owner } = await stored(id);
      return await forOwner(command.owner ?? owner, () => fork(id, command));
    },

    async list(only) {
      if (!only?.search) return await (only ? list.part(only) : list.all());
      const matches = await searched(store.events, only.search);
      return await list.part({ ...only, keep: (session) => matches(session) && only.keep(session) });
    },
    get: async (id) => (!liveSessions.get(id) && list.known(id)) || shown(await stored(id)),

    rename: (id, title) => change(id, { title }),
    update: change,
    async *watch(signal) {
      using _elsewhere = store.shared ? elsewhere.watch() : undefined;
      yield* news.watch(() => list.all(), AbortSignal.any([signal, closing]));
    },

    async delete(id) {
      const record = await stored(id);
      const other = burying.get(id);
      if (other) {
        await other; // until then the session can still come back: its tombstone may not reach the store
        throw gone();
      }
      const buried = bury(id).finally(() => burying.delete(id));
      burying.set(id, buried);
      await buried; // the tombstone comes first: from here on no list shows the session
      news.tell({ type: 'deleted', session: shown(record) });
      // The deletion succeeds from here on: the reconciler repeats a clean-up that fails.
      const done = removeSession(deps, id).catch(() => {});
      await Promise.race([done, pause(deleteMs, closing, clock)]).finally(() => watchers.end(id));
    },

    async send(id, command) {
      const record = await stored(id);
      checkText(command);
      const { text, mode, attachments = [], clientTimestamp } = command;
      const { plans } = await deps.profileOf(record); // of a run that starts now
      const wish = { commandId: ids.short(), messageId: ids.messageId(), runId: ids.runId() };
      const sent = await commands.command<Sent>(id, {
        type: 'cmd.send',
        ...wish,
        text,
        mode,
        attachments,
        clientTimestamp,
        plans,
      });
      return { messageId: sent.messageId, runId: sent.runId, seq: sent.seq };
    },

    async stop(id) {
      const record = await stored(id);
      if (record.openRuns.length === 0 && !liveSessions.get(id)) return { stopped: false };
      return await commands.command<{ stopped: boolean }>(id, { type: 'cmd.stop', commandId: ids.short() });
    },

    async decide(id, command) {
      const { openRuns, status } = await stored(id);
      if (openRuns.length === 0 || status !== 'waiting') throw new AppError('conflict', 'No call waits for approval.');
      const { always: isAlways, ...verdict } = command;
      const always = isAlways && (await askedTool(store.events, id, command.callId));
      const wish = { ...verdict, ...(always && { always }) };
      return await commands.command(id, { type: 'cmd.decide', commandId: ids.short(), ...wish });
    },

    async page(id, after, limit) {
      await stored(id);
      return await log.page(id, after, limit);
    },
    async *history(id) {
      await stored(id);
      yield* eventsFrom(log, id, 1);
    },
    async *follow(id, after, { signal, deltas }) {
      await stored(id);
      using end = watchers.endOf(id);
      for await (const item of log.follow(id, after, {
        signal: AbortSignal.any([signal, end.signal, closing]),
        deltas,
      })) {
        if (item.kind === 'resync' && item.head === 0) return; // deleted by another server: every log begins with an event
        yield item;
      }
    },
    async activeRun(id) {
      const { openRuns, status } = await stored(id);
      const run = openRuns.find(({ startedSeq }) => startedSeq !== null);
      if (!run) return undefined;
      return { runId: run.runId, startedSeq: run.startedSeq as number, waiting: status === 'waiting' };
    },
    async promptAt(id, turn) {
      await stored(id);
      return await requestAt(store.records, id, turn);
    },
    agent: async (id) => {
      const record = await stored(id);
      return agentInForce(record, await deps.profileOf(record), deps.limits ?? noLimits);
    },
    watching(id) {
      const watch = watchers.watch(id);
      void stored(id)
        .then(({ unread }) => (unread > 0 ? commands.change(id, { unread: 0 }) : undefined))
        .catch(() => {}); // the next viewer resets the count
      return watch;
    },

    async sandbox(id, known): Promise<SandboxView> {
      const { sandboxState: state } = known ?? (await stored(id));
      const sandboxId = sandboxIdOf(id);
      return { id: sandboxId, state, workdir: deps.workdir(sandboxId), driver: driver.name };
    },
    async shell(id, shellId, signal) {
      await stored(id);
      const fromLog = () => shellFromLog(log, id, { shell: shellId, workdir: deps.workdir(sandboxIdOf(id)) });
      return await viewing(
        id,
        signal,
        // A shell is known only from the log until its first command reaches the sandbox.
        (client, until) => client.view(shellId, until).catch(unlessMissing('shell_not_found', fromLog)),
        fromLog,
      );
    },
    async readFile(id, path, signal) {
      await stored(id);
      if (path.includes('\0')) throw new AppError('invalid_request', 'A path cannot contain NUL.');
      const asked = { path, workdir: deps.workdir(sandboxIdOf(id)) };
      const bytes = await viewing(
        id,
        signal,
        (client, until) =>
          wholeFile(client, path, until).catch(unlessMissing('file_not_found', () => namedFile(log, id, asked))),
        () => fileFromLog(log, id, asked).catch((unknown: unknown) => keptFile(id, path, { signal, unknown })),
      );
      return bytes.toString('utf8');
    },

    health,
  };

  /**
   * Reads a file that the log does not have, which a stopped sandbox may still keep. Starts the sandbox for this case only.
   */
  async function keptFile(
    id: SessionId,
    path: string,
    { signal, unknown }: { signal: AbortSignal; unknown: unknown },
  ): Promise<Buffer> {
    if (toAppError(unknown).code !== 'file_not_found') throw unknown;
    using until = deadline(keptMs, clock, signal);
    await using used = await sandboxes.use(id, until.signal).catch(() => {
      throw unknown; // the original error tells the caller what helps
    });
    return await wholeFile(used.client, path, until.signal);
  }

  /** Reads from a running sandbox, else from the log: viewing a session does not start its sandbox. */
  async function viewing<T>(
    id: SessionId,
    signal: AbortSignal,
    fromSandbox: (client: SandboxClient, until: AbortSignal) => Promise<T>,
    fromLog: () => Promise<T>,
  ): Promise<T> {
    using until = deadline(viewMs, clock, signal);
    const client = await sandboxes.look(id, until.signal);
    if (!client) return await fromLog();
    return await fromSandbox(client, until.signal).catch((thrown: unknown) => {
      if (thrown instanceof AppError && thrown.code === 'sandbox_lost') return fromLog();
      throw thrown;
    });
  }
}

const mostFound = 10_000;

/** Tells which sessions a search finds. */
async function searched(
  events: Pick<Store['events'], 'search'>,
  { text, mayRead = () => true }: NonNullable<ListQuery['search']>,
): Promise<(session: SessionRecord) => boolean> {
  const wanted = text.toLowerCase();
  const has = (where: string) => where.toLowerCase().includes(wanted);
  const found = new Set(await events.search(text, mostFound));
  return (session) =>
    has(session.title) ||
    (mayRead(session) && (has(session.latestMessage) || has(session.lastTask) || found.has(session.id)));
}

/** The tool of the call that waits for permission; undefined when another call waits, or none. */
async function askedTool(events: Store['events'], id: SessionId, callId: string): Promise<string | undefined> {
  const newest = await events.lastOf(id, 'approval.requested');
  const [event] = (await events.page(id, newest - 1, 1)).events;
  return event?.type === 'approval.requested' && event.data.callId === callId ? event.data.function : undefined;
}

/** For `catch`: on this code, answers with the other source. */
const unlessMissing =
  <T>(code: ErrorCode, elsewhere: () => Promise<T>) =>
  async (thrown: unknown): Promise<NonNullable<T>> => {
    const found = toAppError(thrown).code === code ? await elsewhere() : undefined;
    if (found === undefined || found === null) throw thrown;
    return found;
  };

function checkText({ text }: Pick<SendCommand, 'text'>): void {
  if (text.trim() === '') throw new AppError('invalid_request', 'The text is empty.');
  if (text.length > maxText) throw new AppError('invalid_request', `The text is longer than ${maxText} characters.`);
}
