import { eventTraceOf } from '../../core/model/event-traits.ts';
import type { FactOf, SessionEvent } from '../../core/model/events.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { AttributeValue, SpanData, SpanTree } from './span.ts';

// Spans are built from the log after the run, so a restart loses none. Names follow OpenTelemetry's generative AI
// conventions.

export interface RunSpanOptions {
  readonly agent: string;
  /** Whether spans include messages, arguments and results, which may be confidential. */
  readonly content: boolean;
  readonly maxChars: number;
}
type Attributes = Record<string, AttributeValue | undefined>;

export function buildRunSpans(
  events: readonly SessionEvent[],
  runId: string,
  options: RunSpanOptions,
): SpanTree | undefined {
  const own = events.filter((event) => event.runId === runId || event.type === 'sandbox.phase');
  const end = own.find(isOf('run.end'));
  const first = own.find(({ runId: of }) => of === runId);
  if (!end || !first) return undefined;
  const usages = own.filter(isOf('usage')).map(({ data }) => data);
  const failure = own.find(isOf('run.error'))?.data.error;
  const { status, reason, code } = end.data;
  const joinedText = (some: readonly string[]) => text(options, some.length === 0 ? undefined : some.join('\n\n'));
  const top: SpanData = {
    name: `invoke_agent ${options.agent}`,
    kind: 'internal',
    start: first.ts,
    end: end.ts,
    attributes: present({
      ...named('invoke_agent', end.sessionId),
      'gen_ai.agent.name': options.agent,
      'gen_ai.usage.input_tokens': sum(usages.map(({ inputTokens }) => inputTokens)),
      'gen_ai.usage.output_tokens': sum(usages.map(({ outputTokens }) => outputTokens)),
      'gen_ai.input.messages': joinedText(own.filter(isOf('message.user')).map(({ data }) => data.text)),
      'gen_ai.output.messages': joinedText(own.filter(isOf('message.assistant')).map(({ data }) => data.text)),
      'corral.run.id': runId,
      'corral.run.end_reason': reason,
      'error.type': status === 'failed' ? (code ?? reason) : undefined,
    }),
    ...(status === 'failed' && { error: failure ?? reason }),
    events: own.flatMap((event) => {
      const traced = eventTraceOf(event);
      return traced ? [{ at: event.ts, ...traced }] : [];
    }),
  };
  const below = own.flatMap((event) => toSpans(event, own, options));
  return { sessionId: end.sessionId, top, below };
}

/** Covers the session's creation, and is the parent of all its runs' spans. */
export const buildSessionSpan = (sessionId: string, agent: string, at: number): SpanTree => ({
  sessionId,
  top: {
    name: `create_agent ${agent}`,
    kind: 'internal',
    start: at,
    end: at,
    attributes: present({ ...named('create_agent', sessionId), 'gen_ai.agent.name': agent }),
  },
  below: [],
});

const isOf =
  <Type extends SessionEvent['type']>(type: Type) =>
  (event: SessionEvent): event is Extract<SessionEvent, { type: Type }> =>
    event.type === type;
const named = (operation: string, sessionId: string): Attributes => ({
  'gen_ai.operation.name': operation,
  'gen_ai.conversation.id': sessionId,
});
const sum = (all: readonly number[]) => all.reduce((one, more) => one + more, 0);
const text = ({ content, maxChars }: RunSpanOptions, of: string | undefined) =>
  content && of !== undefined ? truncateEnd(of, maxChars) : undefined;
const present = (attributes: Attributes) =>
  Object.fromEntries(Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));

function toSpans(event: SessionEvent, own: readonly SessionEvent[], options: RunSpanOptions): SpanData[] {
  if (event.type === 'usage') return [chat(event, event.data)];
  if (event.type === 'tool.called') {
    const begun = own.find((it) => it.type === 'tool.calling' && it.data.callId === event.data.callId);
    return [tool(event, event.data, { start: begun?.ts ?? event.ts, options })];
  }
  if (event.type !== 'sandbox.phase' || event.data.phase !== 'ready' || event.data.ms === undefined) return [];
  const { sessionId, ts, data } = event;
  const attributes = present({ 'gen_ai.conversation.id': sessionId, 'corral.sandbox.detail': data.detail });
  return [{ name: 'start sandbox', kind: 'client', start: ts - (data.ms ?? 0), end: ts, attributes }];
}

const providers: Readonly<Record<string, string>> = { gemini: 'gcp.gemini' };

function chat({ sessionId, ts }: SessionEvent, data: FactOf<'usage'>['data']): SpanData {
  const [provider = '', ...rest] = data.model.split('/');
  const model = rest.join('/') || provider;
  const attributes = present({
    ...named('chat', sessionId),
    'gen_ai.provider.name': providers[provider] ?? provider,
    'gen_ai.request.model': model,
    'gen_ai.response.model': model,
    'gen_ai.usage.input_tokens': data.inputTokens,
    'gen_ai.usage.output_tokens': data.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': data.cachedTokens,
    'gen_ai.usage.cache_creation.input_tokens': data.cacheWrittenTokens,
    'gen_ai.usage.reasoning.output_tokens': data.reasoningTokens,
    'corral.turn': data.turn,
    'corral.request.hash': data.requestHash,
    'corral.cost': data.cost,
  });
  return { name: `chat ${model}`, kind: 'client', start: data.askedAt ?? ts, end: ts, attributes };
}

interface Call {
  readonly start: number;
  readonly options: RunSpanOptions;
}
function tool(
  { sessionId, ts }: SessionEvent,
  data: FactOf<'tool.called'>['data'],
  { start, options }: Call,
): SpanData {
  const { callId, function: name, success, reason, args, output } = data;
  const attributes = present({
    ...named('execute_tool', sessionId),
    'gen_ai.tool.name': name,
    'gen_ai.tool.call.id': callId,
    'gen_ai.tool.type': 'function',
    'gen_ai.tool.call.arguments': text(options, JSON.stringify(args)),
    'gen_ai.tool.call.result': text(options, output),
    'error.type': success ? undefined : (reason ?? 'tool_failed'),
  });
  const error = success ? {} : { error: reason ?? 'The tool reported a failure.' };
  return { name: `execute_tool ${name}`, kind: 'internal', start, end: ts, attributes, ...error };
}
