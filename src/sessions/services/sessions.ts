import type { Driver } from '../../../drivers/driver.ts';
import type { Model } from '../../agents/models/model.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreSessionNotFound } from '../../core/errors/errors.ts';
import { type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import type { SandboxView, SessionRecord } from '../../core/model/records.ts';
import { computeSandboxCondition } from '../../core/model/sandboxes/condition.ts';
import { computeIdleTimeoutSeconds } from '../../core/model/sandboxes/idle-time.ts';
import type { DesktopAvailability } from '../api/desktop.ts';
import type {
  CreateSessionCommand,
  SendUserMessageCommand,
  SendUserMessageResult,
  SessionPatch,
  SessionService,
} from '../api/sessions.ts';
import type { ConcurrencyLimiter } from '../budgets/holdings.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import { readEventsFrom } from '../engine/run-fold.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import { countSessions } from '../engine/unfinished-sessions.ts';
import type { SessionStreamRegistry } from '../engine/watchers.ts';
import { StoredSession, toPublicRecord } from '../run/log/projection.ts';
import { readRecordedRequest } from '../run/log/request-at.ts';
import type { AgentProfileResolver } from '../run/profile.ts';
import type { OfferedSkill } from '../run/skills/skill-set.ts';
import { computeEffectiveAgent, noServerLimits, type ServerLimits } from './effective-agent.ts';
import { checkServerHealth, createSharedHealthCheck, SessionCountCache } from './health.ts';
import { SessionChangeFeed, SessionList, SessionListPoller } from './session-list.ts';
import { type CreationDeps, createSessionCreator } from './sessions/creation.ts';
import { createSessionDeleter } from './sessions/deletion.ts';
import { createNamedSessionMethods } from './sessions/named.ts';
import type { SessionNames } from './sessions/names.ts';
import { searchListedSessions, searchStoredSessions } from './sessions/search.ts';
import { listSessionSkills } from './sessions/skills.ts';
import { createSessionViews, type ViewDeps } from './sessions/views.ts';

interface Deps extends CreationDeps, ViewDeps, Pick<ServerDependencies, 'clock' | 'ids' | 'store'> {
  readonly commands: SessionCommands;
  readonly liveSessions: Pick<LiveSessions, 'get'>;
  readonly profileOf: AgentProfileResolver;
  readonly children?: {
    listChildren(id: SessionId): Promise<readonly SessionId[]>;
    stopChildren(id: SessionId): Promise<void>;
    deleteChildren(id: SessionId): Promise<void>;
  };
  readonly skillsOf?: (session: SessionRecord) => Promise<readonly OfferedSkill[]>;
  readonly limits?: ServerLimits;
  readonly driver: Driver;
  readonly model: Model;
  readonly usualModel?: () => Promise<string>;
  readonly desktopFor: () => DesktopAvailability;
  readonly watchers: SessionStreamRegistry;
  readonly mostIdleSeconds: (session: SessionRecord) => number;
  readonly holdings: Pick<ConcurrencyLimiter, 'within'>;
  /** Removes the session's data outside the store. */
  readonly forget?: (id: SessionId) => Promise<void>;
  readonly names: SessionNames;
  readonly projects?: {
    /** Owner id of a person or key that can work in the project. Rejects: not_found. */
    workerIn(project: string, named: string): Promise<string>;
    departed(project: string): Promise<void>;
  };
  readonly resume: (id: SessionId) => Promise<unknown>;
  readonly closing: AbortSignal;
}

const maxText = 200_000;
const budgetChanged = 'The budget of this session was changed. Continue.';

export function createSessionService(deps: Deps): SessionService {
  const { store, log, commands, liveSessions, driver, watchers, clock, ids, closing } = deps;

  const list = new SessionList(store);
  const gone = () => new AppError('session_not_found', 'There is no such session.');

  async function stored(id: SessionId): Promise<StoredSession> {
    const live = liveSessions.get(id)?.writer.record;
    const record = live ?? (await list.get(id));
    if (!record || record.deleting) throw gone();
    return record;
  }
  const asOneMore = (session: Parameters<ConcurrencyLimiter['within']>[0], make: () => Promise<SessionRecord>) =>
    deps.holdings.within(session, { sessions: 1 }, make);
  const count = () => countSessions(store.records);
  /** Deepest first. */
  async function listDescendants(id: SessionId): Promise<SessionId[]> {
    const children = (await deps.children?.listChildren(id)) ?? [];
    const below = await Promise.all(children.map(listDescendants));
    return [...below.flat(), ...children];
  }

  async function change(id: SessionId, { lifetimeSeconds, ...requested }: SessionPatch): Promise<SessionRecord> {
    const session = await stored(id);
    const { life } = session;
    if (life && lifetimeSeconds !== undefined) {
      throw new AppError('conflict', 'The lifetime of this sandbox is controlled by the E2B client that created it.');
    }
    if (requested.model !== undefined) await deps.checkModel?.(requested.model);
    if (requested.skills?.length) await deps.checkSkills?.(requested.skills, session);
    const endsAt = lifetimeSeconds && clock.now() + lifetimeSeconds * 1_000;
    const fields = { ...requested, ...(endsAt !== undefined && { endsAt }) };
    const write = async () => {
      const changed = StoredSession.parse(await commands.change(id, fields));
      if (requested.budget && changed.isOverBudget) await service.send(id, { text: budgetChanged, mode: 'inject' });
      return toPublicRecord(changed);
    };
    return requested.name === undefined ? await write() : await deps.names.rename(session, requested.name, write);
  }

  // Each check has its own deadline, so only `closing` cancels it.
  const tally = new SessionCountCache(count, clock);
  const health = createSharedHealthCheck(() => checkServerHealth({ ...deps, sessions: tally.count }, closing), clock);
  const counted = async <Made>(change: Promise<Made>): Promise<Made> => {
    const created = await change;
    tally.changed();
    return created;
  };
  const news = new SessionChangeFeed();
  const changed = (record: StoredSession) => {
    if (!record.deleting) news.tell({ type: 'changed', session: toPublicRecord(record) });
  };
  const elsewhere = new SessionListPoller({
    records: store.records,
    clock,
    changed,
    deleted: (record) => news.tell({ type: 'deleted', session: toPublicRecord(record) }),
  });
  log.onAppend(({ puts = [] }) => {
    for (const { kind, doc } of puts) {
      if (kind !== 'session') continue;
      changed(doc as StoredSession);
    }
  });

  const creation = createSessionCreator({ ...deps, stored });
  const deletion = createSessionDeleter({
    ...deps,
    stored,
    gone,
    deleted: (session) => news.tell({ type: 'deleted', session }),
  });

  const create = (command: CreateSessionCommand) => {
    const { owner, projectId = null } = command;
    return counted(asOneMore({ owner, projectId }, () => creation.create(command)));
  };
  const service: SessionService = {
    ...createSessionViews({ ...deps, stored }),
    ...createNamedSessionMethods({ ...deps, create, remove: (id) => service.delete(id) }),
    create,
    async fork(id, command) {
      const { owner, projectId } = await stored(id);
      return await counted(asOneMore({ owner: command.owner ?? owner, projectId }, () => creation.fork(id, command)));
    },

    async edit(id, command) {
      checkText(command);
      const { owner, projectId, openRuns } = await stored(id);
      if (openRuns.length > 0 && !command.stopsRun)
        throw new AppError('conflict', 'A run is in progress. Stop it first, or set stopsRun.');
      if (openRuns.length > 0) await service.stop(id);
      const branch = () => creation.branch(id, command);
      const { id: created } = await counted(asOneMore({ owner: command.owner ?? owner, projectId }, branch));
      const { text, attachments = [], goal } = command;
      try {
        const sent = await service.send(created, { text, attachments, mode: 'inject', ...(goal && { goal }) });
        return { session: await service.get(created), sent };
      } catch (thrown) {
        await service.delete(created).catch(() => {}); // the caller never receives the id
        throw thrown;
      }
    },

    async list(only) {
      if (!only?.search) return await (only ? list.part(only) : list.all());
      const { search, owner, keep } = only;
      const found = owner === undefined ? await searchStoredSessions(store, search) : undefined;
      if (!found) return await list.part(only, { matches: (page) => searchListedSessions(store, page, search) });
      const { matches, among } = found;
      return await list.part({ ...only, keep: (session) => matches(session) && keep(session) }, { among });
    },
    pieces: (only) => list.pieces(only),
    get: async (id) => toPublicRecord(await stored(id)),

    async move(id, { projectId: to, owner: named }) {
      const session = await stored(id);
      const { projectId: from, name, parent } = session;
      const projectId = to === undefined ? from : to;
      if (parent) throw new AppError('conflict', 'This session belongs to another session. Move that session instead.');
      if (named !== undefined && projectId === null)
        throw new AppError('invalid_request', 'Only a session in a project can change its owner. Set a project.');
      const owner =
        named === undefined || projectId === null ? undefined : await deps.projects?.workerIn(projectId, named);
      const isNameless = name && owner !== undefined && owner !== session.owner;
      const holder = { projectId, ...(owner !== undefined && { owner }) };
      const fields = { ...holder, ...(isNameless && { name: null }) };
      await deps.volumes?.checkMove(session, projectId);
      const children = await listDescendants(id);
      const change = async () => {
        // Children first, so that an interrupted move can be repeated.
        for (const child of children) await commands.change(child, holder).catch(ignoreSessionNotFound);
        return toPublicRecord(StoredSession.parse(await commands.change(id, fields)));
      };
      const moving = { owner: owner ?? session.owner, projectId, from: session };
      const write = () => deps.holdings.within(moving, { sessions: 1 + children.length }, change);
      const moved = isNameless ? await deps.names.rename(session, null, write) : await write();
      if (from !== null && from !== projectId) await deps.projects?.departed(from);
      return moved;
    },
    rename: (id, title) => change(id, { title }),
    update: change,
    async *watch(signal, only) {
      using _elsewhere = store.shared ? elsewhere.watch() : undefined;
      yield* news.watch(() => list.all(only), combineSignals([signal, closing]));
    },

    async delete(id) {
      await stored(id);
      await deps.children?.deleteChildren(id); // first, so that an interrupted deletion can be repeated
      await counted(deletion(id));
    },

    async send(id, command) {
      const record = await stored(id);
      checkText(command);
      const { text, mode, attachments = [], clientTimestamp, goal, blocks } = command;
      const { plans } = await deps.profileOf(record);
      const { messageId = ids.messageId() } = command;
      const requested = { commandId: ids.short(), messageId, runId: ids.runId() };
      const sent = await commands.command<SendUserMessageResult>(id, {
        type: 'cmd.send',
        ...requested,
        text,
        mode,
        attachments,
        clientTimestamp,
        plans,
        ...(blocks && { blocks }),
        ...(goal && { goal }),
        ...(command.messageId && { isRepeatable: true }),
      });
      return { messageId: sent.messageId, runId: sent.runId, seq: sent.seq };
    },

    async stop(id) {
      const record = await stored(id);
      if (record.openRuns.length === 0 && !liveSessions.get(id)) {
        await deps.children?.stopChildren(id);
        return { stopped: false };
      }
      const answer = await commands.command<{ stopped: boolean }>(id, { type: 'cmd.stop', commandId: ids.short() });
      await deps.children?.stopChildren(id);
      return answer;
    },

    async decide(id, command) {
      const { openRuns } = await stored(id);
      if (openRuns.length === 0) throw new AppError('conflict', 'No call is waiting for approval.');
      return await commands.command(id, { type: 'cmd.decide', commandId: ids.short(), ...command });
    },

    async page(id, after, limit) {
      await stored(id);
      return await log.page(id, after, limit);
    },
    async *history(id) {
      await stored(id);
      yield* readEventsFrom(log, id, 1);
    },
    async *follow(id, after, { signal, deltas }) {
      await stored(id);
      using end = watchers.endOf(id);
      for await (const item of log.follow(id, after, {
        signal: combineSignals([signal, end.signal, closing]),
        deltas,
      })) {
        // Head 0 means that another server deleted the session.
        if (item.kind === 'resync' && item.head === 0) return;
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
      return await readRecordedRequest(store.records, id, turn);
    },
    agent: async (id) => {
      const record = await stored(id);
      return computeEffectiveAgent(record, await deps.profileOf(record), deps.limits ?? noServerLimits);
    },
    async skills(id, signal) {
      const record = await stored(id);
      const uploaded = (await deps.skillsOf?.(record)) ?? [];
      return await listSessionSkills(record, { uploaded, sandboxes: deps.sandboxes }, signal);
    },
    watching(id) {
      const watch = watchers.watch(id);
      void stored(id)
        .then(({ unread }) => (unread > 0 ? commands.change(id, { unread: 0 }) : undefined))
        .catch(() => {}); // if this fails, the next viewer resets the count
      return watch;
    },

    async sandbox(id): Promise<SandboxView> {
      const record = await stored(id);
      const { pause } = driver.capabilities;
      const [sandboxId, state] = [sandboxIdOf(id), record.sandboxState];
      const now = computeSandboxCondition(record, pause);
      const { filesDamaged } = record;
      const workdir = deps.workdir(sandboxId);
      const idleSeconds = computeIdleTimeoutSeconds(record, deps.mostIdleSeconds(record));
      return { id: sandboxId, ...now, pause, idleSeconds, filesDamaged, state, workdir, driver: driver.name };
    },
    health: async () => tally.update(await health()),
  };
  return service;
}

function checkText({ text }: Pick<SendUserMessageCommand, 'text'>): void {
  if (text.trim() === '') throw new AppError('invalid_request', 'The text is empty.');
  if (text.length > maxText) throw new AppError('invalid_request', `The text is longer than ${maxText} characters.`);
}
