import { parseRetryAfter } from '../../../core/errors/retry-after.ts';
import { type JsonLimits, parseJsonWithinLimits } from '../../../core/text/json.ts';
import { parseServerSentEvents } from '../../../core/text/server-sent-events.ts';
import { trimEndCharacters } from '../../../core/text/text.ts';
import { rejectRedirect, toProviderErrorTurn, toTurnEnd, toUnreachableTurn } from '../failures.ts';
import type {
  FailedTurn,
  Model,
  SamplingOptions,
  ToolCall,
  TurnOutcome,
  TurnPart,
  TurnRequest,
  TurnUsage,
} from '../model.ts';
import type { ModelBuildOptions } from '../provider.ts';
import { createWatchdog } from '../watchdog.ts';
import { findNativeComputerTool, splitConsentRequest } from './computer.ts';
import { toGeminiContents } from './contents.ts';

const chunkLimits: JsonLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 64, maxValues: 500_000 };
const parseChunk = (text: string) => parseJsonWithinLimits(text, chunkLimits) as GeminiChunk | null | undefined;

/** Milliseconds, from a detail such as `{"@type": "…/google.rpc.RetryInfo", "retryDelay": "3.5s"}`. */
function retryInfo(details: readonly unknown[]): number | undefined {
  for (const detail of details as readonly ({ retryDelay?: unknown } | null)[]) {
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(String(detail?.retryDelay ?? ''))?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return undefined;
}

export type GeminiOptions = Omit<ModelBuildOptions, 'name' | 'reasoning'>;

export function createGeminiModel(options: GeminiOptions): Model {
  const { model, abilities, key, advice, clock, newId, idleMs = 60_000 } = options;
  const name = `gemini/${model}`;
  const path = model.includes('/') ? model : `models/${model}`;
  const address = `${trimEndCharacters(options.baseUrl, '/')}/v1beta/${path}:streamGenerateContent?alt=sse`;

  async function* turn(request: TurnRequest, signal: AbortSignal): AsyncGenerator<TurnPart> {
    using silence = createWatchdog({ clock, ms: idleMs, signal });
    const computer = findNativeComputerTool(model, request.tools);
    const reply = replyReader({ name, newId, called: computer?.called, broken: () => toUnreachableTurn(name, advice) });
    try {
      const response = await fetch(address, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', 'x-goog-api-key': key?.reveal() ?? 'none' },
        body: JSON.stringify(toRequest(request, name, computer)),
        signal: silence.signal,
      });
      rejectRedirect(response, address);
      const retryAfter = parseRetryAfter(response.headers.get('retry-after') ?? undefined, clock.now());
      const refused = (status: number, { message: text = '', details }: GeminiError = {}): FailedTurn => {
        const all = Array.isArray(details) ? details : [];
        const names = all.map((detail) => String((detail as { reason?: unknown } | null)?.reason ?? ''));
        return toProviderErrorTurn({ status, text, names, retryAfterMs: retryInfo(all) ?? retryAfter }, name, advice);
      };
      if (!response.ok) throw refused(response.status, parseChunk(await response.text())?.error);
      for await (const { data } of parseServerSentEvents(response.body ?? new ReadableStream(), chunkLimits.maxBytes)) {
        if (data === undefined) continue;
        silence.rest(); // a slow consumer does not mean that the provider is silent
        const chunk = parseChunk(data);
        if (!chunk) throw toUnreachableTurn(name, advice);
        if (chunk.error) throw refused(chunk.error.code ?? 500, chunk.error);
        yield* reply.read(chunk);
        silence.wake();
      }
      yield* reply.end();
    } catch (thrown) {
      yield toTurnEnd({ signal, silence, model: name, idleMs, key }, () =>
        isFailure(thrown) ? thrown : toUnreachableTurn(name, advice, thrown),
      );
    }
  }
  return { name, abilities, turn };
}

const isFailure = (thrown: unknown): thrown is FailedTurn => (thrown as FailedTurn | null)?.kind === 'failed';

