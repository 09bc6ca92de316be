import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ChildRuns, ChildState, ChildTask } from '../../agents/tools/delegation/child-runs.ts';
import { raceAbort, throwIfFired } from '../../core/concurrency/cancel.ts';
import { keyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError, type ErrorCode, toAppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import { type RunId, SessionId } from '../../core/model/ids.ts';
import { childKind, type OwnBudget, type SessionRecord } from '../../core/model/records.ts';
import type { FileService } from '../api/files.ts';
import type { TemplateInfo } from '../api/server/templates.ts';
import type { SessionService } from '../api/sessions.ts';
import type { WorkspaceCopies } from './workspace-copies.ts';

// A child is a session whose id follows from the call that started it. So a call that a restart interrupted finds its child
// again, and each step of a start can be repeated: the record, the session, the files, the message.

const maxDepth = 2;
const maxCopies = 4; // tries of one copy

const Link = z.object({
  callId: z.string(),
  runId: z.string(),
  /** Once it is deleted. */
  spent: z.object({ turns: z.number(), tokens: z.number(), cost: z.number() }).optional(),
});
const kinds = ['turns', 'tokens', 'cost'] as const;
const nothing = { turns: 0, tokens: 0, cost: 0 };
type Amounts = typeof nothing;
type Wish = NonNullable<ChildTask['budget']>;

interface ChildServices {
  readonly sessions: Pick<
    SessionService,
    'create' | 'get' | 'send' | 'stop' | 'page' | 'follow' | 'delete' | 'history'
  >;
  readonly files: Pick<FileService, 'changes' | 'read' | 'write' | 'remove'>;
}
interface Deps {
  readonly records: RecordStore;
  readonly copies: WorkspaceCopies;
  readonly findTemplate: (name: string) => Pick<TemplateInfo, 'name' | 'model'> | undefined;
  /** The limits of a session over all of its runs. */
  readonly budgetOf: (session: SessionRecord) => Promise<OwnBudget>;
  readonly warn: (about: object, text: string) => void;
}

interface Start {
  readonly parent: SessionRecord;
  readonly runId: RunId;
  /** The children that the parent can have at work at once. */
  readonly most: number;
  readonly callId: string;
  readonly task: ChildTask;
}

const childIdOf = (parent: SessionId, runId: RunId, callId: string): SessionId =>
  SessionId.parse(createHash('sha256').update(`child ${parent} ${runId} ${callId}`).digest('hex').slice(0, 16));

/** The runs that agents give to other agents. */
export class Delegation {
  readonly #deps: Deps;
  readonly #services = Promise.withResolvers<ChildServices>();
  /** Starts of one parent come one after another, so that none evades the count or the budget. */
  readonly #turns = keyedQueue();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** After a restart a run can go on before the services are there, so its calls wait. */
  meet(services: ChildServices): void {
    this.#services.resolve(services);
  }

  /** The ids of a session's children, also of those that have ended. */
  async childrenOf(id: SessionId): Promise<readonly SessionId[]> {
    const found = await this.#deps.records.list(childKind, { idPrefix: `${id}:` });
    return found.map((record) => SessionId.parse(record.id.slice(id.length + 1)));
  }

  /** The tools of one run. */
  of(parent: SessionRecord, runId: RunId, most: number): ChildRuns {
    const own = async (given: string): Promise<SessionId> => {
      const id = SessionId.parse(given);
      if (!(await this.#deps.records.get(childKind, `${parent.id}:${id}`)))
        throw new AppError('not_found', `You have no child ${given}.`);
      return id;
    };
    const look = async (given: string, wait: boolean, signal: AbortSignal) => {
      const id = await own(given);
      const { sessions } = await raceAbort(this.#services.promise, signal);
      if (wait) await settled(sessions, id, signal);
      return await this.#look(id, signal);
    };
    const sessions = async () => (await this.#services.promise).sessions;
    return {
      start: (callId, task, signal) => told(this.#start({ parent, runId, most, callId, task }, signal)),
      list: () => this.childrenOf(parent.id),
      look: (given, wait, signal) => told(look(given, wait, signal)),
      send: (given, text) =>
        told(own(given).then(async (id) => void (await (await sessions()).send(id, { text, mode: 'inject' })))),
      stop: (given) => told(own(given).then(async (id) => void (await (await sessions()).stop(id)))),
      take: (given, paths, signal) =>
        told(own(given).then((id) => this.#take({ from: id, to: parent.id }, paths, signal))),
    };
  }

  /** The part of a session's budget that its children have: all that an open one may use, and all that an ended one has used. */
  async reservedFor(id: SessionId): Promise<Amounts> {
    const sum = { turns: 0, tokens: 0, cost: 0 };
    const { sessions } = await this.#services.promise;
    for (const child of await this.childrenOf(id)) {
      const record = await sessions.get(child).catch(unlessGone);
      const used = record ? await this.#spentWithChildren(child) : await this.#remembered(id, child);
      const isOver = record === undefined || record.status === 'completed';
      for (const kind of kinds) sum[kind] += isOver ? used[kind] : Math.max(used[kind], record.budget?.[kind] ?? 0);
    }
    return sum;
  }

  /** A run has ended: its children end with it. */
  async stopChildren(id: SessionId): Promise<void> {
    const { sessions } = await this.#services.promise;
    for (const child of await this.childrenOf(id)) {
      const record = await sessions.get(child).catch(unlessGone);
      if (!record || record.status === 'completed') continue;
      await sessions
        .stop(child)
        .catch((err: unknown) => this.#deps.warn({ err, session: child }, 'a child was not stopped'));
    }
  }

  /** Deletes the children, the deepest first, and keeps what the session has spent for the budget of its parent. */
  async deleteChildren(id: SessionId): Promise<void> {
    const { sessions } = await this.#services.promise;
    const parent = (await sessions.get(id)).parent?.sessionId;
    const link = parent && (await this.#deps.records.get(childKind, `${parent}:${id}`));
    if (link) {
      const doc = { ...Link.parse(link.doc), spent: await this.#spentWithChildren(id) };
      await this.#deps.records.put({ kind: childKind, id: link.id, doc });
    }
    for (const child of await this.childrenOf(id)) await sessions.delete(child).catch(unlessGone);
  }

  /** After a restart: ends what works for a run that has ended, or for a session that is gone. */
  async adopt(): Promise<void> {
    const { sessions } = await this.#services.promise;
    for (const { id } of await this.#deps.records.list(childKind)) {
      const [parentId = '', childId = ''] = id.split(':');
      const child = await sessions.get(SessionId.parse(childId)).catch(unlessGone);
      if (!child || child.status === 'completed' || !child.parent) continue;
      const parent = await sessions.get(SessionId.parse(parentId)).catch(unlessGone);
      if (!parent) await sessions.delete(child.id).catch(unlessGone);
      else if (parent.status === 'completed' && (await this.#isOlder(child.id, parent.id)))
        await sessions.stop(child.id).catch(unlessGone);
    }
  }

  /** Whether the child's run began before its parent's last one ended. A person can let a child work on later. */
  async #isOlder(child: SessionId, parent: SessionId): Promise<boolean> {
    const { sessions } = await this.#services.promise;
    let [began, ended] = [0, 0];
    for await (const { type, ts } of sessions.history(child)) if (type === 'run.started') began = ts;
    for await (const { type, ts } of sessions.history(parent)) if (type === 'run.end') ended = ts;
    return began <= ended;
  }

  async #start(start: Start, signal: AbortSignal): Promise<SessionId> {
    const { parent, runId, callId, task } = start;
    const { sessions } = await raceAbort(this.#services.promise, signal);
    const id = childIdOf(parent.id, runId, callId);
    await this.#turns(parent.id, async () => {
      throwIfFired(signal);
      if (!(await sessions.get(id).catch(unlessGone))) await this.#create(start, id);
    });
    await failpoint('delegate.created');
    const { events } = await sessions.page(id, 0, 100);
    if (events.some(({ type }) => type === 'message.user')) return id;
    if (task.files === 'copy') await this.#copy(parent.id, id, signal);
    await failpoint('delegate.copied');
    throwIfFired(signal);
    await sessions.send(id, { text: task.task, mode: 'queue' });
    await failpoint('delegate.sent');
    return id;
  }

  async #create({ parent, runId, most, callId, task }: Start, id: SessionId): Promise<void> {
    const { records, findTemplate } = this.#deps;
    const { sessions } = await this.#services.promise;
    const depth = (parent.parent?.depth ?? 0) + 1;
    if (depth > maxDepth) throw new AppError('conflict', 'A child of a child cannot delegate.');
    const role = task.template === undefined ? undefined : findTemplate(task.template);
    if (task.template !== undefined && !role)
      throw new AppError('invalid_request', `There is no template ${JSON.stringify(task.template)}.`);
    await this.#admit(parent.id, id, most);
    const budget = await this.#budgetFor(parent.id, task.budget ?? {});
    await records.put({ kind: childKind, id: `${parent.id}:${id}`, doc: { callId, runId } });
    await failpoint('delegate.recorded');
    const model = role?.model ?? parent.model;
    const command = {
      id,
      origin: 'delegate',
      title: titleOf(task.task),
      provisionalTitle: true,
      sameAgent: { template: parent.template, ...(parent.templateBy && { templateBy: parent.templateBy }) },
      projectId: parent.projectId,
      parent: { sessionId: parent.id, runId, callId, depth, role: role?.name ?? null },
      budget,
      ...(parent.owner !== undefined && { owner: parent.owner }),
      ...(model !== undefined && { model }),
      ...(parent.fallbacks && { fallbacks: parent.fallbacks }),
      ...(parent.toolServers && { toolServers: parent.toolServers }),
      ...(parent.sandbox && { sandbox: parent.sandbox }),
      ...(parent.skills && { skills: parent.skills }),
      ...(parent.agent && { agent: parent.agent }),
    } as const;
    await sessions.create(command).catch((thrown: unknown) => {
      if (toAppError(thrown).code !== 'fenced') throw thrown; // an earlier try made it
    });
  }

  /** A sandbox can be lost meanwhile, by a restart for example. A child that cannot begin is no session to keep. */
  async #copy(from: SessionId, to: SessionId, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#deps.copies.copy(from, to, signal);
        return;
      } catch (thrown) {
        throwIfFired(signal);
        if (toAppError(thrown).retryable && tries < maxCopies) continue;
        const { sessions } = await this.#services.promise;
        await sessions.delete(to).catch(unlessGone);
        throw thrown;
      }
    }
  }

  async #admit(parent: SessionId, id: SessionId, most: number): Promise<void> {
    const { sessions } = await this.#services.promise;
    let open = 0;
    for (const child of await this.childrenOf(parent)) {
      const record = await sessions.get(child).catch(unlessGone);
      if (child !== id && record && record.status !== 'completed') open += 1;
    }
    if (open >= most)
      throw new AppError(
        'conflict',
        `${most} of your children work already, the most at once. Wait for one, or stop one.`,
      );
  }

  /** At most what the parent has left, without what its other children may still use. */
  async #budgetFor(parent: SessionId, asked: Wish): Promise<OwnBudget> {
    const { sessions } = await this.#services.promise;
    const limits = await this.#deps.budgetOf(await sessions.get(parent));
    const used = await this.#spent(parent);
    const reserved = await this.reservedFor(parent);
    const budget: { -readonly [Kind in keyof Amounts]?: number } = {};
    for (const kind of kinds) {
      const limit = limits[kind];
      const left = limit === undefined ? undefined : limit - used[kind] - reserved[kind];
      if (left !== undefined && left <= 0)
        throw new AppError('quota', `Nothing is left of the budget of ${kind}: your children have it, or it is spent.`);
      const wanted = asked[kind];
      if (left === undefined) {
        if (wanted !== undefined) budget[kind] = wanted;
        continue;
      }
      // Without a wish a child gets a quarter, so that there is some for others and for the parent.
      const share = kind === 'cost' ? left / 4 : Math.ceil(left / 4);
      budget[kind] = Math.min(wanted ?? share, left);
    }
    return budget;
  }

  async #spentWithChildren(id: SessionId): Promise<Amounts> {
    const [own, lent] = await Promise.all([this.#spent(id), this.reservedFor(id)]);
    return { turns: own.turns + lent.turns, tokens: own.tokens + lent.tokens, cost: own.cost + lent.cost };
  }

  async #remembered(parent: SessionId, id: SessionId): Promise<Amounts> {
    const found = await this.#deps.records.get(childKind, `${parent}:${id}`);
    return (found && Link.parse(found.doc).spent) ?? nothing;
  }

  /** By its log, which has the usage of each turn, also of a run that is under way. */
  async #spent(id: SessionId): Promise<Amounts> {
    const { sessions } = await this.#services.promise;
    const used = { turns: 0, tokens: 0, cost: 0 };
    for await (const { type, data } of sessions.history(id)) {
      if (type !== 'usage') continue;
      used.turns += 1;
      used.tokens += data.inputTokens + data.outputTokens + (data.assumed?.tokens ?? 0);
      used.cost += (data.cost ?? 0) + (data.assumed?.cost ?? 0);
    }
    return used;
  }

  async #look(id: SessionId, signal: AbortSignal): Promise<ChildState> {
    const { sessions, files } = await this.#services.promise;
    const record = await sessions.get(id);
    const used = await this.#spent(id);
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

  async #take(
    { from: id, to: parent }: { readonly from: SessionId; readonly to: SessionId },
    wanted: readonly string[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const { files } = await this.#services.promise;
    const { files: changed } = await files.changes(id, signal);
    const chosen = wanted.length === 0 ? changed : changed.filter(({ path }) => wanted.includes(path));
    const stranger = wanted.find((path) => !changed.some((one) => one.path === path));
    if (stranger !== undefined) throw new AppError('not_found', `The child has not changed ${stranger}.`);
    const taken: string[] = [];
    for (const { path, change } of chosen) {
      if (change === 'deleted') await files.remove(parent, path, signal).catch(unlessGone);
      else await files.write(parent, path, await files.read(id, path, signal), signal);
      taken.push(`${change} ${path}`);
    }
    return taken;
  }
}

/** Resolves when the child has ended or is gone, or waits for something other than a person's permission. */
async function settled(
  { get, follow }: Pick<SessionService, 'get' | 'follow'>,
  id: SessionId,
  signal: AbortSignal,
): Promise<void> {
  let [after, isCut] = [0, true];
  while (isCut) {
    isCut = false;
    for await (const update of follow(id, after, { signal, deltas: false })) {
      if (update.kind === 'resync') {
        // Its log is trimmed, so its record says how it is.
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
  throwIfFired(signal);
}

/** Failures that end the parent's call as they are: they are the server's, or the model reads what to do. */
const plain: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...([
    'cancelled',
    'shutting_down',
    'fenced',
    'store_unavailable',
    'store_busy',
    'store_corrupt',
    'internal',
  ] as const),
  ...(['invalid_request', 'not_found', 'file_not_found', 'path_outside', 'conflict', 'payload_too_large'] as const),
]);
/** A child that cannot work is no reason for its parent's run to fail. */
async function told<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (thrown) {
    const error = toAppError(thrown);
    if (plain.has(error.code)) throw error;
    const isGone = error.code === 'session_not_found';
    throw new AppError(isGone ? 'not_found' : 'conflict', isGone ? 'The child is gone.' : error.publicMessage, {
      cause: error,
    });
  }
}

const unlessGone = (thrown: unknown): undefined => {
  if (!['session_not_found', 'file_not_found'].includes(toAppError(thrown).code)) throw thrown;
};
const titleOf = (task: string): string => (task.split('\n')[0] ?? '').slice(0, 80);
