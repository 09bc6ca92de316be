import { expect, test } from 'vitest';
import { collectTurn } from '../../../src/agents/models/collect.ts';
import type { Message, ToolCall } from '../../../src/agents/models/model.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { readErrorText } from '../../../src/core/errors/error-text.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { compatibleModel } from '../../support/agents/models.ts';

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

/** A model at a server that answers everything with `response`, and the bodies that the server received. */
async function modelAt(response: Response | Error, ref = 'local/m') {
  const bodies: unknown[] = [];
  const fetch = async (_: unknown, init?: RequestInit) => {
    bodies.push(JSON.parse(String(init?.body)));
    if (response instanceof Error) throw response;
    return response.clone();
  };
  const model = await compatibleModel(fetch, systemClock, ref);
  const ask = (...more: Message[]) => {
    const messages = [{ role: 'user', text: 'hi' } as const, ...more];
    const request = { phase: { kind: 'summarize' }, system: 's', messages, tools: [tool] } as const;
    const options = { model: ref, onDelta: () => {} };
    return collectTurn(model.turn(request, new AbortController().signal), options);
  };
  return { ask, bodies };
}

async function reply(response: Response | Error) {
  const { ask, bodies } = await modelAt(response);
  const turn = await ask();
  const { text, calls } = turn.message;
  const { thoughts, outcome } = turn;
  return { text, thoughts, calls: calls.map(({ name, args }) => ({ name, args })), outcome, requests: bodies.length };
}

/** A part of a call: what is sent of its name and arguments, and of what they belong to. */
const part = (of: object, call: object = { index: 0, id: '1' }, finish?: string) =>
  chunk({ tool_calls: [{ ...call, function: of }] }, finish);
const whole = (id: string) => part({ name: 'file_read', arguments: '{"file":"a"}' }, { index: 0, id });
const called = (args: string) => part({ name: 'file_read', arguments: args }, undefined, 'tool_calls') + done;
const failed = (words: string, more: object = {}) => ({
  outcome: { kind: 'failed', message: expect.stringContaining(words), ...more },
});
const read = [{ name: 'file_read', args: { file: 'a' } }];
const json = '{"name": "file_read", "arguments": {"file": "a"}}';
const halves = (text: string) =>
  Array.from({ length: Math.ceil(text.length / 3) }, (_, n) => text.slice(3 * n, 3 * n + 3));

const says = (...texts: string[]) => replied(...texts) + chunk({}, 'stop') + done;
const split = (text: string) => says(...halves(text));

