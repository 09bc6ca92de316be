import { bad, fakeUsage, halves, isSignedBy, isWhole, signature, sse, tooLong, unknownKey } from './common.ts';
import type { FakeRequest, Limits, RefusedReply, ScriptedReply, WireFormat } from './wire-format.ts';

// Anthropic's Messages API: POST /v1/messages with stream: true.

const known = [
  ...['model', 'messages', 'system', 'max_tokens', 'stream', 'tools', 'tool_choice', 'temperature', 'top_p', 'top_k'],
  ...['stop_sequences', 'thinking', 'metadata', 'output_config', 'service_tier'],
];
type Block = Record<string, unknown>;
type Message = { readonly role: string; readonly content: readonly Block[] };

function check(request: FakeRequest, limits: Limits): RefusedReply | undefined {
  const { body, headers } = request;
  if (headers['x-api-key'] !== limits.key)
    return { status: 401, name: 'authentication_error', message: `invalid x-api-key ${headers['x-api-key']}` };
  if (headers['anthropic-version'] !== '2023-06-01') return bad('anthropic-version: header is required');
  const strange = unknownKey(body, known);
  if (strange) return bad(`${strange}: Extra inputs are not permitted`);
  if (!(body.max_tokens > 0)) return bad('max_tokens: Field required');
  const tokens = tooLong(request, limits);
  if (tokens) return bad(`prompt is too long: ${tokens} tokens > ${limits.window} maximum`);
  const isNewest = /5-5/.test(body.model);
  const isForced = body.tool_choice !== undefined && !['auto', 'none'].includes(body.tool_choice.type);
  if (isNewest && body.temperature !== undefined) return bad('`temperature` is not supported for this model');
  if (isNewest && isForced) return bad('`tool_choice` may not force tool use for this model');
  if (isNewest && body.thinking?.type === 'enabled')
    return bad('thinking.type: `enabled` is not supported, use adaptive');
  if (body.thinking?.type === 'enabled' && isForced)
    return bad('Thinking may not be enabled when tool_choice forces tool use.');
  if ((JSON.stringify(body).match(/"cache_control"/g) ?? []).length > 4)
    return bad('A maximum of 4 blocks with cache_control may be provided.');
  return ownTools(request) ?? messages(body.messages, body.thinking?.type === 'enabled');
}

/** The declarations that are Anthropic's own, with the beta that each needs and the models that know it. */
const computers: Readonly<Record<string, { beta?: string; knownTo: RegExp }>> = {
  computer_20250124: {
    beta: 'computer-use-2025-01-24',
    knownTo: /claude-(3-7-sonnet|(sonnet|opus)-4-2025|opus-4-1|(sonnet|haiku)-4-5)/,
  },
  computer_20251124: { beta: 'computer-use-2025-11-24', knownTo: /claude-(opus-4-[5-7]|sonnet-4-6)/ },
  computer_toolset_20260801: { knownTo: /claude-((opus|sonnet|fable|haiku)-5|opus-4-8)/ },
};

function ownTools({ body, headers }: FakeRequest): RefusedReply | undefined {
  for (const [at, tool] of ((body.tools ?? []) as Block[]).entries()) {
    if (tool.type === undefined || tool.type === 'custom') continue;
    const known = computers[String(tool.type)];
    const betas = String(headers['anthropic-beta'] ?? '').split(',');
    if (!known || (known.beta !== undefined && !betas.includes(known.beta)))
      return bad(`tools.${at}: Input tag '${tool.type}' found using 'type' does not match any of the expected tags`);
    if (!known.knownTo.test(String(body.model)))
      return bad(`'${body.model}' does not support tool types: ${tool.type}`);
    const sized = typeof tool.display_width_px === 'number' && typeof tool.display_height_px === 'number';
    if (known.beta !== undefined && !sized) return bad(`tools.${at}.display_width_px: Field required`);
    if (known.beta === undefined && 'display_width_px' in tool)
      return bad(`tools.${at}.display_width_px: Extra inputs are not permitted`);
  }
  return undefined;
}

