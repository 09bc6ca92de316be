import type { Driver } from '../../drivers/driver.ts';
import { deadline, pause } from '../core/cancel.ts';
import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import type { SessionFact } from '../core/events.ts';
import { type IdSource, type SandboxId, type SessionId, sandboxIdOf } from '../core/ids.ts';
import type { EventLog, Store } from '../core/ports.ts';
import type { SandboxView, SessionRecord } from '../core/records.ts';
import type { Model } from '../llm/model.ts';
import type { SandboxClient } from '../sandbox/client.ts';
import { serviceHealth } from './checks.ts';
import type { Engine } from './engine.ts';
import { eventsFrom } from './hydrate.ts';
import { ListChanges } from './list-changes.ts';
import { SessionsNews } from './news.ts';
import type { Presence } from './presence.ts';
import { newSession, publicRecord, StoredSession } from './projection.ts';
import { removeSession } from './removal.ts';
import type { ListWish, SendCommand, Sent, SessionChange, SessionService } from './service.ts';
import { fileFromLog, shellFromLog } from './stopped-views.ts';
import { unfinishedKind } from './unfinished.ts';

interface Deps {
  readonly store: Store;
  readonly log: EventLog;
  readonly engine: Engine;
  readonly driver: Driver;
  readonly model: Model;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly workdir: (id: SandboxId) => string;
  readonly maxSessions: number;
  readonly template: string;
  /** Removes what is kept of a session outside of the store's log. */
  readonly forget?: (id: SessionId) => Promise<void>;
  /** Fires when the server drains: every open stream ends. */
  readonly closing: AbortSignal;
}

const maxText = 200_000;
const deleteMs = 15_000; // then the clean-up goes on by itself; the session is in no list already
const viewMs = 5_000;
const mostAtOnce = 1_000; // of the list, when most of it is not wanted

