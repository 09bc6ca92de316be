import {
  bad,
  fakeUsage,
  halves,
  isSignedBy,
  isWhole,
  signature,
  sse,
  tooLong,
  unknownKey,
  unpaired,
} from './common.ts';
import type { FakeRequest, Limits, RefusedReply, ScriptedReply, WireFormat } from './wire-format.ts';

// OpenAI's Responses API: POST /v1/responses with stream: true.

const known = [
  ...['model', 'input', 'instructions', 'tools', 'tool_choice', 'parallel_tool_calls', 'store', 'stream', 'include'],
  ...['temperature', 'top_p', 'max_output_tokens', 'reasoning', 'prompt_cache_key', 'text', 'metadata', 'truncation'],
  ...['client_metadata', 'context_management'],
];

function check(request: FakeRequest, limits: Limits): RefusedReply | undefined {
  const { body, headers } = request;
  if (headers.authorization !== `Bearer ${limits.key}`) {
    const key = String(headers.authorization).slice(7);
    return { status: 401, name: 'invalid_api_key', message: `Incorrect API key provided: ${key}.` };
  }
  const strange = unknownKey(body, known);
  if (strange) return bad(`Unknown parameter: '${strange}'.`, 'unknown_parameter');
  const reasons = /^(gpt-5|gpt-6|o\d)/.test(body.model);
  if (reasons && body.temperature !== undefined)
    return bad("Unsupported parameter: 'temperature' is not supported with this model.", 'unsupported_parameter');
  if (!reasons && body.reasoning !== undefined)
    return bad("Unsupported parameter: 'reasoning.summary' is not supported with this model.", 'unsupported_parameter');
  const tokens = tooLong(request, limits);
  if (tokens) return bad('Your input exceeds the context window of this model.', 'context_length_exceeded');
  const items = body.input as readonly Record<string, unknown>[];
  const broken = unpaired(
    items.map((item) => {
      if (item.type === 'function_call') return { kind: 'call', id: String(item.call_id) };
      if (item.type === 'function_call_output') return { kind: 'result', id: String(item.call_id) };
      return { kind: item.role === 'user' ? 'other' : ('other' as const) };
    }),
  );
  if (broken?.kind === 'call') return bad(`No tool output found for function call ${broken.id}.`);
  if (broken) return bad(`No tool call found for function call output with call_id ${broken.id}.`);
  for (const [at, item] of items.entries()) {
    if (item.type === 'item_reference') return { status: 404, message: `Item with id '${item.id}' not found.` };
    if (item.type !== 'reasoning') continue;
    if (!isSignedBy('openai', item.encrypted_content))
      return bad(`The encrypted content for item ${item.id} could not be verified.`, 'invalid_encrypted_content');
    const next = items[at + 1];
    if (next === undefined || next.role === 'user')
      return bad(`Item '${item.id}' of type 'reasoning' was provided without its required following item.`);
  }
  return undefined;
}

function events(reply: ScriptedReply, n: number, { body }: FakeRequest): string[] {
  const { text = '', reasoning, calls = [], stop } = reply;
  const id = `resp_${n}`;
  const out: string[] = [];
  let sequence_number = 0;
  const push = (type: string, data: object) =>
    out.push(sse({ type, sequence_number: sequence_number++, ...data }, type));
  const response = (more: object) => ({
    response: { id, object: 'response', created_at: 1_790_000_000, model: 'gpt-5-mini', ...more },
  });
  push('response.created', response({ status: 'in_progress' }));
  let output_index = 0;
  if (reasoning !== undefined) {
    const item = { id: `rs_${n}`, type: 'reasoning', summary: [] as object[] };
    push('response.output_item.added', { output_index, item: { ...item, encrypted_content: 'partial' } });
    // Each paragraph is a part of the summary, which is sent only on request.
    const summary = (body.reasoning?.summary ? reasoning.split('\n\n') : []).map((words) => {
      return { type: 'summary_text', text: words };
    });
    for (const [summary_index, part] of summary.entries()) {
      const at = { item_id: item.id, output_index, summary_index };
      push('response.reasoning_summary_part.added', { ...at, part: { ...part, text: '' } });
      push('response.reasoning_summary_text.delta', { ...at, delta: part.text });
      push('response.reasoning_summary_part.done', { ...at, part });
    }
    push('response.output_item.done', {
      output_index,
      item: { ...item, summary, encrypted_content: signature('openai', n) },
    });
    output_index++;
  }
  if (text !== '') {
    const item = { id: `msg_${n}`, type: 'message', role: 'assistant', status: 'in_progress', content: [] as object[] };
    push('response.output_item.added', { output_index, item });
    const at = { item_id: item.id, output_index, content_index: 0 };
    if (stop === 'refused') push('response.refusal.delta', { ...at, delta: text });
    else for (const delta of halves(text)) push('response.output_text.delta', { ...at, delta });
    if (stop === 'refused') push('response.refusal.done', { ...at, refusal: text });
    const content = [
      stop === 'refused' ? { type: 'refusal', refusal: text } : { type: 'output_text', text, annotations: [] },
    ];
    push('response.output_item.done', { output_index, item: { ...item, status: 'completed', content } });
    output_index++;
  }
  for (const [k, call] of calls.entries()) {
    const item = { id: `fc_${n}_${k}`, type: 'function_call', call_id: `call_${n}_${k}`, name: call.name };
    const args = call.text ?? JSON.stringify(call.args);
    push('response.output_item.added', { output_index, item: { ...item, arguments: '', status: 'in_progress' } });
    for (const delta of halves(args))
      push('response.function_call_arguments.delta', { item_id: item.id, output_index, delta });
    if (isWhole(reply) && stop !== 'length')
      push('response.output_item.done', { output_index, item: { ...item, arguments: args, status: 'completed' } });
    output_index++;
  }
  if (!isWhole(reply)) return out;
  const usage = {
    input_tokens: fakeUsage.input,
    input_tokens_details: { cached_tokens: fakeUsage.cached },
    output_tokens: fakeUsage.output,
    output_tokens_details: { reasoning_tokens: fakeUsage.reasoning },
    total_tokens: fakeUsage.input + fakeUsage.output,
  };
  if (stop === 'length')
    push(
      'response.incomplete',
      response({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, usage }),
    );
  else push('response.completed', response({ status: 'completed', incomplete_details: null, usage }));
  return out;
}

const listed = [
  'gpt-5-mini',
  'gpt-5',
  'o4-mini',
  'text-embedding-3-small',
  'whisper-1',
  'gpt-4o-audio-preview',
  'dall-e-3',
];

function list({ headers }: Pick<FakeRequest, 'headers'>, { key }: Limits): RefusedReply | object {
  if (headers.authorization !== `Bearer ${key}`) return { status: 401, name: 'invalid_api_key', message: 'Wrong key' };
  return { object: 'list', data: listed.map((id) => ({ id, object: 'model', created: 1, owned_by: 'system' })) };
}

export const openaiWire: WireFormat = {
  list,
  check,
  events,
  error: ({ message, name }) => ({
    error: { message, type: name ?? 'invalid_request_error', param: null, code: name ?? null },
  }),
};
