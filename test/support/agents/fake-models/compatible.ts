import { bad, fakeUsage, halves, isWhole, sse, tooLong, unknownKey, unpaired } from './common.ts';
import type { FakeRequest, Limits, RefusedReply, ScriptedReply, WireFormat } from './wire-format.ts';

// Chat Completions as strict compatible servers implement it: POST /v1/chat/completions with stream: true.

const known = [
  ...['model', 'messages', 'tools', 'tool_choice', 'stream', 'stream_options', 'temperature', 'top_p', 'max_tokens'],
  ...['stop', 'reasoning_effort', 'parallel_tool_calls'],
];

function check(request: FakeRequest, limits: Limits): RefusedReply | undefined {
  const { body, headers } = request;
  if (headers.authorization !== undefined && headers.authorization !== `Bearer ${limits.key}`)
    return { status: 401, name: 'invalid_api_key', message: `Invalid key: ${headers.authorization}` };
  const strange = unknownKey(body, known);
  if (strange) return bad(`extra fields not permitted: ${strange}`);
  if (body.tool_choice !== undefined && !['auto', 'none'].includes(body.tool_choice))
    return bad('tool_choice: only auto and none are supported');
  const tokens = tooLong(request, limits);
  if (tokens) return bad(`This model's maximum context length is ${limits.window} tokens, you asked for ${tokens}.`);
  type Message = { role: string; content?: unknown; tool_calls?: readonly { id: string }[]; tool_call_id?: string };
  const messages = body.messages as readonly Message[];
  const broken = unpaired(
    messages.flatMap(({ role, tool_calls, tool_call_id }) => {
      if (role === 'tool') return [{ kind: 'result' as 'result' | 'call' | 'other', id: String(tool_call_id) }];
      return [
        { kind: 'other' as 'result' | 'call' | 'other', id: '' },
        ...(tool_calls ?? []).map(({ id }) => ({ kind: 'call' as const, id })),
      ];
    }),
  );
  if (broken?.kind === 'call')
    return bad(`An assistant message with 'tool_calls' must be followed by tool messages responding to ${broken.id}.`);
  if (broken) return bad(`messages with role 'tool' must be a response to a preceding message: ${broken.id}`);
  if (messages.some(({ role, content }) => role === 'tool' && typeof content !== 'string'))
    return bad('the content of a tool message must be a string');
  if (messages.at(-1)?.role === 'assistant') return bad('Cannot continue from an assistant message.');
  return undefined;
}

function events(reply: ScriptedReply, n: number): string[] {
  const { text = '', reasoning, calls = [], stop } = reply;
  const chunk = (delta: object, finish_reason: string | null = null) =>
    sse({
      id: `chatcmpl-${n}`,
      object: 'chat.completion.chunk',
      created: 1_790_000_000,
      model: 'qwen3',
      choices: [{ index: 0, delta, finish_reason }],
    });
  const out = [chunk({ role: 'assistant', content: '' })];
  if (reasoning !== undefined) out.push(chunk({ reasoning_content: reasoning }));
  for (const half of halves(text)) out.push(chunk({ content: half }));
  for (const [index, call] of calls.entries()) {
    const [first = '', second = ''] = halves(call.text ?? JSON.stringify(call.args));
    const id = `chatcmpl-tool-${n}:${index}`; // a colon, as some servers write it
    out.push(chunk({ tool_calls: [{ index, id, type: 'function', function: { name: call.name, arguments: first } }] }));
    out.push(chunk({ tool_calls: [{ index, function: { arguments: second } }] }));
  }
  if (!isWhole(reply)) return out;
  const reason =
    stop === 'length' ? 'length' : stop === 'refused' ? 'content_filter' : calls.length > 0 ? 'tool_calls' : 'stop';
  out.push(chunk({}, reason));
  const { input, output } = reply.usage ?? fakeUsage;
  const usage = {
    prompt_tokens: input,
    prompt_tokens_details: { cached_tokens: reply.usage ? 0 : fakeUsage.cached },
    completion_tokens: output,
    completion_tokens_details: { reasoning_tokens: reply.usage ? 0 : fakeUsage.reasoning },
    total_tokens: input + output,
  };
  out.push(
    sse({ id: `chatcmpl-${n}`, object: 'chat.completion.chunk', created: 1, model: 'qwen3', choices: [], usage }),
  );
  out.push('data: [DONE]\n\n');
  return out;
}

/** Models as vLLM, OpenRouter and Ollama describe them, and one that cannot chat. */
const listed = [
  { id: 'qwen3', object: 'model', created: 1_790_000_000, owned_by: 'vllm', max_model_len: 32_768 },
  {
    id: 'meta/llama-9',
    name: 'Meta: Llama 9',
    context_length: 131_072,
    architecture: { input_modalities: ['text', 'image'] },
    pricing: { prompt: '0.00000015', completion: '0.0000006' },
    top_provider: { max_completion_tokens: 16_384 },
    supported_parameters: ['tools', 'temperature'],
  },
  { id: 'small:1b', object: 'model', created: 1_790_000_000, owned_by: 'library' },
  { id: 'nomic-embed-text', object: 'model' },
];

function list({ headers }: Pick<FakeRequest, 'headers'>, { key }: Limits): RefusedReply | object {
  const provided = headers.authorization;
  if (provided !== undefined && provided !== `Bearer ${key}`)
    return { status: 401, name: 'invalid_api_key', message: `Invalid key: ${provided}` };
  return { object: 'list', data: listed };
}

export const compatibleWire: WireFormat = {
  list,
  check,
  events,
  error: ({ message, name }) => ({ error: { message, type: name ?? 'BadRequestError', code: name ?? null } }),
};
