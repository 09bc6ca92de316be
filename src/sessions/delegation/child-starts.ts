import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, type ErrorCode, toAppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import { deriveMessageId, type SessionId } from '../../core/model/ids.ts';
import { type ChildOrigin, childLinkKind, type SessionRecord } from '../../core/model/records.ts';
import type { Goal } from '../../core/model/runs/goal.ts';
import { toCopiedSandboxOptions } from '../../core/model/sandboxes/volume.ts';
import type { SessionAgent, SubAgent } from '../../core/model/session-agent.ts';
import type { BudgetSpec } from '../../core/model/spending.ts';
import { findTitleLine, truncateEnd } from '../../core/text/text.ts';
import type { TemplateInfo } from '../api/server/templates.ts';
import type { SessionService } from '../api/sessions.ts';
import type { ChildBudgets, RequestedBudget } from '../budgets/children.ts';
import type { WorkspaceCopier } from '../forks/workspace-archive.ts';

/** Passed on unchanged: codes that concern the server, or tell the model how to proceed. */
const plain: readonly ErrorCode[] = [
  'cancelled',
  'conflict',
  'fenced',
  'file_not_found',
  'internal',
  'invalid_request',
  'not_found',
  'path_outside',
  'payload_too_large',
  'shutting_down',
  'store_busy',
  'store_corrupt',
  'store_unavailable',
];

/** Converts error codes that would fail the parent's run. */
export async function convertChildErrors<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (thrown) {
    const error = toAppError(thrown);
    if (plain.includes(error.code)) throw error;
    const isGone = error.code === 'session_not_found';
    throw new AppError(isGone ? 'not_found' : 'conflict', isGone ? 'The child does not exist.' : error.publicMessage, {
      cause: error,
    });
  }
}

export const ignoreChildNotFound = (thrown: unknown): undefined => {
  if (!['session_not_found', 'file_not_found'].includes(toAppError(thrown).code)) throw thrown;
};

// Starting a child takes four repeatable steps: link, session, files, message.

const maxDepth = 2;
const maxCopies = 4;

interface Deps extends Pick<ServerDependencies, 'records'> {
  readonly copies: Pick<WorkspaceCopier, 'copy'>;
  readonly findTemplate: (name: string) => Pick<TemplateInfo, 'name' | 'model'> | undefined;
  readonly budgets: ChildBudgets;
  readonly readLimits: (session: SessionRecord) => Promise<BudgetSpec>;
  readonly sessions: () => Promise<Pick<SessionService, 'create' | 'fork' | 'get' | 'send' | 'page' | 'delete'>>;
}

/** Starting a child with the same id again does not create a second child. */
export interface ChildSessionRequest {
  readonly id: SessionId;
  readonly parent: SessionRecord;
  readonly cause: Pick<NonNullable<SessionRecord['parent']>, 'runId' | 'callId' | 'attempts' | 'n'>;
  readonly task: string;
  readonly goal?: Goal | undefined;
  /** Supplies the instructions, model and tools. Undefined: the child uses the parent's. */
  readonly template?: string | undefined;
  /** A sub-agent of the parent's agent. Undefined: the parent's agent. */
  readonly agent?: string | undefined;
  readonly model?: string | undefined;
  /** `fork`: start with the parent's conversation and current files; `copy`: only its files. */
  readonly begins: 'fork' | 'copy' | 'none';
  readonly budget: RequestedBudget;
  /** Number of equal shares of the parent's remaining budget. A child gets one share of each amount `budget` omits. */
  readonly parts: number;
  /** Maximum number of delegated children that work at the same time. Undefined: no limit. */
  readonly most?: number;
}

export class ChildStarter extends ServerComponent<Deps> {
  /** Creates one parent's children in turn, because concurrent starts could exceed its child limit or its budget. */
  readonly #turns = createKeyedQueue();

