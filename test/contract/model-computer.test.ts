// The desktop's keyboard and mouse as each provider's models know them.
import { expect, onTestFinished, test } from 'vitest';
import { collectTurn } from '../../src/llm/collect.ts';
import type { Message, ToolDeclaration } from '../../src/llm/model.ts';
import { computerOn } from '../../src/tools/computer/claude.ts';
import { modelAt } from '../support/fake-models/models.ts';
import { type FakeCall, fakeProvider, type WireName } from '../support/fake-models/server.ts';
import { ask } from '../support/models.ts';

const { name, description, parameters, native } = computerOn({ width: 2560, height: 1600 });
const computer: ToolDeclaration = { name, description, parameters, ...(native && { native }) };
const shell: ToolDeclaration = {
  ...{ name: 'shell_exec', description: 'Runs a command.' },
  parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
};
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

/** One call of the computer, its result with a screenshot, and a turn after it. */
async function converse(wire: WireName, ref: string, call: FakeCall) {
  const server = await fakeProvider(wire, [{ calls: [call] }, { text: 'Done.' }]);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const model = await modelAt(wire, server.url, { name: ref });
  const messages: Message[] = [{ role: 'user', text: 'Click it.' }];
  const turn = async () =>
    await collectTurn(model.turn(ask({ messages, tools: [shell, computer] }), new AbortController().signal), {
      ...{ model: model.name, onDelta: () => {}, takenIds: new Set<string>() },
    });
  const first = await turn();
  expect(first.outcome, JSON.stringify(first.outcome)).toMatchObject({ kind: 'finished', stop: 'calls' });
  const [made] = first.message.calls;
  if (!made) throw new Error('no call');
  const pictures = [{ file: 'f', mimeType: 'image/png', data: pixel }];
  messages.push(first.message, {
    role: 'tool',
    callId: made.callId,
    name: made.name,
    output: 'Clicked.',
    success: true,
    pictures,
  });
  const second = await turn();
  expect(second.outcome, JSON.stringify(second.outcome)).toMatchObject({ kind: 'finished', stop: 'done' });
  return { made, requests: server.requests };
}
const click = { action: 'left_click', coordinate: [640, 400] };

test.each([
  ['claude-sonnet-4-5', 'computer_20250124', { display_width_px: 1280, display_height_px: 800 }],
  ['claude-opus-4-1-20250805', 'computer_20250124', { display_width_px: 1280, display_height_px: 800 }],
  ['claude-opus-4-6', 'computer_20251124', { display_width_px: 1280, display_height_px: 800, enable_zoom: true }],
])("%s gets Anthropic's declaration %s, in the pixels of the screenshot", async (model, type, args) => {
  const { made, requests } = await converse('anthropic', `anthropic/${model}`, { name: 'computer', args: click });
  expect(made).toMatchObject({ name: 'computer', args: click });
  for (const { body } of requests) {
    expect(body.tools).toMatchObject([{ name: 'shell_exec' }, { type, name: 'computer', ...args }]);
    expect(body.tools[1].input_schema).toBeUndefined();
  }
  const result = requests[1]?.body.messages.at(-1).content[0];
  expect(result).toMatchObject({
    type: 'tool_result',
    content: [{ type: 'text' }, { type: 'image', source: { data: pixel } }],
  });
});

test.each(['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-opus-4-8'])(
  '%s gets the toolset, whose calls are actions of one tool',
  async (model) => {
    const { action, ...args } = click;
    const { made, requests } = await converse('anthropic', `anthropic/${model}`, {
      name: action,
      args,
      toolset: 'computer',
    });
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