function toRequest(request: TurnRequest, name: string, computer: ReturnType<typeof findNativeComputerTool>) {
  const { mustCall, system, sampling } = request;
  const functionDeclarations = request.tools
    .filter((tool) => !computer?.replaced.includes(tool))
    .map(({ name, description, parameters: schema }) => {
      const parameters = toGeminiParameters(schema);
      const more = parameters ? undefined : (schema as { description?: string }).description;
      return { name, description: more ? `${description} ${more}` : description, parameters };
    });
  const tools = [
    ...(computer ? [computer.declaration] : []),
    ...(functionDeclarations.length > 0 ? [{ functionDeclarations }] : []),
  ];
  const mode = mustCall === undefined ? { mode: 'AUTO' } : { mode: 'ANY', allowedFunctionNames: [mustCall] };
  return {
    contents: toGeminiContents(request, name),
    ...(system !== '' && { systemInstruction: { role: 'system', parts: [{ text: system }] } }),
    generationConfig: generationConfigOf(sampling),
    ...(tools.length > 0 && { tools, toolConfig: { functionCallingConfig: mode } }),
  };
}

const generationConfigOf = ({ stop, ...rest }: SamplingOptions = {}) => ({
  ...rest,
  ...(stop && { stopSequences: [...stop] }),
});

interface GeminiChunk {
  readonly candidates?: readonly {
    readonly content?: { readonly parts?: readonly Piece[] };
    readonly finishReason?: string;
  }[];
  readonly promptFeedback?: { readonly blockReason?: string };
  readonly usageMetadata?: {
    readonly promptTokenCount?: number;
    readonly candidatesTokenCount?: number;
    readonly thoughtsTokenCount?: number;
    readonly cachedContentTokenCount?: number;
  };
  readonly error?: GeminiError;
}
interface GeminiError {
  readonly code?: number;
  readonly message?: string;
  readonly details?: readonly unknown[];
}
interface Piece {
  readonly text?: string;
  readonly thought?: boolean;
  readonly functionCall?: { readonly name?: string; readonly args?: unknown };
}

interface Options {
  readonly name: string;
  readonly newId: () => string;
  readonly called: ((name: string, args: unknown) => Pick<ToolCall, 'name' | 'args'>) | undefined;
  readonly broken: () => FailedTurn;
}

/** Yields calls only at the end, so that no call of a truncated reply is executed. */
function replyReader({ name, newId, called, broken }: Options) {
  const calls: ToolCall[] = [];
  let finish: string | undefined;
  let blocked: string | undefined;
  let usage: TurnUsage = { inputTokens: 0, outputTokens: 0 };

  function* read(chunk: GeminiChunk): Generator<TurnPart> {
    const candidate = chunk.candidates?.[0];
    for (const part of candidate?.content?.parts ?? []) {
      yield { type: 'raw', part };
      if (part.text) yield { type: part.thought ? 'reasoning' : 'text', delta: part.text };
      const { functionCall } = part; // a later turn may reuse the provider's id
      if (!functionCall) continue;
      const { args, ...demand } = splitConsentRequest(functionCall.args ?? {});
      const call = called?.(functionCall.name ?? '', args) ?? { name: functionCall.name ?? '', args };
      calls.push({ callId: `call_${newId()}`, ...call, ...demand });
    }
    blocked = chunk.promptFeedback?.blockReason ?? blocked;
    finish = candidate?.finishReason ?? finish;
    usage = toUsage(chunk) ?? usage;
  }

  function* end(): Generator<TurnPart> {
    const outcome = toOutcome(name, { broken, finish: blocked ? 'BLOCKED' : finish, blocked, usage, calls });
    if (outcome.kind === 'finished' && outcome.stop === 'calls') for (const call of calls) yield { type: 'call', call };
    yield { type: 'end', outcome };
  }
  return { read, end };
}

function toUsage({ usageMetadata }: GeminiChunk): TurnUsage | undefined {
  if (!usageMetadata) return undefined;
  const {
    promptTokenCount = 0,
    candidatesTokenCount = 0,
    thoughtsTokenCount = 0,
    cachedContentTokenCount,
  } = usageMetadata;
  return {
    inputTokens: promptTokenCount,
    outputTokens: candidatesTokenCount + thoughtsTokenCount, // the provider bills both as output
    ...(thoughtsTokenCount > 0 && { reasoningTokens: thoughtsTokenCount }),
    ...(cachedContentTokenCount !== undefined && { cachedTokens: cachedContentTokenCount }),
  };
}