  /** Rejects: conflict (depth or child limit), invalid_request (unknown template or sub-agent), quota (no budget). */
  async start(start: ChildSessionRequest, signal: AbortSignal): Promise<void> {
    const { id, parent, begins, task: text, goal } = start;
    const sessions = await this.deps.sessions();
    await this.#turns(parent.id, async () => {
      throwIfAborted(signal);
      if (!(await sessions.get(id).catch(ignoreChildNotFound))) await this.#create(start);
    });
    await failpoint('delegate.created');
    const { forkedFrom } = await sessions.get(id);
    const { events } = await sessions.page(id, forkedFrom?.seq ?? 0, 100);
    if (events.some(({ type }) => type === 'message.user')) return;
    if (begins !== 'none') await this.#copy(parent.id, id, signal);
    await failpoint('delegate.copied');
    throwIfAborted(signal);
    await sessions.send(id, { text, mode: 'queue', messageId: deriveMessageId(`child ${id}`), ...(goal && { goal }) });
    await failpoint('delegate.sent');
  }

  async #create(start: ChildSessionRequest): Promise<void> {
    const { id, parent, cause, task, template, begins, most } = start;
    const { records, findTemplate, budgets, readLimits } = this.deps;
    const sessions = await this.deps.sessions();
    const depth = (parent.parent?.depth ?? 0) + 1;
    if (depth > maxDepth) throw new AppError('conflict', 'A child of a child cannot have children.');
    const role = template === undefined ? undefined : findTemplate(template);
    if (template !== undefined && !role)
      throw new AppError('invalid_request', `There is no template ${JSON.stringify(template)}.`);
    const chosen = findSubAgent(parent, start.agent);
    if (most !== undefined) await this.#admit(parent.id, id, most);
    const now = await sessions.get(parent.id);
    const budget = await budgets.reserve(now, await readLimits(now), { requested: start.budget, parts: start.parts });
    await records.put({ kind: childLinkKind, id: `${parent.id}:${id}`, doc: cause });
    await failpoint('delegate.recorded');
    const origin: ChildOrigin = { sessionId: parent.id, ...cause, depth, role: role?.name ?? null };
    const model = start.model ?? chosen?.model ?? role?.model ?? parent.model;
    const agent = chosen ? withSandboxOf(parent.agent, chosen.agent) : parent.agent;
    const owner = parent.owner !== undefined && { owner: parent.owner };
    if (begins === 'fork') {
      const child = { id, parent: origin, budget, ...(model !== undefined && { model }) };
      const fork = { origin: 'delegate', title: titleOf(task), files: false, child, ...owner };
      await sessions.fork(parent.id, fork).catch(unlessMade);
      return;
    }
    const command = {
      id,
      origin: 'delegate',
      title: titleOf(task),
      provisionalTitle: true,
      sameAgent: { template: parent.template, ...(parent.templateBy && { templateBy: parent.templateBy }) },
      projectId: parent.projectId,
      parent: origin,
      budget,
      ...owner,
      ...(model !== undefined && { model }),
      ...(parent.fallbacks && { fallbacks: parent.fallbacks }),
      ...(parent.toolServers && { toolServers: parent.toolServers }),
      ...(parent.sandbox && { sandbox: toCopiedSandboxOptions(parent.sandbox) }),
      ...(parent.skills && { skills: parent.skills }),
      ...(agent && { agent }),
    } as const;
    await sessions.create(command).catch(unlessMade);
  }

  async #admit(parent: SessionId, id: SessionId, most: number): Promise<void> {
    const sessions = await this.deps.sessions();
    let open = 0;
    for (const child of await this.deps.budgets.listChildren(parent, 'delegated')) {
      const record = await sessions.get(child).catch(ignoreChildNotFound);
      if (child !== id && record && record.status !== 'completed') open += 1;
    }
    if (open >= most)
      throw new AppError(
        'conflict',
        `${most} of your children are already working, the maximum. Wait for one, or stop one.`,
      );
  }

  /** Retries, because a restart during the copy can lose the sandbox. */
  async #copy(from: SessionId, to: SessionId, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.deps.copies.copy(from, to, signal);
        return;
      } catch (thrown) {
        throwIfAborted(signal);
        if (toAppError(thrown).retryable && tries < maxCopies) continue;
        const sessions = await this.deps.sessions();
        await sessions.delete(to).catch(ignoreChildNotFound);
        throw thrown;
      }
    }
  }
}

/** Ignores the error if an earlier attempt created the session. */
const unlessMade = (thrown: unknown): void => {
  if (toAppError(thrown).code !== 'fenced') throw thrown;
};

/** Undefined: the parent's agent. Throws: invalid_request. */
function findSubAgent({ agent }: SessionRecord, name: string | undefined): SubAgent | undefined {
  if (name === undefined) return undefined;
  const all = agent?.subAgents ?? [];
  const found = all.find((one) => one.name === name);
  if (found) return found;
  const names = all.map((one) => JSON.stringify(one.name)).join(', ');
  throw new AppError('invalid_request', `There is no agent ${JSON.stringify(name)}. Known agents: ${names || 'none'}.`);
}

/** A sub-agent's sandbox has the same packages, files and memory stores as its parent's. */
const withSandboxOf = (parent: SessionAgent | undefined, agent: SubAgent['agent']): SessionAgent => ({
  ...agent,
  ...(parent?.packages && { packages: parent.packages }),
  ...(parent?.files && { files: parent.files }),
  ...(parent?.memoryStores && { memoryStores: parent.memoryStores }),
});

const titleOf = (task: string): string => truncateEnd(findTitleLine(task), 80);
