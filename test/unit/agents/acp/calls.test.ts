// The updates were recorded from real agents.
import { expect, test } from 'vitest';
import { findModelName, SpendingCounter } from '../../../../src/agents/acp/agent.ts';
import { AcpToolCalls } from '../../../../src/agents/acp/calls.ts';

const calls = () => new AcpToolCalls(() => 'call');
const texts = (text: string) => [{ type: 'content' as const, content: { type: 'text' as const, text } }];

test("the output of a terminal of Codex's adapter, received piece by piece, is the call's output", () => {
  const of = calls();
  const terminal = [{ type: 'terminal' as const, terminalId: 't' }];
  const call = { toolCallId: 'a', kind: 'execute' as const, title: 'ls', rawInput: { command: ['bash', '-lc', 'ls'] } };
  of.receive({ ...call, status: 'in_progress', content: terminal }, true);
  for (const data of ['one\n', 'two\n'])
    of.receive({ toolCallId: 'a', _meta: { terminal_output_delta: { data } } }, false);
  const exit = { _meta: { terminal_exit: { exit_code: 3, signal: null } } };
  expect(of.receive({ toolCallId: 'a', status: 'failed', ...exit }, false)).toMatchObject([
    { success: false, output: 'one\ntwo\n', exitCode: 3, args: { command: 'ls' } },
  ]);
});

test("the agent's description of a call is not its output, and the fence around an output is none of it", () => {
  const of = calls();
  of.requestApproval({ toolCallId: 'a', kind: 'execute', title: 'ls', content: texts('[in /workspace] (List files)') });
  const expected = { output: '', content: null };
  expect(of.receive({ toolCallId: 'a', status: 'completed' }, false).at(-1)).toMatchObject(expected);
  const fenced = texts('```console\nhi\n```');
  const reported = of.receive({ toolCallId: 'b', kind: 'read', status: 'completed', content: fenced }, true);
  expect(reported.at(-1)).toMatchObject({ output: 'hi' });
});

test('an edit without a diff shows the text of its arguments', () => {
  const rawInput = { filePath: '/workspace/w.txt', content: 'one\n' };
  const expected = { content: 'one\n', oldContent: null };
  expect(calls().requestApproval({ toolCallId: 'a', kind: 'edit', rawInput }).content).toEqual(expected);
});

test('of arguments that are too large the beginnings are shown, with the number of characters that are not', () => {
  const rawInput = { path: 'a.txt', text: 'x'.repeat(100_000) };
  const { args } = calls().requestApproval({ toolCallId: 'a', kind: 'other', rawInput });
  expect(args.path).toBe('a.txt');
  expect(args.text).toMatch(/^x{4096}\n\[95904 characters more are not shown\]$/);
});

test('a late word about a call that has ended begins no other call', () => {
  const of = calls();
  of.receive({ toolCallId: 'a', status: 'completed' }, true);
  expect(of.receive({ toolCallId: 'a', status: 'in_progress', title: 'again' }, false)).toEqual([]);
  expect(of.receive({ toolCallId: 'a', status: 'in_progress', title: 'again' }, true)).toHaveLength(1);
});

const quota = { model_usage: [{ model: 'gpt-5-mini', token_count: {} }] };
test.each([
  ['Gemini CLI in its session', { models: { currentModelId: 'gemini-2.5-flash' } }, 'gemini-2.5-flash'],
  ['OpenCode in its options', { configOptions: [{ category: 'model', currentValue: 'a/m1' }] }, 'a/m1'],
  ['Claude Code in its updates', { _meta: { '_claude/model': 'claude-sonnet-4-5' } }, 'claude-sonnet-4-5'],
  ['Codex in its answer', { _meta: { quota } }, 'gpt-5-mini'],
  ['Claude Code by its usual choice', { configOptions: [{ category: 'model', currentValue: 'default' }] }, undefined],
  ['a strange agent', { models: 1, configOptions: 'x', _meta: null }, undefined],
])('the model that %s names', (_, message, model) => expect(findModelName(message)).toBe(model));

const usd = (amount: number) => ({ amount, currency: 'USD' });

test('reports of a growing conversation and of the whole cost count once, and the next message takes all of it again', () => {
  const spending = new SpendingCounter();
  spending.begin();
  expect(spending.reported({ used: 100, cost: usd(0.5) })).toEqual([{ kind: 'spent', tokens: 100, cost: 0.5 }]);
  expect(spending.reported({ used: 150, cost: usd(0.75) })).toEqual([{ kind: 'spent', tokens: 50, cost: 0.25 }]);
  expect(spending.reported({ used: 150, cost: usd(0.75) })).toEqual([]);
  spending.begin();
  expect(spending.reported({ used: 170, cost: usd(1) })).toEqual([{ kind: 'spent', tokens: 170, cost: 0.25 }]);
});

test.each([
  ["the protocol's draft", { usage: { totalTokens: 180 } }],
  ["Gemini CLI's quota", { _meta: { quota: { token_count: { input_tokens: 160, output_tokens: 20 } } } }],
])('the tokens of an answer as in %s count beyond those of the reports', (_, answer) => {
  const spending = new SpendingCounter();
  spending.begin();
  spending.reported({ used: 100 });
  expect(spending.answered({ stopReason: 'end_turn', ...answer })).toMatchObject([{ tokens: 80 }]);
});

test.each([
  [{ usage: { totalTokens: -1 } }],
  [{ usage: { totalTokens: 'many' } }],
  [{ _meta: { quota: 1 } }],
  [undefined],
])('an answer of %j counts nothing', (answer) => expect(new SpendingCounter().answered(answer)).toEqual([]));

test('a cost in another currency is not counted', () => {
  const [spent] = new SpendingCounter().reported({ used: 1, cost: { amount: 5, currency: 'EUR' } });
  expect(spent).toMatchObject({ cost: undefined });
});
