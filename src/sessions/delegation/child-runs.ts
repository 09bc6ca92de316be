import type { ChildSessions, ChildState, ChildTask } from '../../agents/tools/delegation/child-runs.ts';
import { raceAbort, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { runWorkLoop } from '../../core/concurrency/rounds.ts';
import type { EventStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { deriveSessionId, type RunId, SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { BudgetSpec } from '../../core/model/spending.ts';
import type { FileService } from '../api/files.ts';
import type { TemplateInfo } from '../api/server/templates.ts';
import type { SessionService } from '../api/sessions.ts';
import type { ChildBudgets, UsageAmounts } from '../budgets/children.ts';
import type { WorkspaceCopier } from '../forks/workspace-archive.ts';
import { ChildStarter, convertChildErrors, ignoreChildNotFound } from './child-starts.ts';

// A child's id is derived from its call, so a repeated call finds the child.

export interface ChildServices {
  readonly sessions: Pick<
    SessionService,
    'create' | 'fork' | 'get' | 'list' | 'send' | 'stop' | 'page' | 'follow' | 'delete' | 'history'
  >;
  readonly files: Pick<FileService, 'changes' | 'read' | 'write' | 'remove'>;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'records' | 'warn'> {
  /** After a restart, runs can continue before the services are ready; their calls wait for this promise. */
  readonly services: Promise<ChildServices>;
  readonly events: Pick<EventStore, 'findLastSeq' | 'page'>;
  readonly copies: Pick<WorkspaceCopier, 'copy'>;
  readonly findTemplate: (name: string) => Pick<TemplateInfo, 'name' | 'model'> | undefined;
  readonly budgets: ChildBudgets;
  readonly readLimits: (session: SessionRecord) => Promise<BudgetSpec>;
}

interface Start {
  readonly parent: SessionRecord;
  readonly runId: RunId;
  readonly most: number;
  readonly callId: string;
  readonly task: ChildTask;
}

const retryMs = 2_000;

const childIdOf = (parent: SessionId, runId: RunId, callId: string): SessionId =>
  deriveSessionId(`child ${parent} ${runId} ${callId}`);

export class Delegation extends ServerComponent<Deps> {
  readonly starts = new ChildStarter({
    ...this.deps,
    sessions: async () => (await this.deps.services).sessions,
  });

  of(parent: SessionRecord, runId: RunId, most: number): ChildSessions {
    const own = async (value: string): Promise<SessionId> => {
      const id = SessionId.parse(value);
      if (!(await this.deps.budgets.listChildren(parent.id, 'delegated')).includes(id))
        throw new AppError('not_found', `You have no child ${value}.`);
      return id;
    };
    const look = async (value: string, wait: boolean, signal: AbortSignal) => {
      const id = await own(value);
      const services = await raceAbort(this.deps.services, signal);
      if (wait) await waitUntilSettled(services.sessions, id, signal);
      return await readChildState(id, { ...services, used: await this.deps.budgets.spent(id) }, signal);
    };
    const sessions = async () => (await this.deps.services).sessions;
    return {
      start: (callId, task, signal) => convertChildErrors(this.#start({ parent, runId, most, callId, task }, signal)),
      list: () => this.deps.budgets.listChildren(parent.id, 'delegated'),
      look: (value, wait, signal) => convertChildErrors(look(value, wait, signal)),
      send: (value, text) =>
        convertChildErrors(
          own(value).then(async (id) => void (await (await sessions()).send(id, { text, mode: 'inject' }))),
        ),
      stop: (value) => convertChildErrors(own(value).then(async (id) => void (await (await sessions()).stop(id)))),
      take: (value, paths, signal) =>
        convertChildErrors(own(value).then((id) => this.#take({ from: id, to: parent.id }, paths, signal))),
    };
  }

  /** `delegated`: only the children that the agent started. */
  async stopChildren(id: SessionId, only: 'all' | 'delegated' = 'all'): Promise<void> {
    this.deps.budgets.forget(id); // this session's calls have ended
    const { sessions } = await this.deps.services;
    for (const child of await this.deps.budgets.listChildren(id, only)) {
      const record = await sessions.get(child).catch(ignoreChildNotFound);
      if (!record || record.status === 'completed') continue;
      await sessions
        .stop(child)
        .catch((err: unknown) => this.deps.warn({ err, session: child }, 'a child was not stopped'));
    }
  }

  /** Deletes the deepest children first, and stores the session's usage for its parent's budget. */
  async deleteChildren(id: SessionId): Promise<void> {
    const { sessions } = await this.deps.services;
    const parent = (await sessions.get(id)).parent?.sessionId;
    if (parent) await this.deps.budgets.remember(parent, id);
    this.deps.budgets.forget(id);
    for (const child of await this.deps.budgets.listChildren(id))
      await sessions.delete(child).catch(ignoreChildNotFound);
  }

  /** After a restart, stops delegated children of ended runs, and deletes orphaned children. Retries after errors. */
  async adopt(signal: AbortSignal): Promise<void> {
    const { clock, warn } = this.deps;
    const onError = (err: unknown) => warn({ err }, 'delegated runs could not be checked; trying again');
    const round = async () => void (await this.#adoptAll(signal));
    await runWorkLoop(round, { clock, failedMs: retryMs, onError }, signal);
  }

  async #adoptAll(signal: AbortSignal): Promise<void> {
    const { sessions } = await raceAbort(this.deps.services, signal);
    const open = await Promise.all(
      (['running', 'waiting'] as const).map((status) =>
        sessions.list({
          limit: Number.MAX_SAFE_INTEGER,
          after: undefined,
          status,
          keep: ({ parent }) => parent != null,
        }),
      ),
    );
    for (const child of open.flat()) {
      throwIfAborted(signal);
      if (child.status === 'completed' || !child.parent) continue;
      const parent = await sessions.get(child.parent.sessionId).catch(ignoreChildNotFound);
      if (!parent) await sessions.delete(child.id).catch(ignoreChildNotFound);
      else if (child.parent.attempts !== undefined) continue;
      else if (parent.status === 'completed' && (await this.#isOlder(child.id, parent.id)))
        await sessions.stop(child.id).catch(ignoreChildNotFound);
    }
  }

  /** If a child's run began after the parent's last run ended, a user started it. */
  async #isOlder(child: SessionId, parent: SessionId): Promise<boolean> {
    const readTime = async (id: SessionId, type: 'run.started' | 'run.end') => {
      const seq = await this.deps.events.findLastSeq(id, type);
      return seq === 0 ? 0 : ((await this.deps.events.page(id, seq - 1, 1)).events[0]?.ts ?? 0);
    };
    const [began, ended] = await Promise.all([readTime(child, 'run.started'), readTime(parent, 'run.end')]);
    return began <= ended;
  }

  async #start({ parent, runId, most, callId, task: childTask }: Start, signal: AbortSignal): Promise<SessionId> {
    await raceAbort(this.deps.services, signal);
    const id = childIdOf(parent.id, runId, callId);
    const { task, template, agent, files, goal, budget = {} } = childTask;
    const cause = { runId, callId };
    // By default, a child gets a quarter of the remaining budget.
    const start = { id, parent, cause, task, goal, template, agent, begins: files, budget, parts: 4, most };
    await this.starts.start(start, signal);
    return id;
  }

  async #take(
    { from: id, to: parent }: { readonly from: SessionId; readonly to: SessionId },
    requested: readonly string[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const { files } = await this.deps.services;
    const { files: changed } = await files.changes(id, signal);
    const chosen = requested.length === 0 ? changed : changed.filter(({ path }) => requested.includes(path));
    const stranger = requested.find((path) => !changed.some((one) => one.path === path));
    if (stranger !== undefined) throw new AppError('not_found', `The child has not changed ${stranger}.`);
    const taken: string[] = [];
    for (const { path, change } of chosen) {
      if (change === 'deleted') await files.remove(parent, path, signal).catch(ignoreChildNotFound);
      else await files.write(parent, path, await files.read(id, path, signal), signal);
      taken.push(`${change} ${path}`);
    }
    return taken;
  }
}

interface ChildSources {
  readonly sessions: Pick<SessionService, 'get' | 'history'>;
  readonly files: Pick<FileService, 'changes'>;
  readonly used: UsageAmounts;
}

async function readChildState(
  id: SessionId,
  { sessions, files, used }: ChildSources,
  signal: AbortSignal,
): Promise<ChildState> {
  const record = await sessions.get(id);
  let [lastWords, question]: [string, string | undefined] = ['', undefined];
  for await (const event of sessions.history(id)) {
    if (event.type === 'message.assistant') lastWords = event.data.text;
    if (event.type === 'run.wait') question = event.data.question;
    if (event.type === 'run.resumed' || event.type === 'run.end') question = undefined;
  }
  const state =
    record.status === 'completed'
      ? (record.outcome?.status ?? 'completed')
      : record.status === 'waiting'
        ? 'waiting'
        : 'running';
  const changed = state === 'running' ? { files: [] } : await files.changes(id, signal).catch(() => ({ files: [] }));
  const letters = { added: 'A', modified: 'M', deleted: 'D' } as const;
  return {
    id,
    title: record.title,
    state,
    ...(question !== undefined && { question }),
    lastWords,
    ...used,
    changes: changed.files.map(({ path, change }) => `${letters[change]} ${path}`),
  };
}

async function waitUntilSettled(
  { get, follow }: Pick<SessionService, 'get' | 'follow'>,
  id: SessionId,
  signal: AbortSignal,
): Promise<void> {
  let [after, isCut] = [0, true];
  while (isCut) {
    isCut = false;
    for await (const update of follow(id, after, { signal, deltas: false })) {
      if (update.kind === 'resync') {
        // The child's log was trimmed, so use the state in its record.
        if ((await get(id)).status !== 'running') return;
        [after, isCut] = [update.head, true];
        break;
      }
      for (const { type, data } of update.events) {
        const mayEnd = type === 'run.end' || (type === 'run.wait' && data.reason !== 'approval');
        const { status } = mayEnd ? await get(id) : { status: 'running' };
        if (status === (type === 'run.end' ? 'completed' : 'waiting')) return;
      }
    }
  }
  throwIfAborted(signal);
}