function messages(all: readonly Message[], thinks: boolean): RefusedReply | undefined {
  if (all[0]?.role !== 'user') return bad('messages: first message must use the "user" role');
  if (all.at(-1)?.role !== 'user') return bad('This model does not support assistant message prefill.');
  for (const [at, { role, content }] of all.entries()) {
    const next = all[at + 1]?.content ?? [];
    const before = all[at - 1]?.content ?? [];
    if (content.length === 0) return bad(`messages.${at}: content must not be empty`);
    for (const block of content) {
      if (block.type === 'text' && String(block.text).trim() === '')
        return bad('messages: text content blocks must contain non-whitespace text');
      if (block.type === 'thinking' && !isSignedBy('anthropic', block.signature))
        return bad(`messages.${at}: Invalid \`signature\` in \`thinking\` block`);
      if (block.type === 'tool_use' && !next.some(({ tool_use_id }) => tool_use_id === block.id))
        return bad(
          `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${block.id}.`,
        );
      if (block.type === 'tool_use' && (typeof block.input !== 'object' || block.input === null))
        return bad(`messages.${at}: tool_use.input: Input should be a valid dictionary`);
      if (block.type === 'tool_result' && !before.some(({ id }) => id === block.tool_use_id))
        return bad(`messages.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${block.tool_use_id}.`);
    }
    if (role === 'user' && content.findLastIndex(({ type }) => type === 'tool_result') >= firstOther(content))
      return bad(`messages.${at}: \`tool_result\` blocks must come first`);
  }
  const last = all.at(-2);
  const isInTurn = all.at(-1)?.content[0]?.type === 'tool_result';
  if (thinks && isInTurn && last?.content[0]?.type !== 'thinking')
    return bad(
      'Expected `thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.',
    );
  return undefined;
}

function firstOther(content: readonly Block[]): number {
  const at = content.findIndex(({ type }) => type !== 'tool_result');
  return at < 0 ? content.length : at;
}

function events(reply: ScriptedReply, n: number): string[] {
  const { text = '', reasoning, calls = [], stop } = reply;
  const out: string[] = [];
  const push = (type: string, data: object) => out.push(sse({ type, ...data }, type));
  const usage = {
    input_tokens: fakeUsage.input - fakeUsage.cached,
    cache_read_input_tokens: fakeUsage.cached,
    cache_creation_input_tokens: 0,
    output_tokens: 1,
  };
  const message = { id: `msg_${n}`, type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [] };
  push('message_start', { message: { ...message, stop_reason: null, stop_sequence: null, usage } });
  push('ping', {});
  let index = 0;
  const block = (content_block: object, deltas: readonly object[], isEnded = true) => {
    push('content_block_start', { index, content_block });
    for (const delta of deltas) push('content_block_delta', { index, delta });
    if (isEnded) push('content_block_stop', { index });
    index++;
  };
  if (reasoning !== undefined)
    block({ type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking: reasoning },
      { type: 'signature_delta', signature: signature('anthropic', n) },
    ]);
  if (text !== '')
    block(
      { type: 'text', text: '' },
      halves(text).map((half) => ({ type: 'text_delta', text: half })),
    );
  for (const [k, call] of calls.entries())
    block(
      {
        type: 'tool_use',
        id: `toolu_${n}_${k}`,
        name: call.name,
        ...(call.toolset && { toolset_name: call.toolset }),
        input: {},
      },
      halves(call.text ?? JSON.stringify(call.args)).map((half) => ({ type: 'input_json_delta', partial_json: half })),
      isWhole(reply),
    );
  if (!isWhole(reply)) return out;
  const stop_reason =
    stop === 'length' ? 'max_tokens' : stop === 'refused' ? 'refusal' : calls.length > 0 ? 'tool_use' : 'end_turn';
  const output = { output_tokens: fakeUsage.output, output_tokens_details: { thinking_tokens: fakeUsage.reasoning } };
  push('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { ...usage, ...output } });
  push('message_stop', {});
  return out;
}

const listed = [
  { type: 'model', id: 'claude-sonnet-5-5', display_name: 'Claude Sonnet 5.5', created_at: '2026-01-01T00:00:00Z' },
  { type: 'model', id: 'claude-haiku-5-5', display_name: 'Claude Haiku 5.5', created_at: '2026-01-01T00:00:00Z' },
];

/** One model per page, so that a client that reads only the first page is noticed. */
function list({ path, headers }: Pick<FakeRequest, 'path' | 'headers'>, { key }: Limits): RefusedReply | object {
  if (headers['x-api-key'] !== key) return { status: 401, name: 'authentication_error', message: 'invalid x-api-key' };
  if (headers['anthropic-version'] !== '2023-06-01') return bad('anthropic-version: header is required');
  const after = new URL(path, 'http://fake').searchParams.get('after_id');
  const at = listed.findIndex(({ id }) => id === after) + 1;
  const data = listed.slice(at, at + 1);
  return { data, has_more: at + 1 < listed.length, first_id: data[0]?.id, last_id: data[0]?.id };
}

export const anthropicWire: WireFormat = {
  list,
  check,
  events,
  error: ({ message, name, status }) => ({
    type: 'error',
    error: { type: name ?? (status === 429 ? 'rate_limit_error' : 'invalid_request_error'), message },
    request_id: 'req_1',
  }),
};