interface ReplyEnd {
  readonly broken: () => FailedTurn;
  readonly finish: string | undefined;
  readonly blocked: string | undefined;
  readonly usage: TurnUsage;
  readonly calls: readonly ToolCall[];
}
function toOutcome(name: string, { broken, finish, blocked, usage, calls }: ReplyEnd): TurnOutcome {
  switch (finish) {
    case undefined:
      return broken(); // every complete reply has a finish reason
    case 'STOP':
      return { kind: 'finished', stop: calls.length > 0 ? 'calls' : 'done', usage };
    case 'MAX_TOKENS':
      return { kind: 'finished', stop: 'length', usage, cutCalls: calls.map((call) => call.name) };
    case 'MALFORMED_FUNCTION_CALL':
    case 'UNEXPECTED_TOOL_CALL':
    case 'FINISH_REASON_UNSPECIFIED':
    case 'OTHER':
      return {
        kind: 'failed',
        code: 'provider_error',
        message: `${name} ended its reply with ${finish}.`,
        retryable: true,
      };
    default:
      return { kind: 'finished', stop: 'refused', usage, reason: blocked ?? finish };
  }
}

// Gemini supports only a subset of the OpenAPI schema.

type Json = { readonly [key: string]: unknown };
const passed = ['description', 'required', 'minItems', 'maxItems', 'minimum', 'maximum', 'minLength', 'maxLength'];

/** Undefined if there are no properties, because Gemini refuses an object without any. */
export function toGeminiParameters(schema: object): Json | undefined {
  const converted = convert(schema as Json);
  return converted.properties === undefined ? undefined : converted;
}

function convert(schema: Json): Json {
  const types = [schema.type].flat().filter((type) => type !== undefined);
  const ofTypes = types.length > 1 ? types.map((type) => ({ type })) : undefined;
  const alternatives = (schema.anyOf ?? schema.oneOf ?? ofTypes) as readonly Json[] | undefined;
  const nullable = alternatives?.some((one) => one.type === 'null') ?? false;
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Json>);
  // Gemini has no tuples. The items of our tuples share one type.
  const [first] = (schema.prefixItems ?? []) as readonly Json[];
  const items = (schema.items || first) as Json | undefined;
  const several = alternatives?.filter((one) => one.type !== 'null').map(convert);
  if (several?.length === 1) return { ...several[0], ...kept(schema), ...(nullable && { nullable }) };
  if (types[0] === 'null' && types.length === 1) return { ...kept(schema), type: 'string', nullable: true };
  return {
    ...kept(schema),
    ...toDescription(schema),
    ...(types.length === 1 && { type: types[0] }),
    ...(nullable && { nullable }),
    ...(several && { anyOf: several }),
    ...choices(schema),
    ...(properties.length > 0 && {
      properties: Object.fromEntries(properties.map(([name, property]) => [name, convert(property)])),
    }),
    ...(items && { items: convert(items) }),
  };
}

// False for Zod's safe-integer limits, which tell a model nothing.
const telling = (value: unknown): boolean => typeof value !== 'number' || Math.abs(value) < Number.MAX_SAFE_INTEGER;

const kept = (schema: Json): Json =>
  Object.fromEntries(passed.flatMap((key) => (key in schema && telling(schema[key]) ? [[key, schema[key]]] : [])));

function choices(schema: Json): Json {
  const values = (schema.const === undefined ? schema.enum : [schema.const]) as readonly unknown[] | undefined;
  const texts = values?.filter((value) => typeof value === 'string' && value !== ''); // Gemini refuses empty strings in an enum
  return texts && texts.length > 0 && values?.every((value) => typeof value === 'string')
    ? { type: 'string', enum: texts }
    : {};
}

/** Describes in words what Gemini's schema cannot express. */
function toDescription(schema: Json): { description?: string } {
  const values = schema.enum as readonly unknown[] | undefined;
  const isPlain = values?.every((value) => typeof value === 'string' && value !== '') ?? true;
  const others = schema.additionalProperties;
  const words = [
    ...(isPlain ? [] : [`One of: ${values?.map((value) => JSON.stringify(value)).join(', ')}.`]),
    ...(typeof others === 'object' ? [`Other properties, each: ${JSON.stringify(others).slice(0, 300)}.`] : []),
  ];
  if (words.length === 0) return {};
  return { description: [schema.description, ...words].filter((one) => one !== undefined).join(' ') };
}
