import { z } from 'zod';
import type { ChildTask } from '../../agents/tools/delegation/child-runs.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import { childKind, type SessionRecord } from '../../core/model/records.ts';
import type { OwnBudget } from '../../core/model/spending.ts';
import {
  addAmounts,
  addToolCall,
  addUsage,
  countedIn,
  exact,
  noSpending,
  Spending,
} from '../../core/model/spending.ts';
import type { SessionService } from '../api/sessions.ts';
import { unlessGone } from './child-failures.ts';

const kinds = ['turns', 'tokens', 'cost', 'toolCalls'] as const;
const nothing = { turns: 0, tokens: 0, cost: 0, toolCalls: 0 };
const words = { turns: 'turns', tokens: 'tokens', cost: 'cost', toolCalls: 'tool calls' } as const;
export type Amounts = typeof nothing;

const Link = z.object({
  /** Null for an attempt, as is `runId`. */
  callId: z.string().nullable(),
  runId: z.string().nullable(),
  /** The id of the attempts that it belongs to. */
  attempts: z.string().optional(),
  /** Once it is deleted. */
  spent: z
    .object({ turns: z.number(), tokens: z.number(), cost: z.number(), toolCalls: z.number().default(0) })
    .optional(),
});

const Counted = z.object({ spending: Spending.optional() });

interface BudgetDeps {
  readonly records: RecordStore;
  /** Resolves once the services are there. */
  readonly sessions: () => Promise<Pick<SessionService, 'get' | 'history'>>;
  /** The limits of a session over all of its runs. */
  readonly budgetOf: (session: SessionRecord) => Promise<OwnBudget>;
}

/** Gives children parts of their parent's budget, and counts how much they have used. */
export class ChildBudgets {
  readonly #deps: BudgetDeps;
  /** The tool calls that sessions will have made once those under way have ended. */
  readonly #expected = new Map<SessionId, number>();

  constructor(deps: BudgetDeps) {
    this.#deps = deps;
  }

  /** Keeps the calls that a session makes now back from its budget. */
  keepCalls(id: SessionId, upTo: number): void {
    this.#expected.set(id, upTo);
  }

  forget(id: SessionId): void {
    this.#expected.delete(id);
  }

  /** The ids of a session's children, also of those that have ended. */
  async childrenOf(id: SessionId, only: 'all' | 'delegated' = 'all'): Promise<readonly SessionId[]> {
    const found = await this.#deps.records.list(childKind, { idPrefix: `${id}:` });
    return found
      .filter(({ doc }) => only === 'all' || Link.parse(doc).attempts === undefined)
      .map((record) => SessionId.parse(record.id.slice(id.length + 1)));
  }

  /** The part of a session's budget that its children have: all that an open one may use, and all that an ended one has used. */
  async reservedFor(id: SessionId): Promise<Amounts> {
    const sum = { ...nothing };
    const sessions = await this.#deps.sessions();
    for (const child of await this.childrenOf(id)) {
      const record = await sessions.get(child).catch(unlessGone);
      const used = record ? await this.spentWithChildren(child) : await this.#remembered(id, child);
      const isOver = record === undefined || record.status === 'completed';
      for (const kind of kinds) sum[kind] += isOver ? used[kind] : Math.max(used[kind], record.budget?.[kind] ?? 0);
    }
    return sum;
  }

  /**
   * At most what the parent has left, minus the reservations of its other children. Without a request: one of `parts`
   * of it.
   */
  async budgetFor(parent: SessionId, requested: NonNullable<ChildTask['budget']>, parts: number): Promise<OwnBudget> {
    const sessions = await this.#deps.sessions();
    const limits = await this.#deps.budgetOf(await sessions.get(parent));
    const used = await this.spent(parent);
    const reserved = await this.reservedFor(parent);
    used.toolCalls = Math.max(used.toolCalls, this.#expected.get(parent) ?? 0);
    const { hard } = (await sessions.get(parent)).budget ?? {};
    const budget: { -readonly [Kind in keyof Amounts]?: number } = {};
    for (const kind of kinds) {
      const limit = limits[kind];
      const left = limit === undefined ? undefined : exact(limit - used[kind] - reserved[kind], kind);
      if (left !== undefined && left <= 0)
        throw new AppError('quota', `The budget of ${words[kind]} is used up, or reserved by children.`);
      const target = requested[kind];
      if (left === undefined) {
        if (target !== undefined) budget[kind] = target;
        continue;
      }
      const share = kind === 'cost' ? left / parts : Math.ceil(left / parts);
      budget[kind] = Math.min(target ?? share, left);
    }
    return { ...budget, ...(hard && { hard }) };
  }

  /** By its record, which counts each turn, also of a run that is under way. A record of an early version has no count, but its log. */
  async spent(id: SessionId): Promise<Amounts> {
    const { spending } = Counted.parse((await this.#deps.records.get('session', id))?.doc ?? {});
    return countedIn(spending ?? (await this.#spendingByLog(id)));
  }

  async #spendingByLog(id: SessionId): Promise<Spending> {
    const sessions = await this.#deps.sessions();
    let spending = noSpending;
    const copied = (await sessions.get(id)).forkedFrom?.seq ?? 0; // of the session that it was forked from
    for await (const { type, data, seq } of sessions.history(id)) {
      if (seq <= copied) continue;
      if (type === 'tool.called') spending = addToolCall(spending);
      if (type === 'usage') spending = addUsage(spending, data);
    }
    return spending;
  }

  async spentWithChildren(id: SessionId): Promise<Amounts> {
    const [own, lent] = await Promise.all([this.spent(id), this.reservedFor(id)]);
    return addAmounts(own, lent);
  }

  /** Stores the spending of a child that is about to be deleted. */
  async remember(parent: SessionId, id: SessionId): Promise<void> {
    const link = await this.#deps.records.get(childKind, `${parent}:${id}`);
    if (!link) return;
    const doc = { ...Link.parse(link.doc), spent: await this.spentWithChildren(id) };
    await this.#deps.records.put({ kind: childKind, id: link.id, doc });
  }

  async #remembered(parent: SessionId, id: SessionId): Promise<Amounts> {
    const found = await this.#deps.records.get(childKind, `${parent}:${id}`);
    return (found && Link.parse(found.doc).spent) ?? nothing;
  }
}
