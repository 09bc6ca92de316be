import {
  APICallError,
  type LanguageModelV4,
  type LanguageModelV4CallOptions,
  type LanguageModelV4FunctionTool,
  type LanguageModelV4ProviderTool,
  type LanguageModelV4StreamPart,
  type LanguageModelV4Usage,
  type SharedV4ProviderMetadata,
} from '@ai-sdk/provider';
import { readErrorText } from '../../../core/errors/error-text.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { parseRetryAfter } from '../../../core/errors/retry-after.ts';
import { type JsonLimits, parseJson, parseJsonWithinLimits } from '../../../core/text/json.ts';
import { normalizeCallId } from '../conversation.ts';
import {
  type ProviderErrorResponse,
  rejectRedirect,
  toProviderErrorTurn,
  toTurnEnd,
  toUnreachableTurn,
} from '../failures.ts';
import type { FailedTurn, Model, ToolCall, TurnOutcome, TurnPart, TurnRequest, TurnUsage } from '../model.ts';
import type { ModelBuildOptions } from '../provider.ts';
import { createWatchdog, type Watchdog } from '../watchdog.ts';
import { continuesAnotherModel, type RawBlock, toAiSdkPrompt } from './prompt.ts';
import type { ProviderAdapter } from './provider-adapter.ts';

/** The body of a larger refusal is ignored. */
const refusalLimits: JsonLimits = { maxBytes: 256 * 1024, maxDepth: 32, maxValues: 10_000 };

/** Undefined if there was no refusal, for example because the connection broke. */
function findRefusal(thrown: unknown, now: number): ProviderErrorResponse | undefined {
  if (APICallError.isInstance(thrown)) {
    const { statusCode, responseHeaders, message, data, responseBody } = thrown;
    if (statusCode === undefined || statusCode < 400) return undefined;
    const body = data ?? parseJsonWithinLimits(responseBody ?? '', refusalLimits);
    return {
      status: statusCode,
      text: textOf(message, body),
      names: namesIn(body),
      retryAfterMs: delayOf(responseHeaders, now),
    };
  }
  if (thrown instanceof AppError) return undefined; // Corral's own error, such as a refused redirect
  const error = thrown as { statusCode?: unknown; message?: unknown; data?: unknown; type?: unknown; code?: unknown };
  const inside = namesIn(error?.data ?? error);
  const isRefusal = typeof error?.statusCode === 'number' || (typeof error?.message === 'string' && inside.length > 0);
  if (!isRefusal || thrown instanceof TypeError) return undefined;
  return {
    status: typeof error.statusCode === 'number' ? error.statusCode : parseStatus(inside),
    text: String(error.message ?? ''),
    names: inside,
  };
}

/** OpenAI-compatible servers report errors inside a stream in various forms. */
function parseStatus(names: readonly string[]): number {
  const status = names.map(Number).find((n) => n >= 400 && n < 600);
  if (status !== undefined) return status;
  const all = names.join(' ');
  if (/rate_limit|quota|overload/i.test(all)) return 429;
  return /invalid|context|not_found|authentication|permission/i.test(all) ? 400 : 500;
}

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

function namesIn(body: unknown): string[] {
  if (!isTree(body)) return [];
  const error = isTree(body.error) ? body.error : isTree(body.response) ? (body.response.error as unknown) : body;
  if (!isTree(error)) return [];
  return [error.type, error.code, error.status].filter((name) => name !== undefined && name !== null).map(String);
}

function textOf(message: string, body: unknown): string {
  const error = isTree(body) && isTree(body.error) ? body.error : body;
  if (isTree(error) && typeof error.message === 'string' && error.message !== '') return error.message;
  return readErrorText(body) || message;
}

function delayOf(headers: Record<string, string> | undefined, now: number): number | undefined {
  const exact = headers?.['retry-after-ms'];
  if (exact !== undefined && /^\d{1,9}$/.test(exact)) return Number(exact);
  return parseRetryAfter(headers?.['retry-after'], now);
}

const maxBytes = 64 * 1024 * 1024;
const watches = new WeakMap<AbortSignal, () => void>();

const watchBytes = (signal: AbortSignal, onBytes: () => void): void => void watches.set(signal, onBytes);

/** Follows no redirects, because they could send the key to another host. */
const turnFetch =
  (via: typeof fetch = fetch): typeof fetch =>
  async (input, init) => {
    const onBytes = init?.signal ? watches.get(init.signal) : undefined;
    const response = await via(input, { ...init, redirect: 'manual' });
    rejectRedirect(response, input instanceof Request ? input.url : String(input));
    if (!response.body) return response;
    let left = maxBytes;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          left -= chunk.byteLength;
          if (left < 0) return controller.error(new Error('the reply is too large'));
          onBytes?.();
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(counted, response);
  };

