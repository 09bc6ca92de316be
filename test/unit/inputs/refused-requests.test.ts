import { expect, test } from 'vitest';
import { collectTurn } from '../../../src/agents/models/collect.ts';
import type { Message, Model, TurnRequest } from '../../../src/agents/models/model.ts';
import { withRequestRepair } from '../../../src/agents/models/repairs.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const names = ['file_read', 'shell_exec', 'mcp_maps_find', 'mcp_maps_route'];
const shown = (...files: string[]): Message => ({
  role: 'user',
  text: 'look',
  pictures: files.map((file) => ({ file, mimeType: 'image/png', data: 'x' })),
});
const raw = [{ type: 'reasoning', text: 'why' }];
const reply: Message = { role: 'assistant', model: 'p/m', text: 'a', calls: [], raw };

/** A provider that refuses requests by a rule. */
function picky(refuses: (request: TurnRequest) => string | undefined) {
  const seen: TurnRequest[] = [];
  const model = {
    name: 'p/m',
    async *turn(request: TurnRequest) {
      seen.push(request);
      const text = refuses(request);
      const message = `p/m answered 400: ${text}`;
      const finished = { kind: 'finished', stop: 'done', usage: { inputTokens: 1, outputTokens: 1 } };
      const failed = { kind: 'failed', code: 'model_rejected', message, retryable: false };
      yield { type: 'end', outcome: text === undefined ? finished : failed };
    },
  } as unknown as Model;
  const repaired = withRequestRepair(model, manualClock());
  const ask = async (messages: readonly Message[] = [{ role: 'user', text: 'hi' }]) => {
    const tools = names.map((name) => ({ name, description: '', parameters: { type: 'object' } }));
    const request: TurnRequest = { phase: { kind: 'summarize' }, system: '', messages, tools };
    const turning = repaired.turn(request, new AbortController().signal);
    const turn = await collectTurn(turning, { model: 'p/m', onDelta: () => {} });
    return { outcome: turn.outcome.kind, left: turn.leftOut.map(({ kind, name }) => `${kind} ${name}`.trim()) };
  };
  return { ask, seen };
}
const has = (request: TurnRequest, tool: string) => request.tools.some(({ name }) => name === tool);
const visible = ({ messages }: TurnRequest) =>
  messages.flatMap((one) =>
    one.role === 'assistant' ? [] : (one.pictures ?? []).flatMap(({ file, data }) => (data ? [file] : [])),
  );

const [find, route] = ['tool mcp_maps_find', 'tool mcp_maps_route'];
test.each([
  ["Invalid schema for function 'mcp_maps_find': In context=('properties',), array schema missing items.", [find]],
  ['tools.2.custom.input_schema: JSON schema is invalid.', [find]],
  ['* GenerateContentRequest.tools[0].function_declarations[2].parameters.properties[a].items: missing field.', [find]],
  ['Unable to parse grammar: JSON schema conversion failed.', [find, route]],
  ['registry/gemma:2b does not support tools', ['tools']],
  ['"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', ['tools']],
])('after %o the request goes again without it, and later ones from the start', async (text, left) => {
  const { ask, seen } = picky((request) => (has(request, 'mcp_maps_find') ? text : undefined));
  for (const _ of ['first', 'later']) expect(await ask()).toEqual({ outcome: 'finished', left });
  expect(seen).toHaveLength(3);
});

test.each([
  'messages.1.content.1.image.source.base64: Could not process image',
  'messages.0.content.2.image.source.base64.data: At least one of the image dimensions exceed max allowed size: 8000 pixels',
  'Invalid image data. (image_parse_error)',
  'You uploaded an unsupported image. Please make sure your image is valid.',
  ...['Unable to process input image. Please retry.', 'Unsupported MIME type: image/svg+xml'],
  'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
])('after %o the picture is left out, and the others stay', async (text) => {
  const { ask, seen } = picky((request) => (visible(request).includes('b') ? text : undefined));
  const messages = [shown('a', 'b'), reply, shown('c')];
  expect(await ask(messages)).toEqual({ outcome: 'finished', left: ['picture b'] });
  expect(visible(seen.at(-1) as TurnRequest)).toEqual(['a', 'c']);
  const before = seen.length;
  expect(await ask(messages)).toEqual({ outcome: 'finished', left: ['picture b'] });
  expect(seen).toHaveLength(before + 1);
});

test('a provider that takes no picture at all gets the words', async () => {
  const { ask } = picky((request) => (visible(request).length > 0 ? 'does not support image input' : undefined));
  expect((await ask([shown('a', 'b')])).outcome).toBe('finished');
});

test('reasoning whose signature is refused is left out', async () => {
  const { ask } = picky(({ messages }) =>
    messages.some((one) => one.role === 'assistant' && one.raw.length > 0)
      ? 'messages.1.content.0: Invalid `signature` in `thinking` block'
      : undefined,
  );
  expect(await ask([shown(), reply])).toEqual({ outcome: 'finished', left: ['reasoning'] });
});

test('a refusal that names nothing of these stands', async () => {
  const { ask, seen } = picky(() => 'max_tokens: must be at least 1');
  expect([(await ask()).outcome, seen.length]).toEqual(['failed', 1]);
});
