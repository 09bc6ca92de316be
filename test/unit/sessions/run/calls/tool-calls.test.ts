import { describe, expect, test } from 'vitest';
import { createToolRegistry } from '../../../../../src/agents/tools/registry.ts';
import type { Tool, ToolResult } from '../../../../../src/agents/tools/tool.ts';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import type { FactOf } from '../../../../../src/core/model/events.ts';
import { executeToolCalls, mustRunAfter } from '../../../../../src/sessions/run/calls/tool-calls.ts';
import type { RunContext } from '../../../../../src/sessions/run/run-context.ts';
import { TurnBudget } from '../../../../../src/sessions/run/turn-budget.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';
import { quiet, runId, scribeBench, sessionId } from '../../../../support/machines/session-parts.ts';

/** A run whose tools end when the test lets them. */
function bench(approve: readonly string[] = [], more: Partial<RunContext> = {}, needs: Tool['needs'] = []) {
  const { runWriter, transcript, events } = scribeBench();
  const open = new Map<string, PromiseWithResolvers<ToolResult>>();
  const tool = (name: string): Tool => ({
    name,
    family: 'shell',
    description: '',
    parameters: {},
    group: 'always',
    label: name,
    needs,
    calledIn: {},
    orderKey: (args) => `shell ${(args as { id: string }).id}`,
    run: async ({ operationId, signal }) => {
      const result = Promise.withResolvers<ToolResult>();
      const callId = operationId.split('.').at(-1) ?? '';
      open.set(callId, result);
      signal.addEventListener('abort', () => result.reject(new AppError('cancelled', 'Stopped.')));
      return await result.promise.finally(() => open.delete(callId));
    },
  });
  const work = {
    sessionId,
    runWriter,
    prompt: undefined as never,
    clock: manualClock(),
    task: 'x',
    workdir: '/workspace',
    toolTimeoutMs: 1_000,
    model: undefined as never,
    budget: new TurnBudget(),
    hasTitle: () => true,
    tools: { declarations: [], find: tool },
    approvals: { tools: approve, rules: [], timeoutMs: 1_000 },
    sandbox: { use: async () => ({ client: {} as never, [Symbol.asyncDispose]: async () => {} }) },
    ...more,
  } satisfies RunContext;
  const stop = new AbortController();
  const make = (...calls: { callId: string; name?: string; shell?: string }[]) => {
    const expected = calls.map(({ callId, name = 'shell_exec', shell = callId }) => {
      return { callId, name, args: { id: shell, command: 'x', text: 'Which?' }, begun: false };
    });
    const message = { role: 'assistant', model: 'm', text: '', calls: expected, raw: [] } as const;
    runWriter.add({ runId: runId(), message });
    const turn = { sessionId, runId: runId(), calls: expected, answered: false, budget: [] };
    return executeToolCalls(work, turn, stop.signal);
  };
  const end = async (callId: string, output = `of ${callId}`) => {
    await quiet();
    open.get(callId)?.resolve({ ok: true, output });
    await quiet();
  };
  const running = async () => {
    await quiet();
    return [...open.keys()];
  };
  /** The results as the model sees them. */
  const results = () =>
    transcript.view(runId()).messages.flatMap((message) => (message.role === 'tool' ? [message.output] : []));
  const logged = async <Type extends 'tool.calling' | 'tool.called'>(type: Type) =>
    (await events()).flatMap((event) => (event.type === type ? [event.data as FactOf<Type>['data']] : []));
  return { work, make, end, running, stop, open, runWriter, results, logged };
}

test("a call is logged with the tool's own names for its arguments", async () => {
  const { tools } = bench().work;
  const find = (name: string): Tool => ({ ...(tools.find(name) as Tool), restore: () => ({ $id: 'a' }) });
  const { make, running, stop, logged } = bench([], { tools: { ...tools, find } });
  const calls = make({ callId: 'a' });
  await running();
  stop.abort();
  await expect(calls).rejects.toThrow();
  expect(await logged('tool.calling')).toMatchObject([{ args: { $id: 'a' } }]);
});

