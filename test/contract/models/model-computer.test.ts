// The desktop's keyboard and mouse as each provider's models know them.
import { expect, onTestFinished, test } from 'vitest';
import { collectTurn } from '../../../src/agents/models/collect.ts';
import type { Message, ToolDeclaration } from '../../../src/agents/models/model.ts';
import { createClaudeComputerTool } from '../../../src/agents/tools/computer/claude.ts';
import { geminiComputerTools } from '../../../src/agents/tools/computer/gemini.ts';
import { modelAt } from '../../support/agents/fake-models/models.ts';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import type { FakeCall, WireName } from '../../support/agents/fake-models/wire-format.ts';
import { ask } from '../../support/agents/models.ts';

const declared = ({ name, description, parameters, native }: ToolDeclaration): ToolDeclaration => ({
  ...{ name, description, parameters, ...(native && { native }) },
});
const computer = declared(createClaudeComputerTool({ width: 2560, height: 1600 }));
const actions = geminiComputerTools.map(declared);
const shell: ToolDeclaration = {
  name: 'shell_exec',
  description: 'Runs a command.',
  parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
};
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

/** `answer`: how the call ended, apart from the click itself. */
type TurnOptions = { tools?: readonly ToolDeclaration[]; answer?: Partial<Extract<Message, { role: 'tool' }>> };

/** One computer call, its result with a screenshot, and the following turn. */
async function converse(wire: WireName, ref: string, call: FakeCall, options: TurnOptions = {}) {
  const { tools = [computer], answer = {} } = options;
  const server = await fakeProvider(wire, [{ calls: [call] }, { text: 'Done.' }]);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const model = await modelAt(wire, server.url, { name: ref });
  const messages: Message[] = [{ role: 'user', text: 'Click it.' }];
  const turn = async () => {
    const turning = model.turn(ask({ messages, tools: [shell, ...tools] }), new AbortController().signal);
    return await collectTurn(turning, { model: model.name, onDelta: () => {}, takenIds: new Set<string>() });
  };
  const first = await turn();
  expect(first.outcome, JSON.stringify(first.outcome)).toMatchObject({ kind: 'finished', stop: 'calls' });
  const [made] = first.message.calls;
  if (!made) throw new Error('no call');
  const pictures = [{ file: 'f', mimeType: 'image/png', data: pixel }];
  const { callId, name } = made;
  const result = { role: 'tool', callId, name, output: 'Clicked.', success: true, pictures } as const;
  messages.push(first.message, { ...result, ...answer });
  const second = await turn();
  expect(second.outcome, JSON.stringify(second.outcome)).toMatchObject({ kind: 'finished', stop: 'done' });
  return { made, requests: server.requests };
}
const click = { action: 'left_click', coordinate: [640, 400] };

const pixels = { display_width_px: 1280, display_height_px: 800 };
test.each([
  ['claude-sonnet-4-5', 'computer_20250124', pixels],
  ['claude-opus-4-1-20250805', 'computer_20250124', pixels],
  ['claude-haiku-4-5', 'computer_20250124', pixels],
  ['claude-3-7-sonnet-20250219', 'computer_20250124', pixels],
  ['claude-opus-4-5-20251101', 'computer_20251124', { enable_zoom: true }],
  ['claude-sonnet-4-6', 'computer_20251124', { enable_zoom: true }],
  ['claude-opus-4-6', 'computer_20251124', { ...pixels, enable_zoom: true }],
])("%s gets Anthropic's declaration %s, in the pixels of the screenshot", async (model, type, args) => {
  const { made, requests } = await converse('anthropic', `anthropic/${model}`, { name: 'computer', args: click });
  expect(made).toMatchObject({ name: 'computer', args: click });
  for (const { body } of requests) {
    expect(body.tools).toMatchObject([{ name: 'shell_exec' }, { type, name: 'computer', ...args }]);
    expect(body.tools[1].input_schema).toBeUndefined();
  }
  const result = requests[1]?.body.messages.at(-1).content[0];
  const expected = { type: 'tool_result', content: [{ type: 'text' }, { type: 'image', source: { data: pixel } }] };
  expect(result).toMatchObject(expected);
});

test.each(['claude-opus-5-5', 'claude-haiku-5-5', 'claude-fable-5', 'claude-sonnet-5-5', 'claude-opus-4-8'])(
  '%s gets the toolset, whose calls are actions of one tool',
  async (model) => {
    const { action, ...args } = click;
    const call = { name: action, args, toolset: 'computer' };
    const { made, requests } = await converse('anthropic', `anthropic/${model}`, call);
    expect(made).toMatchObject({ name: 'computer', args: click });
    expect(requests[0]?.body.tools[1]).toMatchObject({ type: 'computer_toolset_20260801' });
    const calls = requests[1]?.body.messages.at(-2).content.filter(({ type }: { type: string }) => type === 'tool_use');
    expect(calls).toMatchObject([{ name: 'left_click', toolset_name: 'computer', input: args }]);
  },
);

test.each([
  ['anthropic', 'anthropic/claude-next'],
  ['openai', 'openai/gpt-5-mini'],
  ['compatible', 'local/qwen3'],
  ['gemini', 'gemini/gemini-2.5-flash'],
] as const)('%s gets a plain function where no declaration of its own is known: %s', async (wire, ref) => {
  const { made, requests } = await converse(wire, ref, { name: 'computer', args: click });
  expect(made).toMatchObject({ name: 'computer', args: click });
  expect(JSON.stringify(requests[0]?.body.tools)).toContain('left_click_drag');
  expect(JSON.stringify(requests[1]?.body)).toContain(pixel);
});

