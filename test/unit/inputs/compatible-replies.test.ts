import { expect, test } from 'vitest';
import { readErrorText } from '../../../src/agents/models/aisdk/error-text.ts';
import { collectTurn } from '../../../src/agents/models/collect.ts';
import { createModel } from '../../../src/agents/models/registry.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';

const tool = {
  name: 'file_read',
  description: 'Reads.',
  parameters: { type: 'object', properties: { file: { type: 'string' } } },
};
const done = 'data: [DONE]\n\n';
const chunk = (delta: object, finish?: string) =>
  `data: ${JSON.stringify({ id: 'r', choices: [{ index: 0, delta, ...(finish && { finish_reason: finish }) }] })}\n\n`;
const replied = (...texts: string[]) => texts.map((content) => chunk({ content })).join('');
const sse = (body: string) => new Response(body, { headers: { 'content-type': 'text/event-stream' } });

async function reply(response: Response | Error) {
  let requests = 0;
  const model = await createModel('local/m', {
    models: {
      compatible: { local: { baseUrl: 'http://127.0.0.1:9/v1', reach: 'private' } },
      fallbacks: [],
      catalog: {},
      gemini: {},
      openai: {},
      anthropic: {},
    } as never,
    clock: systemClock,
    newId: () => 'n',
    random: () => 0,
    fetchWithin: () => async () => {
      requests++;
      if (response instanceof Error) throw response;
      return response;
    },
  });
  const request = {
    phase: { kind: 'summarize' },
    system: 's',
    messages: [{ role: 'user', text: 'hi' }],
    tools: [tool],
  } as const;
  const turn = await collectTurn(model.turn(request, new AbortController().signal), {
    model: 'local/m',
    onDelta: () => {},
  });
  const { text, calls } = turn.message;
  return {
    text,
    thoughts: turn.thoughts,
    calls: calls.map(({ name, args }) => ({ name, args })),
    outcome: turn.outcome,
    requests,
  };
}

const read = [{ name: 'file_read', args: { file: 'a' } }];
const json = '{"name": "file_read", "arguments": {"file": "a"}}';
const halves = (text: string) =>
  Array.from({ length: Math.ceil(text.length / 3) }, (_, n) => text.slice(3 * n, 3 * n + 3));