test('independent calls run at once, and their results follow the reply in the order of the calls', async () => {
  const { make, end, running, results, logged } = bench();
  const made = make({ callId: 'a' }, { callId: 'b' }, { callId: 'c' });
  expect(await running()).toEqual(['a', 'b', 'c']);
  for (const callId of ['c', 'a', 'b']) await end(callId);
  expect((await made).map(({ kind }) => kind)).toEqual(['called', 'called', 'called']);
  expect(results()).toEqual(['of a', 'of b', 'of c']);
  expect((await logged('tool.called')).map(({ callId }) => callId)).toEqual(['c', 'a', 'b']);
});

test('calls in one shell run in order, next to those of others', async () => {
  const { make, end, running } = bench();
  const made = make({ callId: 'a', shell: 'x' }, { callId: 'b', shell: 'x' }, { callId: 'c' });
  expect(await running()).toEqual(['a', 'c']);
  await end('a');
  expect(await running()).toEqual(['c', 'b']);
  await end('b');
  await end('c');
  await made;
});

test('at most eight calls run at once', async () => {
  const { make, end, running } = bench();
  const ids = Array.from({ length: 10 }, (_, n) => `c${n}`);
  const made = make(...ids.map((callId) => ({ callId })));
  expect(await running()).toEqual(ids.slice(0, 8));
  await end('c3');
  expect(await running()).toHaveLength(8);
  for (const callId of ids) await end(callId);
  for (const callId of ids) await end(callId);
  expect(await made).toHaveLength(10);
});

test('a call that waits for approval holds no other call, but those that must follow it', async () => {
  const { make, end, running } = bench(['guarded']);
  const made = make({ callId: 'a', name: 'guarded' }, { callId: 'b', shell: 'x' }, { callId: 'c', shell: 'x' });
  expect(await running()).toEqual(['b']);
  await end('b');
  await end('c');
  const expected = [{ kind: 'ask', approval: { callId: 'a' } }, { kind: 'called' }, { kind: 'called' }];
  expect(await made).toMatchObject(expected);
});

test('a question waits for the calls before it, and the calls after it wait for its answer', async () => {
  const { make, end, running, runWriter } = bench();
  const made = make({ callId: 'a' }, { callId: 'q', name: 'message_ask_user' }, { callId: 'b' });
  expect([await running(), runWriter.openCalls.map(({ callId }) => callId)]).toEqual([['a'], ['a']]);
  await end('a');
  expect((await made).map(({ kind }) => kind)).toEqual(['called', 'ask', 'held']);
});

test.each<[string, (it: ReturnType<typeof bench>) => void, code: string]>([
  ['a stop', ({ stop }) => stop.abort(), 'cancelled'],
  ['a call that breaks', ({ open }) => open.get('a')?.reject(new Error('a bug')), 'internal'],
])('%s ends all calls before the run is notified', async (_, happens, code) => {
  const it = bench();
  const made = it.make({ callId: 'a' }, { callId: 'b' });
  made.catch(() => {});
  expect(await it.running()).toEqual(['a', 'b']);
  happens(it);
  await expect(made).rejects.toMatchObject({ code });
  expect(await it.running()).toEqual([]);
});

test('the notes of a folder stand behind the result for the model, and not in what people see', async () => {
  const { work, make, end, results, logged } = bench([], {}, ['sandbox']);
  Object.assign(work, { nestedNotes: async (_client: unknown, args: { id: string }) => `Notes for ${args.id}.` });
  const made = make({ callId: 'a' });
  await end('a');
  await made;
  expect(results()).toEqual(['of a\n\nNotes for a.']);
  expect(await logged('tool.called')).toMatchObject([{ output: 'of a' }]);
});