const cookies = { decision: 'require_confirmation', explanation: 'It accepts cookies.' };

test.each([['gemini-2.5-computer-use-preview-10-2025'], ['gemini-3-flash-preview'], ['gemini-3.1-pro-preview']])(
  "%s gets Gemini's declaration of a browser, without the actions that have no tool",
  async (model) => {
    const call = { name: 'click_at', args: { x: 500, y: 500 } };
    const page = 'https://example.test/';
    const { made, requests } = await converse('gemini', `gemini/${model}`, call, { tools: actions, answer: { page } });
    expect(made).toMatchObject(call);
    const [first, functions] = requests[0]?.body.tools ?? [];
    const computerUse = { environment: 'ENVIRONMENT_BROWSER', excludedPredefinedFunctions: ['search'] };
    expect(first).toEqual({ computerUse });
    expect(functions.functionDeclarations.map(({ name }: { name: string }) => name)).toEqual(['shell_exec']);
    const response = { output: 'Clicked.', url: page };
    const parts = [{ inlineData: { mimeType: 'image/png', data: pixel } }];
    const result = { functionResponse: { name: 'click_at', response, parts } };
    expect(requests[1]?.body.contents.at(-1).parts).toEqual([result]);
  },
);

test.each([
  [{ name: 'click', args: { x: 500, y: 500, intent: 'To open it.' } }, click],
  [
    { name: 'type', args: { text: 'hi', press_enter: true } },
    { action: 'type', text: 'hi\n' },
  ],
  [
    { name: 'hotkey', args: { keys: ['control', 'l'] } },
    { action: 'key', text: 'control+l' },
  ],
  [
    { name: 'drag_and_drop', args: { start_x: 0, start_y: 0, end_x: 999, end_y: 1000 } },
    { action: 'left_click_drag', start_coordinate: [0, 0], coordinate: [1279, 799] },
  ],
  [
    { name: 'scroll', args: { x: 500, y: 500, direction: 'down' } },
    { action: 'scroll', coordinate: [640, 400], scroll_direction: 'down', scroll_amount: 6 },
  ],
])("Gemini 3.5 gets Gemini's declaration of a desktop, whose %s is an action of one tool", async (call, args) => {
  const { made, requests } = await converse('gemini', 'gemini/gemini-3.5-flash', call);
  expect(made).toMatchObject({ name: 'computer', args });
  const computerUse = { environment: 'ENVIRONMENT_DESKTOP', excludedPredefinedFunctions: ['key_down', 'key_up'] };
  expect(requests[0]?.body.tools[0]).toEqual({ computerUse });
  expect(JSON.stringify(requests[0]?.body.tools[1])).not.toContain('left_click_drag');
  expect(requests[1]?.body.contents.at(-1).parts[0].functionResponse.name).toBe(call.name);
});

test('the model that works only with its own computer gets it also where agents have none', async () => {
  const call = { name: 'shell_exec', args: { command: 'ls' } };
  const { requests } = await converse('gemini', 'gemini/gemini-2.5-computer-use-preview-10-2025', call, { tools: [] });
  expect(requests[0]?.body.tools[0].computerUse.excludedPredefinedFunctions).toHaveLength(13);
});

test('a call that the provider wants permitted says so, and its answer carries the consent', async () => {
  const call = { name: 'click_at', args: { x: 5, y: 5, safety_decision: cookies } };
  const how = { tools: actions, answer: { confirmed: true } } as const;
  const { made, requests } = await converse('gemini', 'gemini/gemini-3-flash-preview', call, how);
  expect(made).toMatchObject({ name: 'click_at', args: { x: 5, y: 5 }, confirm: 'It accepts cookies.' });
  expect(made.args).not.toHaveProperty('safety_decision');
  const { response } = requests[1]?.body.contents.at(-1).parts[0].functionResponse ?? {};
  expect(response).toEqual({ output: 'Clicked.', safety_acknowledgement: 'true' });
});

test('a call that nobody permitted goes back in words, for no consent may be claimed', async () => {
  const call = { name: 'click_at', args: { x: 5, y: 5, safety_decision: cookies } };
  const answer = { success: false, output: 'Not run: the user rejected this call.', pictures: [] };
  const { requests } = await converse('gemini', 'gemini/gemini-3-flash-preview', call, { tools: actions, answer });
  const contents = JSON.stringify(requests[1]?.body.contents);
  expect(contents).toContain('Not run: the user rejected this call.');
  expect(contents).not.toMatch(/functionCall|functionResponse|safety/);
});

test.each([
  ['gemini/gemini-2.5-flash', actions],
  ['gemini/gemini-3.5-flash', actions],
  ['gemini/gemini-3-flash-preview', [computer]],
])('%s gets functions where its own declaration has not these actions', async (ref, tools) => {
  const call = tools === actions ? { name: 'click_at', args: { x: 5, y: 5 } } : { name: 'computer', args: click };
  const { made, requests } = await converse('gemini', ref, call, { tools });
  expect(made).toMatchObject(call);
  expect(requests[0]?.body.tools).toHaveLength(1);
  expect(requests[0]?.body.tools[0].functionDeclarations).toHaveLength(1 + tools.length);
});