export interface AiSdkOptions extends ModelBuildOptions {
  readonly adapter: ProviderAdapter;
}

export function createAiSdkModel(options: AiSdkOptions): Model {
  const { name, model, adapter, abilities, key, baseUrl, advice, clock, newId, idleMs = 60_000 } = options;
  let summaries = true;
  let opened: LanguageModelV4 | undefined; // reused, because each new instance creates its own schemas

  async function streamed(request: TurnRequest, silence: Watchdog) {
    opened ??= adapter.open({ model, key, baseUrl, fetch: turnFetch(options.fetch) });
    watchBytes(silence.signal, silence.touch);
    const requested = opened;
    const ask = () => requested.doStream({ ...callOf(request, options, summaries), abortSignal: silence.signal });
    try {
      return await ask();
    } catch (thrown) {
      const refusal = summaries ? findRefusal(thrown, clock.now()) : undefined;
      if (!refusal || !adapter.refusesSummaries?.(refusal)) throw thrown;
      summaries = false;
      return await ask();
    }
  }

  async function* turn(request: TurnRequest, signal: AbortSignal): AsyncGenerator<TurnPart> {
    using silence = createWatchdog({ clock, ms: idleMs, signal });
    const reply = createReplyReader({ newId, broken: () => toUnreachableTurn(name, advice) });
    try {
      silence.signal.throwIfAborted();
      const { stream } = await streamed(request, silence);
      for await (const part of stream) {
        silence.rest(); // a slow consumer does not mean that the provider is silent
        if (part.type === 'error') throw part.error;
        yield* reply.read(part);
        silence.wake();
      }
      signal.throwIfAborted(); // some packages end a cancelled stream as if it were complete
      yield* reply.end();
    } catch (thrown) {
      yield toTurnEnd({ signal, silence, model: name, idleMs, key }, () => {
        const refusal = findRefusal(thrown, clock.now());
        return refusal ? toProviderErrorTurn(refusal, name, advice) : toUnreachableTurn(name, advice, thrown);
      });
    }
  }
  return { name, abilities, turn };
}

function callOf(request: TurnRequest, options: AiSdkOptions, summaries: boolean): LanguageModelV4CallOptions {
  const { name, model, adapter, abilities, reasoning } = options;
  const { mustCall, sampling, tools } = request;
  const isForced = mustCall !== undefined && abilities.forcedTool;
  const turnRequest = mustCall === undefined || isForced ? request : withCallHint(request, mustCall);
  const isForeign = continuesAnotherModel(request, name);
  return {
    prompt: toAiSdkPrompt(turnRequest, { name, adapter, images: abilities.images }),
    ...(tools.length > 0 && { tools: tools.map((tool) => toolOf(tool, options)) }),
    ...(tools.length > 0 && { toolChoice: isForced ? { type: 'tool', toolName: mustCall } : { type: 'auto' } }),
    ...(sampling?.temperature !== undefined && { temperature: sampling.temperature }),
    ...(sampling?.topP !== undefined && { topP: sampling.topP }),
    ...(sampling?.topK !== undefined && { topK: sampling.topK }),
    ...(sampling?.maxOutputTokens !== undefined && { maxOutputTokens: sampling.maxOutputTokens }),
    ...(sampling?.stop && { stopSequences: [...sampling.stop] }),
    ...(reasoning !== 'default' && !isForced && { reasoning }),
    ...adapter.options(request, { model, abilities, reasoning, isForeign, summaries }),
  };
}

function withCallHint(request: TurnRequest, mustCall: string): TurnRequest {
  const query = `Reply with one call of the tool ${mustCall} and nothing else.`;
  return { ...request, hint: request.hint ? `${request.hint}\n${query}` : query };
}

function toolOf(
  { name, description, parameters, native }: TurnRequest['tools'][number],
  { adapter, model, abilities }: AiSdkOptions,
): LanguageModelV4FunctionTool | LanguageModelV4ProviderTool {
  const own = native && abilities.images ? adapter.native?.(native, model) : undefined;
  return own ? { type: 'provider', name, ...own } : { type: 'function', name, description, inputSchema: parameters };
}

interface Options {
  readonly newId: () => string;
  readonly broken: () => FailedTurn;
}