test('the first call that the budget does not cover is not made, nor are those behind it', async () => {
  const kept: number[] = [];
  const budget = new TurnBudget({
    session: () => [{ scope: 'session', kind: 'toolCalls', limit: 10, used: 8 }],
    keepCalls: (count) => kept.push(count),
  });
  const { make, end, running, logged } = bench([], { budget });
  const made = make({ callId: 'a' }, { callId: 'b' }, { callId: 'c' }, { callId: 'd' });
  expect([await running(), kept]).toEqual([['a', 'b'], [2]]);
  for (const callId of ['a', 'b']) await end(callId);
  const outcomes = await made;
  expect(outcomes.map(({ kind }) => kind)).toEqual(['called', 'called', 'unaffordable', 'held']);
  expect(outcomes[2]).toMatchObject({ over: { scope: 'session', kind: 'toolCalls', limit: 10, used: 10 } });
  expect(await logged('tool.calling')).toMatchObject([{ callId: 'a' }, { callId: 'b' }]);
});

test('calls are paid before they are made, those that a budget of many does not cover wait, and what was not made is returned', async () => {
  const over = { scope: 'person', period: 'day', kind: 'toolCalls', limit: 9, used: 9, needs: 1 } as const;
  const [paid, back]: [number[], number[]] = [[], []];
  const shared = {
    payCalls: async (count: number) => {
      paid.push(count);
      return count > 2 ? { count: 2, over } : { count };
    },
    giveBackCalls: async (count: number) => void back.push(count),
    reserve: async () => undefined,
    charge: async () => undefined,
  };
  const { make, end, running } = bench(['shell_view'], { budget: new TurnBudget({ shared }) });
  const made = make({ callId: 'a' }, { callId: 'b', name: 'shell_view' }, { callId: 'c' }, { callId: 'd' });
  expect(await running()).toEqual(['a']);
  await end('a');
  const outcomes = await made;
  expect(outcomes.map(({ kind }) => kind)).toEqual(['called', 'ask', 'unaffordable', 'held']);
  expect([outcomes[2], [paid, back]]).toEqual([{ kind: 'unaffordable', over }, [[4], [1]]]); // the call that asks a person is not made yet
});

const tools = createToolRegistry();

const shell = (id: string, command = 'true') => ({ name: 'shell_exec', args: { id, command } });
const file = (name: string, path: string) => ({ name, args: { file: path } });
const other = { name: 'mcp_docs_search', args: { query: 'a' } };

describe('the later of two calls of one turn', () => {
  test.each([
    ['runs in the same shell', shell('main'), shell('main')],
    ['looks at the shell in which the earlier one runs', { name: 'shell_wait', args: { id: 'main' } }, shell('main')],
    ['writes the file that the earlier one reads', file('file_write', './a.txt'), file('file_read', 'a.txt')],
    ['reads the file that the earlier one changes', file('file_read', 'a.txt'), file('file_str_replace', 'a.txt')],
    ['runs a command after a file was written', shell('main', 'python a.py'), file('file_write', 'a.py')],
    ['reads a file that the command before it names', file('file_read', '/w/out.txt'), shell('x', 'ls > out.txt')],
    ['is a question', { name: 'message_ask_user', args: { text: '?' } }, other],
    ['comes after a question', other, { name: 'message_ask_user', args: { text: '?' } }],
    ['uses the same browser', { name: 'browser_view', args: {} }, { name: 'browser_navigate', args: {} }],
    ['speaks to the user too', { name: 'message_notify_user', args: {} }, { name: 'message_notify_user', args: {} }],
  ])('waits when it %s', (_, later, earlier) => expect(mustRunAfter(tools, later, earlier)).toBe(true));

  test.each([
    ['runs in another shell', shell('b'), shell('a')],
    ['works on another file', file('file_write', 'b'), file('file_write', 'a')],
    ['runs a command after a file was read', shell('a'), file('file_read', 'a')],
    ['reads a file that no command names', file('file_read', 'b.txt'), shell('a', 'sleep 3')],
    ['has nothing to do with it', other, shell('a')],
    ['makes no sense', { name: 'file_read', args: 7 }, { name: 'file_write', args: null }],
  ])('does not wait when it %s', (_, later, earlier) => expect(mustRunAfter(tools, later, earlier)).toBe(false));
});