test.each([
  ['thoughts in tags, split anywhere', split('<think>why\n</think>\n\nThis.'), { text: 'This.', thoughts: 'why\n' }],
  ['a tag in the middle of an answer', says('Use <think> here.'), { text: 'Use <think> here.' }],
  [
    'an end of thoughts without a beginning, split anywhere',
    split('A `</think>` ends it.\n</think>\n\nThis.'),
    { text: 'This.', thoughts: 'A `</think>` ends it.\n' },
  ],
  ['the same in one line', says('why</think>This.'), { text: 'This.', thoughts: 'why' }],
  ['an end alone', says('</think>\n\nThis.'), { text: 'This.', thoughts: '' }],
  ['an end that a sentence names', says('Use </think> here.'), { text: 'Use </think> here.' }],
  ['thoughts without an end', says('<think>', 'why'), { text: '', thoughts: 'why' }],
  ['no finish reason', replied('Hello') + done, { text: 'Hello', outcome: { kind: 'finished', stop: 'done' } }],
  ['no finish reason, nor a [DONE]: broken', replied('Hello'), { outcome: { kind: 'failed', retryable: true } }],
  ['arguments as an object', part({ name: 'file_read', arguments: { file: 'a' } }, {}, 'stop') + done, { calls: read }],
  [
    'a function_call of old',
    chunk({ function_call: { name: 'file_read', arguments: '{"file":"a"}' } }, 'function_call') + done,
    { calls: read },
  ],
  [
    '<tool_call>, split anywhere',
    says('I will.', ...halves(`<tool_call>\n${json}\n</tool_call>`)),
    { text: 'I will.', calls: read },
  ],
  ['<tool_call> without an end', says(`<tool_call>${json}`), { text: '', calls: read }],
  ['[TOOL_CALLS]', says(`[TOOL_CALLS][${json}]`), { calls: read }],
  ['[TOOL_CALLS] with the name first', says('[TOOL_CALLS]file_read[ARGS]{"file":"a"}'), { calls: read }],
  ['<function=', says('<function=file_read>{"file":"a"}</function>'), { calls: read }],
  [
    '<function= with parameters',
    says('<tool_call>\n<function=file_read>\n<parameter=file>\na\n</parameter>\n</function>\n</tool_call>'),
    { calls: read },
  ],
  ['a fence', says(`\`\`\`json\n${json}\n\`\`\``), { calls: read }],
  ['JSON alone, with parameters', says('{"name": "file_read", "parameters": {"file": "a"}}'), { calls: read }],
  ['<invoke>', says('<invoke name="file_read">\n<parameter name="file">a</parameter>\n</invoke>'), { calls: read }],
  [
    '<tool_call> with keys and values',
    split('<tool_call>file_read\n<arg_key>file</arg_key>\n<arg_value>a</arg_value>\n</tool_call>'),
    { text: '', calls: read },
  ],
  [
    'the marks of Kimi',
    split(
      '<|tool_calls_section_begin|><|tool_call_begin|>functions.file_read:0<|tool_call_argument_begin|>{"file":"a"}<|tool_call_end|><|tool_calls_section_end|>',
    ),
    { text: '', calls: read },
  ],
  [
    'the marks of DeepSeek, twice',
    says(
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>file_read\n```json\n{"file":"a"}\n```<｜tool▁call▁end｜>',
      '<｜tool▁call▁begin｜>file_read<｜tool▁sep｜>{"file":"a"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    ),
    { text: '', calls: [...read, ...read] },
  ],
  ['a list alone', split(`[${json}]`), { text: '', calls: read }],
  ['a list that is no call', says('[{"a": 1}]'), { text: '[{"a": 1}]', calls: [] }],
  [
    'a name with a namespace, and arguments that are written twice',
    part({ name: 'functions.file_read', arguments: '"{\\"file\\":\\"a\\"}"' }, {}) + done,
    { calls: read },
  ],
  ['<thought>', says('<thought>why</thought>This.'), { text: 'This.', thoughts: 'why' }],
  ['thoughts in triangles', says('◁think▷why◁/think▷This.'), { text: 'This.', thoughts: 'why' }],
  ['error: null', replied('Hello').replace('{', '{"error":null,') + done, { text: 'Hello' }],
  ['an error event', 'event: error\ndata: {"message": "overloaded"}\n\n', failed('overloaded')],
  ['Python in a list', split('[file_read(file="a"), file_read(file=\'a\')]'), { text: '', calls: [...read, ...read] }],
  [
    'Python with values of every kind',
    says(
      '<|tool_call_start|>[file_read(a=True, b=None, c=[1, -2.5e3], d={"k": (r"\\d",)}, e="""x\ny\\t\\u00e9""")]<|tool_call_end|>',
    ),
    {
      text: '',
      calls: [{ name: 'file_read', args: { a: true, b: null, c: [1, -2500], d: { k: ['\\d'] }, e: 'x\ny\té' } }],
    },
  ],
  ['Python in a fence', says('```tool_code\nprint(default_api.file_read(file="a"))\n```'), { text: '', calls: read }],
  ['a list that is never closed', says('[', 'a'), { text: '[a', calls: [] }],
  ['a list that calls no tool', says('[see(the="docs")](a)'), { text: '[see(the="docs")](a)', calls: [] }],
  [
    'a fence that is no call',
    says('```json\n{"name": "x", "arguments": {}}\n```'),
    { text: '```json\n{"name": "x", "arguments": {}}\n```', calls: [] },
  ],
  [
    'an unknown tool in a tag',
    says('<tool_call>{"name": "nothing", "arguments": {}}</tool_call>'),
    { calls: [{ name: 'nothing', args: {} }] },
  ],
  ['an error in the stream', `data: {"error": "the model crashed"}\n\n`, failed('the model crashed')],
  ['line ends of old Macs', says('Hello').replaceAll('\n', '\r'), { text: 'Hello' }],
  ['JSON in several lines', `${replied('Hello').replace(',', ',\ndata: ')}${done}`, { text: 'Hello' }],
  [
    'pings',
    `event: ping\ndata: ping\n\ndata: {"type":"ping"}\n\n${replied('Hello')}${done}`,
    { text: 'Hello', outcome: { kind: 'finished' } },
  ],
  ['an error event that is text', `${replied('Half')}event: error\ndata: upstream died\n\n`, failed('upstream died')],
  [
    'an error in the choice',
    'data: {"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"overloaded"}}]}\n\n',
    failed('overloaded', { code: 'provider_error' }),
  ],
  [
    'fields of other types',
    `data: {"id":5,"created":"today","model":{},"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":"12","completion_tokens":null,"prompt_tokens_details":{"cached_tokens":"4"}}}\n\n${done}`,
    { text: 'Hello', outcome: { kind: 'finished', usage: { inputTokens: 12, outputTokens: 0, cachedTokens: 4 } } },
  ],
  ['a refusal', chunk({ content: null, refusal: 'I cannot.' }, 'stop') + done, { text: 'I cannot.' }],
  [
    'thoughts in parts of the content',
    chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'why' }] }] }) + says('This.'),
    { text: 'This.', thoughts: 'why' },
  ],
  [
    'thoughts as an object',
    chunk({ reasoning_content: { text: 'why' } }) + says('This.'),
    { text: 'This.', thoughts: 'why' },
  ],
  ['a call that is sent again at the end', whole('1') + whole('1') + done, { calls: read }],
  ['two calls at one place', whole('1') + whole('2') + done, { calls: [...read, ...read] }],
  [
    'a name in pieces',
    part({ name: 'file_', arguments: '' }) +
      part({ name: 'read' }, { index: 0 }) +
      called('{"file":"a"}').replace('"name":"file_read",', ''),
    { calls: read },
  ],
  [
    'a name in pieces, without an index or arguments',
    part({ name: 'file_' }, {}) + part({ name: 'read' }, {}, 'tool_calls') + done,
    { calls: [{ name: 'file_read', args: {} }] },
  ],
  [
    'a name that is sent again with each piece of the arguments',
    ['', '{"file":', '"a"}'].map((args) => part({ name: 'file_read', arguments: args })).join('') + done,
    { calls: read },
  ],
  [
    'a name that grows',
    ['f', 'file_re', 'file_read'].map((name) => part({ name, arguments: '' })).join('') + called('{"file":"a"}'),
    { calls: read },
  ],
  [
    'a part of a name, and nothing more',
    part({ name: 'file_' }, undefined, 'tool_calls') + done,
    { calls: [{ name: 'file_' }] },
  ],
  ['arguments in a fence', called('```json\n{"file":"a"}\n```'), { calls: read }],
  ['arguments with line ends in a text', called('{"file":"a\n\tb"}'), { calls: [{ args: { file: 'a\n\tb' } }] }],
  ['arguments that are null', called('null'), { calls: [{ args: {} }] }],
  [
    'a line that is no JSON',
    `${replied('Half')}data: {"choices": [}\n\n`,
    { text: 'Half', ...failed('cannot be read', { retryable: false }) },
  ],
])('%s', async (_, body, expected) => expect(await reply(sse(body))).toMatchObject(expected));