test.each([
  [
    'thoughts in tags, split anywhere',
    replied(...halves('<think>why\n</think>\n\nThis.')) + chunk({}, 'stop') + done,
    { text: 'This.', thoughts: 'why\n' },
  ],
  [
    'a tag in the middle of an answer',
    replied('Use <think> here.') + chunk({}, 'stop') + done,
    { text: 'Use <think> here.' },
  ],
  [
    'an end of thoughts without a beginning, split anywhere',
    replied(...halves('A `</think>` ends it.\n</think>\n\nThis.')) + chunk({}, 'stop') + done,
    { text: 'This.', thoughts: 'A `</think>` ends it.\n' },
  ],
  ['the same in one line', replied('why</think>This.') + done, { text: 'This.', thoughts: 'why' }],
  ['an end alone', replied('</think>\n\nThis.') + done, { text: 'This.', thoughts: '' }],
  ['an end that a sentence names', replied('Use </think> here.') + done, { text: 'Use </think> here.' }],
  ['thoughts without an end', replied('<think>', 'why') + chunk({}, 'stop') + done, { text: '', thoughts: 'why' }],
  ['no finish reason', replied('Hello') + done, { text: 'Hello', outcome: { kind: 'finished', stop: 'done' } }],
  ['no finish reason, nor a [DONE]: broken', replied('Hello'), { outcome: { kind: 'failed', retryable: true } }],
  [
    'arguments as an object',
    chunk({ tool_calls: [{ function: { name: 'file_read', arguments: { file: 'a' } } }] }, 'stop') + done,
    { calls: read },
  ],
  [
    'a function_call of old',
    chunk({ function_call: { name: 'file_read', arguments: '{"file":"a"}' } }, 'function_call') + done,
    { calls: read },
  ],
  [
    '<tool_call>, split anywhere',
    replied('I will.', ...halves(`<tool_call>\n${json}\n</tool_call>`)) + chunk({}, 'stop') + done,
    { text: 'I will.', calls: read },
  ],
  ['<tool_call> without an end', replied(`<tool_call>${json}`) + chunk({}, 'stop') + done, { text: '', calls: read }],
  ['[TOOL_CALLS]', replied(`[TOOL_CALLS][${json}]`) + chunk({}, 'stop') + done, { calls: read }],
  ['[TOOL_CALLS] with the name first', replied('[TOOL_CALLS]file_read[ARGS]{"file":"a"}') + done, { calls: read }],
  ['<function=', replied('<function=file_read>{"file":"a"}</function>') + done, { calls: read }],
  [
    '<function= with parameters',
    replied('<tool_call>\n<function=file_read>\n<parameter=file>\na\n</parameter>\n</function>\n</tool_call>') + done,
    { calls: read },
  ],
  ['a fence', replied(`\`\`\`json\n${json}\n\`\`\``) + done, { calls: read }],
  [
    'JSON alone, with parameters',
    replied('{"name": "file_read", "parameters": {"file": "a"}}') + done,
    { calls: read },
  ],
  [
    '<invoke>',
    replied('<invoke name="file_read">\n<parameter name="file">a</parameter>\n</invoke>') + done,
    { calls: read },
  ],
  [
    '<tool_call> with keys and values',
    replied(...halves('<tool_call>file_read\n<arg_key>file</arg_key>\n<arg_value>a</arg_value>\n</tool_call>')) + done,
    { text: '', calls: read },
  ],
  [
    'the marks of Kimi',
    replied(
      ...halves(
        '<|tool_calls_section_begin|><|tool_call_begin|>functions.file_read:0<|tool_call_argument_begin|>{"file":"a"}<|tool_call_end|><|tool_calls_section_end|>',
      ),
    ) + done,
    { text: '', calls: read },
  ],
  [
    'the marks of DeepSeek, twice',
    replied(
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>file_read\n```json\n{"file":"a"}\n```<｜tool▁call▁end｜>',
      '<｜tool▁call▁begin｜>file_read<｜tool▁sep｜>{"file":"a"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    ) + done,
    { text: '', calls: [...read, ...read] },
  ],
  ['a list alone', replied(...halves(`[${json}]`)) + done, { text: '', calls: read }],
  ['a list that is no call', replied('[{"a": 1}]') + done, { text: '[{"a": 1}]', calls: [] }],
  [
    'a name with a namespace, and arguments that are written twice',
    chunk({ tool_calls: [{ function: { name: 'functions.file_read', arguments: '"{\\"file\\":\\"a\\"}"' } }] }) + done,
    { calls: read },
  ],
  ['<thought>', replied('<thought>why</thought>This.') + done, { text: 'This.', thoughts: 'why' }],
  ['thoughts in triangles', replied('◁think▷why◁/think▷This.') + done, { text: 'This.', thoughts: 'why' }],
  ['error: null', replied('Hello').replace('{', '{"error":null,') + done, { text: 'Hello' }],
  [
    'an error event',
    'event: error\ndata: {"message": "overloaded"}\n\n',
    { outcome: { kind: 'failed', message: expect.stringContaining('overloaded') } },
  ],
  [
    'Python in a list',
    replied(...halves('[file_read(file="a"), file_read(file=\'a\')]')) + done,
    { text: '', calls: [...read, ...read] },
  ],
  [
    'Python with values of every kind',
    replied(
      '<|tool_call_start|>[file_read(a=True, b=None, c=[1, -2.5e3], d={"k": (r"\\d",)}, e="""x\ny\\t\\u00e9""")]<|tool_call_end|>',
    ) + done,
    {
      text: '',
      calls: [{ name: 'file_read', args: { a: true, b: null, c: [1, -2500], d: { k: ['\\d'] }, e: 'x\ny\té' } }],
    },
  ],
  [
    'Python in a fence',
    replied('```tool_code\nprint(default_api.file_read(file="a"))\n```') + done,
    { text: '', calls: read },
  ],
  ['a list that is never closed', replied('[', 'a') + done, { text: '[a', calls: [] }],
  ['a list that calls no tool', replied('[see(the="docs")](a)') + done, { text: '[see(the="docs")](a)', calls: [] }],
  [
    'a fence that is no call',
    replied('```json\n{"name": "x", "arguments": {}}\n```') + done,
    { text: '```json\n{"name": "x", "arguments": {}}\n```', calls: [] },
  ],
  [
    'an unknown tool in a tag',
    replied('<tool_call>{"name": "nothing", "arguments": {}}</tool_call>') + done,
    { calls: [{ name: 'nothing', args: {} }] },
  ],
  [
    'an error in the stream',
    `data: {"error": "the model crashed"}\n\n`,
    { outcome: { kind: 'failed', message: expect.stringContaining('the model crashed') } },
  ],
  [
    'a line that is no JSON',
    `${replied('Half')}data: {"choices": [}\n\n`,
    { text: 'Half', outcome: { kind: 'failed', retryable: false, message: expect.stringContaining('cannot be read') } },
  ],
])('%s', async (_, body, expected) => expect(await reply(sse(body))).toMatchObject(expected));

test('a server that does not stream answers all the same', async () => {
  const answer = {
    choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  };
  expect(await reply(Response.json(answer))).toMatchObject({ text: 'Hello', outcome: { kind: 'finished' } });
});

const html =
  '<!doctype html><html><head><style>p {}</style><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>';
test.each([
  ['{"error": "no such model"}', 'no such model'],
  ['{"error": {"message": {"detail": "too hot"}}}', 'too hot'],
  ['{"detail": [{"loc": ["body"], "msg": "field required"}]}', 'field required'],
  ['{"detail": "Not authenticated"}', 'Not authenticated'],
  ['{"object": "error", "message": "bad template"}', 'bad template'],
  ['[{"error": {"message": "in a list"}}]', 'in a list'],
  ['{"errors": ["one", "two"]}', 'one; two'],
  [html, '502 Bad Gateway'],
  ['upstream connect error', 'upstream connect error'],
  ['', 'without a reason'],
])('the body %s tells its reason', async (body, reason) => {
  const { outcome } = await reply(new Response(body, { status: 400 }));
  expect(outcome).toMatchObject({ kind: 'failed', message: expect.stringContaining(reason) });
});

test('a page of 64 KiB without an end is read once', () =>
  expect(readErrorText(`<${'<a '.repeat(1_000_000)}`)).toBe(''));

test.each([
  ['not_found', '127.0.0.1:9: the connection failed (ECONNREFUSED).', true],
  ['forbidden', '127.0.0.1:9 is at a private address; see egress.allowRanges.', false],
] as const)(
  'a connection of this server that failed (%s) is no answer of the provider',
  async (code, why, retryable) => {
    const { outcome } = await reply(new AppError(code, why));
    const message = expect.stringContaining(`local/m cannot be reached: ${why}`);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'model_unavailable', message, retryable });
  },
);
