import { expect, test } from 'vitest';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { childLinkKind } from '../../../../src/core/model/records.ts';
import {
  addToolCall,
  addUsage,
  type BudgetSpec,
  noSpending,
  type Spending,
} from '../../../../src/core/model/spending.ts';
import { ChildBudgets, type RequestedBudget } from '../../../../src/sessions/budgets/children.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { stored } from '../../../support/machines/session-parts.ts';

const parent = SessionId.parse('0'.repeat(16));
const idOf = (n: number) => SessionId.parse(`${n}`.repeat(16));

/** A session with this budget, and the tool calls of it and its children. */
async function world(budget: BudgetSpec) {
  const { records } = createInMemoryStore();
  const events = { page: () => expect.fail('the log was read') };
  const budgets = new ChildBudgets({ records, events });
  const own = { id: parent, budget: undefined };
  const put = async (id: SessionId, spending: Partial<Spending>, more: object = {}) => {
    const doc = stored({ id, status: 'running', spending: { ...noSpending, ...spending }, ...more });
    await records.put({ kind: 'session', id, doc });
  };
  await put(parent, {});
  return {
    budgets,
    put,
    async begin(n: number, requested: RequestedBudget = {}) {
      const lent = await budgets.reserve(own, budget, { requested, parts: 4 });
      await records.put({ kind: childLinkKind, id: `${parent}:${idOf(n)}`, doc: { callId: 'c', runId: null } });
      await put(idOf(n), {}, { budget: lent });
      return lent;
    },
  };
}

test('children get parts of the tool calls that are left, and what one has not used is there again after its end', async () => {
  const { begin, put, budgets } = await world({ toolCalls: 20 });
  await put(parent, { toolCalls: 4 });
  expect(await begin(1)).toEqual({ toolCalls: 4 }); // a quarter of 16
  expect(await begin(2, { toolCalls: 100, turns: 3 })).toEqual({ toolCalls: 12, turns: 3 }); // everything that is left
  await expect(begin(3)).rejects.toThrow('The budget of tool calls is used up');
  await put(idOf(2), { toolCalls: 2 }, { status: 'completed' });
  expect(await begin(3, { toolCalls: 100 })).toEqual({ toolCalls: 10 });
  expect((await budgets.spentWithChildren(parent)).toolCalls).toBe(20);
});

test('a part of the money is whole, and all parts together are not more than the parent has', async () => {
  const { begin } = await world({ cost: 0.3 });
  expect([await begin(1), await begin(2), await begin(3, { cost: 0.1 }), await begin(4, { cost: 9 })]).toEqual([
    ...[{ cost: 0.075 }, { cost: 0.05625 }, { cost: 0.1 }, { cost: 0.06875 }],
  ]);
  await expect(begin(5)).rejects.toMatchObject({ code: 'quota' });
});

test('what a child has spent is in its record, and its log is not read', async () => {
  const { begin, put, budgets } = await world({});
  const usage = { inputTokens: 7, outputTokens: 3, cost: 0.5, assumed: { tokens: 2, cost: 0.25 } };
  for (const n of [1, 2]) {
    await begin(n);
    await put(idOf(n), addToolCall(addUsage(noSpending, usage)), { budget: {} });
  }
  expect(await budgets.reservedFor(parent)).toEqual({ turns: 2, tokens: 24, cost: 1.5, toolCalls: 2 });
});

test('what a session of an early version has spent is in its log, without the part of the session it was forked from', async () => {
  const { records } = createInMemoryStore();
  const usage = { type: 'usage', data: { inputTokens: 7, outputTokens: 3 } };
  const log = [usage, { type: 'tool.called' }, usage, { type: 'tool.called' }].map((event, n) => ({
    ...event,
    seq: n + 1,
  }));
  const page = async (_: SessionId, after: number) => ({ events: log.slice(after, after + 1), head: log.length });
  const { spending: _, ...doc } = stored({ id: parent, forkedFrom: { sessionId: idOf(9), seq: 1, files: 'kept' } });
  await records.put({ kind: 'session', id: parent, doc });
  const budgets = new ChildBudgets({ records, events: { page: page as never } });
  expect(await budgets.spent(parent)).toEqual({ turns: 1, tokens: 10, cost: 0, toolCalls: 2 });
});

test('no child gets the calls that the parent makes now', async () => {
  const { begin, put, budgets } = await world({ toolCalls: 10 });
  await put(parent, { toolCalls: 1 });
  budgets.keepCalls(parent, 1 + 8); // eight calls of delegate side by side
  expect(await begin(1, { toolCalls: 5 })).toEqual({ toolCalls: 1 });
  await expect(begin(2)).rejects.toMatchObject({ code: 'quota' });
  expect(9 + (await budgets.reservedFor(parent)).toolCalls).toBe(10);
  budgets.forget(parent);
  expect(await begin(2, { toolCalls: 5 })).toEqual({ toolCalls: 5 });
});