/** Yields calls only at the end, so that no call of a truncated reply is executed. */
function createReplyReader({ newId, broken }: Options) {
  const blocks = new Map<string, { type: 'text' | 'reasoning'; text: string; meta: SharedV4ProviderMetadata }>();
  const calls: ToolCall[] = [];
  const begun = new Map<string, string>();
  let outcome: TurnOutcome | undefined;
  let reasoned = false;

  function* read(part: LanguageModelV4StreamPart): Generator<TurnPart> {
    switch (part.type) {
      case 'text-start':
      case 'reasoning-start':
        if (part.type === 'reasoning-start' && reasoned) yield { type: 'reasoning', delta: '\n\n' };
        blocks.set(key(part), { type: kindOf(part.type), text: '', meta: part.providerMetadata ?? {} });
        return;
      case 'text-delta':
      case 'reasoning-delta': {
        const block = blocks.get(key(part));
        if (block) {
          block.text += part.delta;
          block.meta = merged(block.meta, part.providerMetadata);
        }
        reasoned ||= part.type === 'reasoning-delta' && part.delta !== '';
        if (part.delta !== '') yield { type: kindOf(part.type), delta: part.delta };
        return;
      }
      case 'text-end':
      case 'reasoning-end': {
        const block = blocks.get(key(part));
        blocks.delete(key(part));
        if (!block) return;
        yield raw({ type: block.type, text: block.text }, merged(block.meta, part.providerMetadata));
        return;
      }
      case 'tool-input-start':
        begun.set(part.id, part.toolName);
        return;
      case 'tool-call':
        begun.set(part.toolCallId, part.toolName);
        calls.push({ callId: part.toolCallId || `call_${newId()}`, name: part.toolName, args: parseArgs(part.input) });
        yield raw(
          { type: 'call', ...(part.toolCallId !== normalizeCallId(part.toolCallId) && { id: part.toolCallId }) },
          part.providerMetadata ?? {},
        );
        return;
      case 'finish':
        outcome = toOutcome(part.finishReason, toUsage(part.usage));
        return;
    }
  }

  function toOutcome({ unified, raw }: { unified: string; raw: string | undefined }, usage: TurnUsage): TurnOutcome {
    if (unified === 'length') return { kind: 'finished', stop: 'length', usage, cutCalls: [...begun.values()] };
    if (unified === 'content-filter')
      return { kind: 'finished', stop: 'refused', usage, reason: raw ?? 'content-filter' };
    const isWhole = unified === 'stop' || unified === 'tool-calls' || (unified === 'other' && raw !== undefined);
    return isWhole ? { kind: 'finished', stop: calls.length > 0 ? 'calls' : 'done', usage } : broken();
  }

  function* end(): Generator<TurnPart> {
    const last = outcome ?? broken();
    if (last.kind === 'finished' && last.stop === 'calls') for (const call of calls) yield { type: 'call', call };
    yield { type: 'end', outcome: last };
  }
  return { read, end };
}

const kindOf = (type: string): 'text' | 'reasoning' => (type.startsWith('text') ? 'text' : 'reasoning');
const key = ({ type, id }: { type: string; id: string }): string => `${kindOf(type)} ${id}`;

const raw = (block: RawBlock, meta: SharedV4ProviderMetadata): TurnPart => ({
  type: 'raw',
  part: { ...block, ...(Object.keys(meta).length > 0 && { meta }) },
});

/** Later values win, because the signature arrives only at the end of the block. */
function merged(a: SharedV4ProviderMetadata, b: SharedV4ProviderMetadata | undefined): SharedV4ProviderMetadata {
  const all = { ...a };
  for (const [name, values] of Object.entries(b ?? {})) all[name] = { ...all[name], ...values };
  return all;
}

/** Large enough for the largest file that a tool can write. */
const argumentLimits: JsonLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 64, maxValues: 100_000 };
/** Returns text that is not JSON unchanged, for the tool to refuse. */
function parseArgs(input: string): unknown {
  if (['', 'null'].includes(input.trim())) return {};
  const asSent = parseJson(input, argumentLimits);
  const json = asSent.ok ? asSent : parseJson(repaired(input), argumentLimits);
  if (!json.ok) return input;
  // the arguments may be JSON-encoded twice
  const inner = typeof json.value === 'string' ? parseJson(json.value, argumentLimits) : json;
  return inner.ok ? inner.value : json.value;
}

/** Some models wrap arguments in a code fence or leave control characters in strings. */
const repaired = (input: string): string => {
  const lines = input.trim().split('\n');
  const text =
    lines.length > 2 && lines[0]?.startsWith('```') && lines.at(-1) === '```' ? lines.slice(1, -1).join('\n') : input;
  return text.replace(/"[^"\\]*(?:\\[\s\S][^"\\]*)*"/g, (string) =>
    string.replace(/\p{Cc}/gu, (control) => JSON.stringify(control).slice(1, -1)),
  );
};

function toUsage({ inputTokens, outputTokens }: LanguageModelV4Usage): TurnUsage {
  const { total: input = 0, cacheRead = 0, cacheWrite = 0 } = inputTokens;
  return {
    inputTokens: input,
    outputTokens: outputTokens.total ?? 0,
    ...(cacheRead > 0 && { cachedTokens: cacheRead }),
    ...(cacheWrite > 0 && { cacheWrittenTokens: cacheWrite }),
    ...((outputTokens.reasoning ?? 0) > 0 && { reasoningTokens: outputTokens.reasoning as number }),
  };
}
