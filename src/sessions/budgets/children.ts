import { z } from 'zod';
import type { Store } from '../../core/contracts/ports.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import { childLinkKind, SessionRecord } from '../../core/model/records.ts';
import {
  findOverrun,
  fromMicroCost,
  toBudgetLines,
  toMicroCost,
  withMicroCost,
  zeroAmounts,
} from '../../core/model/runs/budget.ts';
import {
  addAmounts,
  addToolCall,
  addUsage,
  type BudgetSpec,
  noSpending,
  Spending,
  toBudgetAmounts,
} from '../../core/model/spending.ts';

const nothing = { turns: 0, tokens: 0, cost: 0, toolCalls: 0 };
const words = { turns: 'turns', tokens: 'tokens', cost: 'cost', toolCalls: 'tool calls', time: 'time' } as const;
/** Costs are in the currency's main unit, such as dollars. */
export type UsageAmounts = typeof nothing;
export const buildUsageAmounts = (amount: (kind: keyof UsageAmounts) => number): UsageAmounts => ({
  ...{ turns: amount('turns'), tokens: amount('tokens') },
  ...{ cost: amount('cost'), toolCalls: amount('toolCalls') },
});
/** Absent: a share of the parent's remaining budget. */
export type RequestedBudget = { readonly [Kind in keyof UsageAmounts]?: number | undefined };

const Link = z.object({
  /** Null for an attempt. */
  callId: z.string().nullable(),
  runId: z.string().nullable(),
  attempts: z.string().optional(),
  spent: z
    .object({ turns: z.number(), tokens: z.number(), cost: z.number(), toolCalls: z.number().default(0) })
    .optional(),
});
const Lent = SessionRecord.pick({ status: true, budget: true, forkedFrom: true }).extend({
  /** Absent in records of earlier versions. The usage is then summed from the log. */
  spending: Spending.optional(),
});

interface Deps {
  readonly records: Pick<Store['records'], 'get' | 'put' | 'list'>;
  readonly events: Pick<Store['events'], 'page'>;
}

/** An open child reserves its whole budget, an ended child only its usage. */
export class ChildBudgets extends ServerComponent<Deps> {
  readonly #expected = new Map<SessionId, number>();

  /** `upTo`: the session's total number of tool calls, including those in progress. */
  keepCalls(id: SessionId, upTo: number): void {
    this.#expected.set(id, upTo);
  }

  forget(id: SessionId): void {
    this.#expected.delete(id);
  }

  /** Includes ended and deleted children. */
  async listChildren(id: SessionId, only: 'all' | 'delegated' = 'all'): Promise<readonly SessionId[]> {
    const links = await this.#links(id);
    return links.filter(([, { attempts }]) => only === 'all' || attempts === undefined).map(([child]) => child);
  }

  async #links(id: SessionId): Promise<readonly (readonly [SessionId, z.infer<typeof Link>])[]> {
    const found = await this.deps.records.list(childLinkKind, { idPrefix: `${id}:` });
    return found.map((link) => [SessionId.parse(link.id.slice(id.length + 1)), Link.parse(link.doc)]);
  }

  async reservedFor(id: SessionId): Promise<UsageAmounts> {
    let sum = nothing;
    for (const [child, { spent = nothing }] of await this.#links(id)) {
      const record = await this.#read(child);
      const used = record ? await this.spentWithChildren(child) : spent;
      const held = record && record.status !== 'completed' ? (record.budget ?? {}) : {};
      sum = addAmounts(
        sum,
        buildUsageAmounts((kind) => Math.max(used[kind], held[kind] ?? 0)),
      );
    }
    return sum;
  }

  /**
   * Grants the requested amounts or, by default, one of `parts` equal shares of the parent's remaining budget, but
   * never more than remains. Rejects: quota.
   */
  async reserve(
    { id, budget: own }: Pick<SessionRecord, 'id' | 'budget'>,
    limits: BudgetSpec,
    { requested, parts }: { readonly requested: RequestedBudget; readonly parts: number },
  ): Promise<BudgetSpec> {
    const [spent, reserved] = [await this.spent(id), await this.reservedFor(id)];
    const used = addAmounts({ ...spent, toolCalls: Math.max(spent.toolCalls, this.#expected.get(id) ?? 0) }, reserved);
    const lines = toBudgetLines('session', { ...limits, ms: undefined }, { ...withMicroCost(used), time: 0 });
    const over = findOverrun(lines, { ...zeroAmounts, toolCalls: 0 });
    if (over) throw new AppError('quota', `The budget of ${words[over.kind]} is used up, or reserved by children.`);
    const open = Object.entries(requested).filter(([, amount]) => amount !== undefined);
    const shares = lines.map(({ kind, limit, used: taken }) => {
      const share = Math.ceil((limit - taken) / parts);
      const amount = kind === 'time' ? undefined : requested[kind];
      const whole = amount !== undefined && kind === 'cost' ? toMicroCost(amount) : amount;
      const granted = Math.min(whole ?? share, limit - taken);
      return [kind, kind === 'cost' ? fromMicroCost(granted) : granted];
    });
    return { ...Object.fromEntries([...open, ...shares]), ...(own?.hard && { hard: own.hard }) };
  }

  /** Includes active runs. If the record predates stored usage, sums the log instead. */
  async spent(id: SessionId): Promise<UsageAmounts> {
    const record = await this.#read(id);
    return toBudgetAmounts(record?.spending ?? (await this.#spendingByLog(id, record?.forkedFrom?.seq ?? 0)));
  }

  async spentWithChildren(id: SessionId): Promise<UsageAmounts> {
    return addAmounts(await this.spent(id), await this.reservedFor(id));
  }

  async remember(parent: SessionId, id: SessionId): Promise<void> {
    const link = await this.deps.records.get(childLinkKind, `${parent}:${id}`);
    if (!link) return;
    const doc = { ...Link.parse(link.doc), spent: await this.spentWithChildren(id) };
    await this.deps.records.put({ kind: childLinkKind, id: link.id, doc });
  }

  async #read(id: SessionId): Promise<z.infer<typeof Lent> | undefined> {
    const found = await this.deps.records.get('session', id);
    return found && Lent.parse(found.doc);
  }

  /** `copied`: the seq of the last event that a fork copied. */
  async #spendingByLog(id: SessionId, copied: number): Promise<Spending> {
    let spending = noSpending;
    for (let [after, isRead] = [copied, false]; !isRead; ) {
      const { events, head } = await this.deps.events.page(id, after, 500);
      for (const { type, data } of events) {
        if (type === 'tool.called') spending = addToolCall(spending);
        if (type === 'usage') spending = addUsage(spending, data);
      }
      after = events.at(-1)?.seq ?? head;
      isRead = after >= head;
    }
    return spending;
  }
}