export function sessionService(deps: Deps): SessionService {
  const { store, log, engine, driver, presence, clock, ids, closing } = deps;

  const gone = () => new AppError('session_not_found', 'There is no such session.');
  const burying = new Set<SessionId>();

  async function stored(id: SessionId): Promise<StoredSession> {
    const live = engine.live(id)?.writer.record;
    const record = live ?? (await read(id));
    if (!record || record.deleting) throw gone();
    return record;
  }
  async function read(id: SessionId): Promise<StoredSession | undefined> {
    const found = await store.records.get('session', id);
    return found && StoredSession.parse(found.doc);
  }
  /** Only to be counted, so as they stand in the store: it is asked for all the time, with however many sessions. */
  async function counted(): Promise<Pick<StoredSession, 'status'>[]> {
    const records = await store.records.list('session');
    return records.flatMap(({ doc }) => ((doc as StoredSession).deleting ? [] : (doc as StoredSession)));
  }
  const count = async () => (await counted()).length;
  async function all(): Promise<StoredSession[]> {
    const records = (await store.records.list('session')).map(({ doc }) => StoredSession.parse(doc));
    return records.filter(({ deleting }) => !deleting);
  }

  /** Costs what it shows, however many sessions are stored. */
  async function part({ limit, after, keep }: ListWish): Promise<SessionRecord[]> {
    const found: SessionRecord[] = [];
    let place = after && { sort: after.latestMessageAt, id: after.id };
    for (let chunk = limit; found.length < limit; chunk = Math.min(2 * chunk, mostAtOnce)) {
      const records = await store.records.list('session', { limit: chunk, ...(place && { after: place }) });
      for (const { doc } of records) {
        const record = StoredSession.parse(doc);
        place = { sort: record.latestMessageAt, id: record.id };
        const shown = publicRecord(record);
        if (!record.deleting && keep(shown)) found.push(shown);
      }
      if (records.length < chunk) break;
    }
    return found;
  }

  /** The tombstone, wherever the session is; also where its log cannot be read any more. */
  async function bury(id: SessionId): Promise<void> {
    await engine.change(id, { deleting: true }).catch(async (thrown: unknown) => {
      const found = await store.records.get('session', id);
      if (!found) throw thrown;
      const doc = { ...StoredSession.parse(found.doc), deleting: true };
      await store.records.put({ kind: unfinishedKind, id, doc: {} });
      await store.records.put({ kind: 'session', id, doc, sort: doc.latestMessageAt, expect: found.version });
    });
  }

  async function change(id: SessionId, wish: SessionChange): Promise<SessionRecord> {
    await stored(id);
    return publicRecord(StoredSession.parse(await engine.change(id, wish)));
  }

  const news = new SessionsNews();
  const changed = (record: StoredSession) => {
    if (!record.deleting) news.tell({ type: 'changed', session: publicRecord(record) });
  };
  const elsewhere = new ListChanges({
    ...{ records: store.records, clock, changed },
    deleted: (record) => news.tell({ type: 'deleted', session: publicRecord(record) }),
  });
  log.onAppend(({ puts = [] }) => {
    for (const { kind, doc } of puts) if (kind === 'session') changed(doc as StoredSession);
  });

  return {
    async create({
      origin,
      title = '',
      provisionalTitle,
      template = deps.template,
      projectId = null,
      task = '',
      owner,
    }) {
      // The tombstones among them matter only where it is close.
      const isClose = (await store.records.count('session')) >= deps.maxSessions;
      if (isClose && (await count()) >= deps.maxSessions) {
        const message = `There are ${deps.maxSessions} sessions already, the most allowed. Delete some first.`;
        throw new AppError('sandbox_capacity', message);
      }
      const id = ids.sessionId();
      const at = clock.now();
      const record = newSession({ id, origin, title, template, projectId, lastTask: task, owner, at });
      const isMeant = title !== '' && !provisionalTitle;
      const facts: SessionFact[] = [{ type: 'session.created', runId: null, data: { origin, template } }];
      if (isMeant) facts.push({ type: 'title', runId: null, data: { title } });
      const doc = { ...record, titleBy: isMeant ? ('client' as const) : null, lastSeq: facts.length };
      await log.append({ sessionId: id, after: 0, at, facts, puts: [{ kind: 'session', id, doc, sort: at }] });
      engine.wake(id, 'start');
      return publicRecord(doc);
    },

    list: async (only) => (only ? await part(only) : (await all()).map(publicRecord)),
    get: async (id) => publicRecord(await stored(id)),

    rename: (id, title) => change(id, { title }),
    update: change,
    async *watch(signal) {
      const list = async () => (await all()).map(publicRecord);
      using _elsewhere = store.shared ? elsewhere.watch() : undefined;
      yield* news.watch(list, AbortSignal.any([signal, closing]));
    },

    async delete(id) {
      const record = await stored(id);
      if (burying.has(id)) throw gone(); // a second delete in the same moment
      burying.add(id);
      await bury(id).finally(() => burying.delete(id)); // the tombstone first: whatever happens now, it is gone from every list
      news.tell({ type: 'deleted', session: publicRecord(record) });
      // From here on it succeeds: what cannot be cleaned up now is tried again, by the reconciler.
      const done = removeSession(deps, id).catch(() => {});
      await Promise.race([done, pause(deleteMs, closing, clock)]).finally(() => presence.end(id));
    },

    async send(id, command) {
      const record = await stored(id);
      checkText(command);
      const { text, mode, attachments = [], clientTimestamp } = command;
      const plans = await engine.plansFor(record);
      const wish = { commandId: ids.short(), messageId: ids.messageId(), runId: ids.runId() };
      const sent = await engine.command<Sent>(id, {
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
      if (record.openRuns.length === 0 && !engine.live(id)) return { stopped: false };
      return await engine.command<{ stopped: boolean }>(id, { type: 'cmd.stop', commandId: ids.short() });
    },

    async decide(id, command) {
      const { openRuns, status } = await stored(id);
      if (openRuns.length === 0 || status !== 'waiting') throw new AppError('conflict', 'No call waits for approval.');
      return await engine.command(id, { type: 'cmd.decide', commandId: ids.short(), ...command });
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
      using end = presence.endOf(id);
      yield* log.follow(id, after, { signal: AbortSignal.any([signal, end.signal, closing]), deltas });
    },
    async activeRun(id) {
      const { openRuns, status } = await stored(id);
      const run = openRuns.find(({ startedSeq }) => startedSeq !== null);
      if (!run) return undefined;
      return { runId: run.runId, startedSeq: run.startedSeq as number, waiting: status === 'waiting' };
    },
    watching(id) {
      const watch = presence.watch(id);
      void stored(id)
        .then(({ unread }) => (unread > 0 ? engine.change(id, { unread: 0 }) : undefined))
        .catch(() => {}); // a count that is not reset is reset by the next watcher
      return watch;
    },

    async sandbox(id): Promise<SandboxView> {
      const { sandboxState: state } = await stored(id);
      const sandboxId = sandboxIdOf(id);
      return { id: sandboxId, state, workdir: deps.workdir(sandboxId), driver: driver.name };
    },
    async exec(id, command, signal) {
      await stored(id);
      checkText({ text: command.command });
      await using used = await engine.use(id, signal);
      return await used.client.exec(command, signal);
    },
    async shell(id, shellId, signal) {
      await stored(id);
      return await viewing(
        id,
        signal,
        (client, until) => client.view(shellId, until),
        () => shellFromLog(log, id, shellId),
      );
    },
    async readFile(id, path, signal) {
      await stored(id);
      if (path.includes('\0')) throw new AppError('invalid_request', 'A path cannot contain NUL.');
      const bytes = await viewing(
        id,
        signal,
        (client, until) => client.readFile(path, until),
        () => fileFromLog(log, id, path),
      );
      return bytes.toString('utf8');
    },

    health: (signal) => serviceHealth({ ...deps, sessions: counted }, signal),
  };

  /** From the sandbox while it runs; looking at a session does not start one. */
  async function viewing<T>(
    id: SessionId,
    signal: AbortSignal,
    fromSandbox: (client: SandboxClient, until: AbortSignal) => Promise<T>,
    fromLog: () => Promise<T>,
  ): Promise<T> {
    using until = deadline(viewMs, clock, signal);
    const client = await engine.look(id, until.signal);
    if (!client) return await fromLog();
    return await fromSandbox(client, until.signal).catch((thrown: unknown) => {
      if (thrown instanceof AppError && thrown.code === 'sandbox_lost') return fromLog();
      throw thrown;
    });
  }
}

function checkText({ text }: Pick<SendCommand, 'text'>): void {
  if (text.trim() === '') throw new AppError('invalid_request', 'The text is empty.');
  if (text.length > maxText) throw new AppError('invalid_request', `The text is longer than ${maxText} characters.`);
}