test('a server that does not stream answers all the same', async () => {
  const choices = [{ message: { content: 'Hello' }, finish_reason: 'stop' }];
  const answer = Response.json({ choices, usage: { prompt_tokens: 1, completion_tokens: 1 } });
  expect(await reply(answer)).toMatchObject({ text: 'Hello', outcome: { kind: 'finished' } });
});

test('a server that never ends its replies is believed from its second reply on', async () => {
  const { ask } = await modelAt(sse(replied('Hello')));
  expect((await ask()).outcome).toMatchObject({ kind: 'failed', retryable: true });
  expect(await ask()).toMatchObject({ message: { text: 'Hello' }, outcome: { kind: 'finished', stop: 'done' } });
});

test.each([
  ['http://other.example/v1/chat?key=1', 'http://other.example/v1/chat (status 307)'],
  ['/v2/chat', 'http://127.0.0.1:9/v2/chat (status 307)'],
  [undefined, 'no address (status 307)'],
])('a redirect to %s is not followed, and its address is shown', async (location, shown) => {
  const answer = new Response('<a>moved</a>', { status: 307, headers: location === undefined ? {} : { location } });
  const refused = failed(`127.0.0.1:9 redirects to ${shown}`, { retryable: false });
  expect(await reply(answer)).toMatchObject({ ...refused, requests: 1 });
});

