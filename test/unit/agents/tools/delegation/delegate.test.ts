import { expect, test } from 'vitest';
import type { ChildSessions, ChildState, ChildTask } from '../../../../../src/agents/tools/delegation/child-runs.ts';
import { createToolRegistry, runTool } from '../../../../../src/agents/tools/registry.ts';
import { toolBench } from '../../../../support/agents/tools.ts';

const registry = createToolRegistry();
const done: ChildState = {
  ...{ id: '0123456789abcdef', title: 'Part', state: 'completed', lastWords: 'It is done.' },
  ...{ turns: 2, tokens: 300, cost: 0, toolCalls: 1, changes: [] },
};

/** An agent whose children end at once. */
function parent() {
  const started: ChildTask[] = [];
  const children: ChildSessions = {
    start: async (_callId, task) => {
      started.push(task);
      return done.id;
    },
    look: async () => done,
    list: async () => [],
    send: async () => {},
    stop: async () => {},
    take: async () => [],
  };
  const { context } = toolBench();
  const delegate = (args: object) =>
    runTool(registry, { ...context({}), children }, { name: 'delegate', args: { task: 'Write it.', ...args } });
  return { delegate, started };
}

test('a child gets the goal that its parent gives it, with the usual time of a check and the usual revisions', async () => {
  const { delegate, started } = parent();
  const goal = { rubric: 'Each option has an example.', checks: ['npm test'] };
  expect(await delegate({ goal })).toMatchObject({ ok: true, output: expect.stringContaining('It is done.') });
  const checks = [{ command: 'npm test', timeoutSeconds: 600 }];
  expect(started[0]?.goal).toEqual({ rubric: 'Each option has an example.', checks, maxRevisions: 3 });
  await delegate({ goal: { checks: ['true'], revisions: 0 }, wait: false });
  expect(started[1]?.goal).toEqual({ checks: [{ command: 'true', timeoutSeconds: 600 }], maxRevisions: 0 });
  await delegate({});
  expect(started[2]?.goal).toBeUndefined();
});

test.each([
  ['no measure', {}],
  ['an empty rubric', { rubric: ' ' }],
  ['too many revisions', { rubric: 'Good.', revisions: 21 }],
  ['too many checks', { checks: Array.from({ length: 21 }, () => 'true') }],
])('a goal with %s starts no child, and the agent is notified', async (_, goal) => {
  const { delegate, started } = parent();
  expect(await delegate({ goal })).toMatchObject({ ok: false, reason: 'bad_arguments' });
  expect(started).toEqual([]);
});

test('a child gets the budget that its parent names, also of tool calls', async () => {
  const { delegate, started } = parent();
  await delegate({ budget: { turns: 5, toolCalls: 20 } });
  expect(started[0]?.budget).toEqual({ turns: 5, toolCalls: 20 });
});
