import { combineSignals } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { Store } from '../../../src/core/contracts/ports.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionEvent, SessionFact } from '../../../src/core/model/events.ts';
import { createIdSource, type IdSource, type RunId, type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../src/core/model/records.ts';
import type { ShellView } from '../../../src/sandboxes/client/client.ts';
import type { SendUserMessageResult, ServerHealth, SessionService } from '../../../src/sessions/api/sessions.ts';
import { createSessionRecord, toPublicRecord } from '../../../src/sessions/run/log/projection.ts';
import { SessionChangeFeed } from '../../../src/sessions/services/session-list.ts';
import { createEventLog } from '../../../src/storage/log/log.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';

export interface FakeOptions {
  readonly clock: Clock;
  readonly ids?: IdSource;
  /** Plays a run once its message is in the log; by default nothing happens, and the test appends the facts. */
  readonly play?: (fake: FakeService, id: SessionId, sent: SendUserMessageResult) => Promise<void>;
}
export interface FakeService {
  readonly sessions: SessionService;
  readonly store: Store;
  /** Appends facts to a session's log, as its run would. Resolves with the seq of the last fact. */
  say(id: SessionId, ...facts: SessionFact[]): Promise<number>;
  readonly shells: Map<string, ShellView>;
  readonly files: Map<string, string>;
  /** Replacements for methods of the service; a test lets a call throw or hang with them. */
  readonly instead: Partial<SessionService>;
  readonly watchers: () => number;
}

interface Session {
  record: SessionRecord;
  active: { runId: RunId; startedSeq: number; waiting: boolean } | undefined;
  readonly ended: AbortController;
  appending: Promise<unknown>;
}

const healthy: ServerHealth = {
  storage: { status: 'healthy' },
  sandbox: { status: 'healthy', driver: 'memory' },
  model: { status: 'healthy', name: 'demo' },
  sessions: { total: 0, running: 0, waiting: 0 },
};

/** A SessionService over the real log, without machines, sandboxes or a model: all that a facade test needs. */
export function fakeService({ clock, ids = createIdSource(), play }: FakeOptions): FakeService {
  const store = createInMemoryStore();
  const log = createEventLog(store.events, { maxLag: 5_000, pageSize: 256 });
  const all = new Map<SessionId, Session>();
  const shells = new Map<string, ShellView>();
  const files = new Map<string, string>();
  const instead: Partial<SessionService> = {};
  const news = new SessionChangeFeed();
  let watchers = 0;

  const find = (id: SessionId): Session => {
    const found = all.get(id);
    if (!found) throw new AppError('session_not_found', 'Session not found');
    return found;
  };

  const say: FakeService['say'] = (id, ...facts) => {
    const session = find(id);
    const append = async () => {
      const at = clock.now();
      const after = session.record.lastSeq;
      const head = await log.append({ sessionId: id, after, at, facts });
      for (const [n, fact] of facts.entries()) note(session, fact, { seq: after + n + 1, at, watchers });
      news.tell({ type: 'changed', session: { ...session.record } });
      return head;
    };
    const done = session.appending.then(append);
    session.appending = done.catch(() => {});
    return done;
  };

  const sessions: SessionService = {
    async create({ origin, title = '', template = 'default', projectId = null, task = '', ...more }) {
      const { owner, life, metadata, sandbox } = more;
      const input = { origin, title, template, projectId, lastTask: task, owner, life, metadata, sandbox };
      const record: SessionRecord = toPublicRecord(
        createSessionRecord({ id: ids.sessionId(), ...input, at: clock.now() }),
      );
      all.set(record.id, { record, active: undefined, ended: new AbortController(), appending: Promise.resolve() });
      news.tell({ type: 'changed', session: { ...record } });
      return { ...record };
    },
    async named({ name, ...command }) {
      const found = [...all.values()].find(({ record }) => record.name === name && record.owner === command.owner);
      if (found) return { session: { ...found.record }, isNew: false };
      const { id } = await sessions.create(command);
      return { session: await sessions.update(id, { name }), isNew: true };
    },
    async byName(name, owner) {
      const found = [...all.values()].find(({ record }) => record.name === name && record.owner === owner);
      if (!found) throw new AppError('session_not_found', 'There is no session with that name.');
      return { ...found.record };
    },
    async fork(id, { origin, seq = 1, title = '', owner }) {
      const { record } = find(id);
      const made = await sessions.create({ origin, title, template: record.template, ...(owner && { owner }) });
      const forkedFrom = { sessionId: id, seq, files: 'off' as const };
      Object.assign(find(made.id).record, { forkedFrom });
      return { ...made, forkedFrom };
    },
    async edit(id, { origin, seq, text, owner }) {
      const { record } = find(id);
      const made = await sessions.create({ origin, template: record.template, ...(owner && { owner }) });
      const branch = { sessionId: id, seq };
      Object.assign(find(made.id).record, { branch });
      const sent = await sessions.send(made.id, { text, mode: 'inject' });
      return { session: { ...made, branch }, sent };
    },
    list: async () =>
      [...all.values()].map(({ record }) => ({ ...record })).sort((a, b) => b.latestMessageAt - a.latestMessageAt),
    get: async (id) => ({ ...find(id).record }), // callers must not see later changes in a record they have
    move: async (id, { projectId = null }) => await sessions.update(id, { projectId } as object),
    rename: (id, title) => sessions.update(id, { title }),
    async update(id, { title, ...marks }) {
      if (title !== undefined) await say(id, { type: 'title', runId: null, data: { title } });
      const { record } = find(id);
      Object.assign(record, marks);
      news.tell({ type: 'changed', session: { ...record } });
      return { ...record };
    },
    async *pieces({ owner, projectId } = {}) {
      const isChosen = (one: SessionRecord) =>
        (owner === undefined || one.owner === owner) && (projectId === undefined || one.projectId === projectId);
      yield (await sessions.list()).filter(isChosen);
    },
    watch: (signal) => news.watch(sessions.list, signal),
    async delete(id) {
      const { ended, record } = find(id);
      all.delete(id);
      news.tell({ type: 'deleted', session: { ...record } });
      await store.events.erase(id);
      ended.abort();
    },
    async send(id, { text, mode, attachments = [], clientTimestamp }) {
      const session = find(id);
      const { active } = session;
      if (active && mode === 'replace') await say(id, runEnd(active.runId, 'stopped', 'superseded'));
      const joins = active && (active.waiting || mode === 'inject') ? active.runId : undefined;
      const messageId = ids.messageId();
      const runId = joins ?? ids.runId();
      const data = {
        messageId,
        text,
        attachments: [...attachments],
        ...(clientTimestamp !== undefined && { clientTimestamp }),
      };
      const facts: SessionFact[] = [{ type: 'message.user', runId, data }];
      if (joins && active?.waiting) facts.push({ type: 'run.resumed', runId, data: { messageId } });
      const begins = !joins && !(active && mode === 'queue');
      if (begins) facts.push({ type: 'run.started', runId, data: { task: text, messageId } });
      const seq = (await say(id, ...facts)) - facts.length + 1;
      const sent = { messageId, runId, seq };
      if (begins) void play?.(fake, id, sent).catch(() => {}); // a test can delete the session in the meantime
      return sent;
    },
    async decide(id, { callId, decision }) {
      if (!find(id).active?.waiting) throw new AppError('conflict', 'No call is waiting for approval.');
      const runId = find(id).active?.runId ?? null;
      await say(
        id,
        { type: 'approval.resolved', runId, data: { callId, decision, by: 'user' } },
        { type: 'run.resumed', runId, data: {} },
      );
      return { callId, decision };
    },
    async stop(id) {
      const { active } = find(id);
      if (active) await say(id, runEnd(active.runId, 'stopped', 'stopped'));
      return { stopped: active !== undefined };
    },
    async page(id, after, limit) {
      find(id);
      return log.page(id, after, limit);
    },
    async *history(id) {
      const { events } = await sessions.page(id, 0, Number.MAX_SAFE_INTEGER);
      yield* events satisfies SessionEvent[];
    },
    async *follow(id, after, { signal, deltas }) {
      const { ended } = find(id);
      yield* log.follow(id, after, { signal: combineSignals([signal, ended.signal]), deltas });
    },
    activeRun: async (id) => find(id).active,
    promptAt: async () => {
      throw new AppError('not_found', 'No model was called in this session yet.');
    },
    agent: async (id) => ({
      template: find(id).record.template,
      mode: 'plan-act' as const,
      model: 'demo',
      fallbacks: [],
      tools: [],
      toolServers: [],
      skills: [],
      memory: 'off' as const,
      approvals: [],
      budgets: { run: {}, session: {} },
    }),
    async skills(id) {
      find(id);
      return [];
    },
    watching(id) {
      const { record } = find(id);
      record.unread = 0;
      watchers++;
      return { [Symbol.dispose]: () => void watchers-- };
    },
    async sandbox(id) {
      find(id);
      const now = {
        condition: 'running',
        keeps: null,
        pause: 'memory',
        idleSeconds: 1_800,
        filesDamaged: null,
      } as const;
      return { id: sandboxIdOf(id), ...now, state: 'running', workdir: '/workspace', driver: 'memory' };
    },
    async shell(id, shellId) {
      find(id);
      const shell = shells.get(shellId);
      if (!shell) throw new AppError('shell_not_found', 'Shell not found');
      return shell;
    },
    async readFile(id, path) {
      find(id);
      if (path.includes('..')) throw new AppError('path_outside', 'The path leaves the workspace.');
      const content = files.get(path);
      if (content === undefined) throw new AppError('file_not_found', 'File not found');
      return content;
    },
    health: async () => healthy,
  };
  const fake: FakeService = {
    sessions: new Proxy(sessions, { get: (target, name: keyof SessionService) => instead[name] ?? target[name] }),
    store,
    say,
    shells,
    files,
    instead,
    watchers: () => watchers,
  };
  return fake;
}

export const runEnd = (
  runId: RunId,
  status: 'completed' | 'stopped' | 'failed',
  reason: 'completed' | 'stopped' | 'superseded' | 'failed' = status,
): SessionFact => ({ type: 'run.end', runId, data: { status, reason, task: '' } });

/** Updates the session's record for a fact, as far as facades read the record. */
function note(
  session: Session,
  fact: SessionFact,
  { seq, at, watchers }: { seq: number; at: number; watchers: number },
): void {
  const { record } = session;
  record.lastSeq = seq;
  if (fact.type === 'title') record.title = fact.data.title;
  if (fact.type === 'message.user' || fact.type === 'message.assistant') {
    record.latestMessage = fact.data.text;
    record.latestMessageAt = at;
    if (fact.type === 'message.assistant' && watchers === 0) record.unread++;
  }
  if (fact.type === 'run.started' && fact.runId) {
    session.active = { runId: fact.runId, startedSeq: seq, waiting: false };
    record.status = 'running';
  }
  if (fact.type === 'run.wait' && session.active) {
    session.active.waiting = true;
    record.status = 'waiting';
  }
  if (fact.type === 'run.resumed' && session.active) {
    session.active.waiting = false;
    record.status = 'running';
  }
  if (fact.type === 'run.end' && session.active?.runId === fact.runId) {
    session.active = undefined;
    record.status = 'completed';
  }
}