test.each([
  ['86400', false, 'in 24 hours'],
  ['604800', false, 'in 7 days'],
  ['600', false, 'in 10 minutes'],
  ['90', true, ''],
  ['7.66', true, ''],
  ['2s', true, ''],
  ['a while', true, ''],
])('a server that takes no request for %s s is tried again (%s) while it can help', async (after, retryable, text) => {
  const answer = new Response('busy', { status: 429, headers: { 'retry-after': after } });
  expect(await reply(answer)).toMatchObject(failed(text, { code: 'model_rate_limited', retryable }));
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
])('the body %s tells its reason', async (body, reason) =>
  expect(await reply(new Response(body, { status: 400 }))).toMatchObject(failed(reason)),
);

test('a page of 64 KiB without an end is read once', () =>
  expect(readErrorText(`<${'<a '.repeat(1_000_000)}`)).toBe(''));

test.each([
  ['not_found', '127.0.0.1:9: the connection failed (ECONNREFUSED).', true],
  ['forbidden', '127.0.0.1:9 is at a private address; see egress.allowRanges.', false],
] as const)('a connection of this server that failed (%s) is no answer of a provider', async (code, why, retryable) => {
  const expected = failed(`local/m cannot be reached: ${why}`, { code: 'model_unavailable', retryable });
  expect(await reply(new AppError(code, why))).toMatchObject(expected);
});

// LiteLLM keeps Gemini's signature in the id, and refuses the next turn without it. Other providers refuse such an id.
test.each([
  ['local/m', 'call_1__thought__Cpc+/=.'.repeat(100)],
  ['local/m', 'functions.file_read:0'],
  ['local/another', expect.stringMatching(/^call_[0-9a-f]{32}$/)],
])('a call id that sandboxes refuse has one of ours, and returns to %s as %s', async (ref, expected) => {
  const id = typeof expected === 'string' ? expected : 'functions.file_read:0';
  const answer = sse(part({ name: 'file_read', arguments: '{}' }, { index: 0, id }) + done);
  const { message } = await (await modelAt(answer)).ask();
  const { callId } = message.calls[0] as ToolCall;
  expect(callId).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  const { ask, bodies } = await modelAt(answer, ref);
  await ask(message, { role: 'tool', callId, name: 'file_read', output: 'text', success: true });
  expect(bodies).toMatchObject([
    { messages: [{}, {}, { tool_calls: [{ id: expected }] }, { role: 'tool', tool_call_id: expected }] },
  ]);
});

test('a signature of Gemini returns with its call', async () => {
  const extra_content = { google: { thought_signature: 'abc' } };
  const call = part({ name: 'file_read', arguments: '{}' }, { index: 0, id: '1', extra_content });
  const { ask, bodies } = await modelAt(sse(call + done));
  const { message } = await ask();
  await ask(message, { role: 'tool', callId: '1', name: 'file_read', output: 'text', success: true });
  expect(JSON.stringify(bodies[1])).toContain(JSON.stringify({ extra_content }).slice(1, -1));
});
