import { expect, test } from 'vitest';
import type { SessionEvent } from '../../../../src/core/model/events.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { childKind, type SessionRecord } from '../../../../src/core/model/records.ts';
import { addToolCall, addUsage, noSpending, type OwnBudget } from '../../../../src/core/model/spending.ts';
import type { SessionService } from '../../../../src/sessions/api/sessions.ts';
import { ChildBudgets } from '../../../../src/sessions/delegation/child-budgets.ts';
import { memoryStore } from '../../../../src/storage/memory/store.ts';
import { stored } from '../../../support/machines/session-parts.ts';

const parent = SessionId.parse('0'.repeat(16));
const idOf = (n: number) => SessionId.parse(`${n}`.repeat(16));

/** A session with this budget and these tool calls in its log. */
function world(budget: OwnBudget) {
  const { records } = memoryStore();
  const all = new Map<SessionId, { record: SessionRecord; calls: number }>();
  all.set(parent, { record: stored({ id: parent, status: 'running' }), calls: 0 });
  const sessions: Pick<SessionService, 'get' | 'history'> = {
    get: async (id) => all.get(id)?.record as SessionRecord,
    async *history(id) {
      for (let seq = 1; seq <= (all.get(id)?.calls ?? 0); seq++) yield { type: 'tool.called', seq } as SessionEvent;
    },
  };
  const budgets = new ChildBudgets({ records, sessions: async () => sessions, budgetOf: async () => budget });
  return {
    budgets,
    called(id: SessionId, calls: number) {
      const one = all.get(id);
      if (one) one.calls = calls;
    },
    async begin(n: number, asked: OwnBudget = {}) {
      const own = await budgets.budgetFor(parent, asked, 4);
      await records.put({ kind: childKind, id: `${parent}:${idOf(n)}`, doc: { callId: 'c', runId: null } });
      all.set(idOf(n), { record: stored({ id: idOf(n), status: 'running', budget: own }), calls: 0 });
      return own.toolCalls;
    },
    end(n: number) {
      const one = all.get(idOf(n));
      if (one) one.record = { ...one.record, status: 'completed' };
    },
  };
}

test('children get parts of the tool calls that are left, and what one has not used is there again after its end', async () => {
  const { begin, called, end, budgets } = world({ toolCalls: 20 });
  called(parent, 4);
  expect(await begin(1)).toBe(4); // a quarter of 16
  expect(await begin(2, { toolCalls: 100 })).toBe(12); // all that is left
  await expect(begin(3)).rejects.toThrow('The budget of tool calls is used up');
  called(idOf(2), 2);
  end(2);
  expect(await begin(3, { toolCalls: 100 })).toBe(10);
  expect((await budgets.spentWithChildren(parent)).toolCalls).toBe(20);
});

test('what a child has spent is in its record, and its log is not read', async () => {
  const { records } = memoryStore();
  const spending = addUsage(noSpending, {
    inputTokens: 7,
    outputTokens: 3,
    cost: 0.5,
    assumed: { tokens: 2, cost: 0.25 },
  });
  const sessions: Pick<SessionService, 'get' | 'history'> = {
    get: async (id) => stored({ id, status: 'running', budget: {} }),
    history: () => expect.fail('the log was read'),
  };
  for (const n of [1, 2]) {
    await records.put({ kind: childKind, id: `${parent}:${idOf(n)}`, doc: { callId: 'c', runId: null } });
    await records.put({ kind: 'session', id: idOf(n), doc: { spending: addToolCall(spending) } });
  }
  const budgets = new ChildBudgets({ records, sessions: async () => sessions, budgetOf: async () => ({}) });
  expect(await budgets.reservedFor(parent)).toEqual({ turns: 2, tokens: 24, cost: 1.5, toolCalls: 2 });
});

test('the calls that the parent makes now are given to no child', async () => {
  const { begin, called, budgets } = world({ toolCalls: 10 });
  called(parent, 1);
  budgets.keepCalls(parent, 1 + 8); // eight calls of delegate side by side
  expect(await begin(1, { toolCalls: 5 })).toBe(1);
  await expect(begin(2)).rejects.toMatchObject({ code: 'quota' });
  expect(9 + (await budgets.reservedFor(parent)).toolCalls).toBe(10);
});
