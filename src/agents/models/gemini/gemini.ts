import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  FunctionCallingMode,
  type FunctionDeclaration,
  type GenerateContentRequest,
  GoogleGenerativeAI,
  GoogleGenerativeAIFetchError,
} from '@google/generative-ai';
import { parseRetryAfter } from '../../../core/errors/retry-after.ts';
import { trimEndCharacters } from '../../../core/text/text.ts';
import { type SettingNames, toRefusedTurn, toTurnEnd, unreachableTurn } from '../failures.ts';
import type { FailedTurn, Model, Sampling, TurnPart, TurnRequest } from '../model.ts';
import type { BuildOptions } from '../provider.ts';
import { watchdog } from '../watchdog.ts';
import { findNativeComputer } from './computer.ts';
import { toContents } from './contents.ts';
import { type GeminiChunk, replyReader } from './reply.ts';
import { toParameters } from './schema.ts';

// The SDK drops the response's headers, including Retry-After. Node publishes the headers of every response to its own
// fetch. A request header with the turn's id identifies the response.
const channel = 'undici:request:headers';
export const turnHeader = 'x-corral-turn';

interface DiagnosticsMessage {
  readonly request: { readonly headers: readonly string[] };
  readonly response: { readonly headers: readonly Uint8Array[] };
}

export function watchRetryAfter(turn: string): Disposable & { value(): string | undefined } {
  let value: string | undefined;
  const listener = (message: unknown) => {
    const { request, response } = message as DiagnosticsMessage;
    if (!request.headers.includes(turn)) return;
    const at = response.headers.findIndex((name) => Buffer.from(name).toString().toLowerCase() === 'retry-after');
    const found = response.headers[at + 1];
    value = at >= 0 && found ? Buffer.from(found).toString() : undefined;
  };
  subscribe(channel, listener);
  return { value: () => value, [Symbol.dispose]: () => unsubscribe(channel, listener) };
}

interface GeminiRefusal {
  readonly status: number;
  readonly text: string;
  readonly details: readonly unknown[];
}

function findRefusal(thrown: unknown): GeminiRefusal | undefined {
  if (!(thrown instanceof GoogleGenerativeAIFetchError) || thrown.status === undefined) return undefined;
  // The message contains the address, [status], the provider's text and the details as JSON. Only the text is for
  // people.
  const message = thrown.message.slice(thrown.message.indexOf(`[${thrown.status}`)).replace(/^\[[^\]]*\] ?/, '');
  const details = thrown.errorDetails ?? [];
  const text = details.length > 0 ? message.replace(JSON.stringify(details), '') : message;
  return { status: thrown.status, text: text.trim(), details };
}

interface RequestInfo {
  readonly name: string;
  readonly advice: SettingNames;
  readonly retryAfterMs: number | undefined;
}
function failureOf(refusal: GeminiRefusal, { name, advice, retryAfterMs }: RequestInfo): FailedTurn {
  const { status, text, details } = refusal;
  const names = details.map((detail) => String((detail as { reason?: unknown } | null)?.reason ?? ''));
  const after = retryInfo(details) ?? retryAfterMs;
  return toRefusedTurn({ status, text, names, retryAfterMs: after }, name, advice);
}

/** `{"@type": "…/google.rpc.RetryInfo", "retryDelay": "3.5s"}` */
function retryInfo(details: readonly unknown[]): number | undefined {
  for (const detail of details as readonly { retryDelay?: unknown }[]) {
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(String(detail?.retryDelay ?? ''))?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return undefined;
}

export type GeminiOptions = Omit<BuildOptions, 'name' | 'reasoning'>;

export function geminiModel(options: GeminiOptions): Model {
  const { model, abilities, key, advice, clock, newId, idleMs = 60_000 } = options;
  const name = `gemini/${model}`;
  const baseUrl = trimEndCharacters(options.baseUrl, '/');

  async function* turn(request: TurnRequest, signal: AbortSignal): AsyncGenerator<TurnPart> {
    using silence = watchdog({ clock, ms: idleMs, signal });
    const turnId = newId();
    using retryAfter = watchRetryAfter(turnId);
    const computer = findNativeComputer(model, request.tools);
    const reply = replyReader({ name, newId, called: computer?.called, broken: () => unreachableTurn(name, advice) });
    const refused = (refusal: GeminiRefusal) =>
      failureOf(refusal, { name, advice, retryAfterMs: parseRetryAfter(retryAfter.value(), clock.now()) });
    try {
      silence.signal.throwIfAborted(); // the SDK only listens for the event, and the signal may already have fired
      const requestOptions = { baseUrl, customHeaders: { [turnHeader]: turnId } };
      const generativeModel = new GoogleGenerativeAI(key?.reveal() ?? 'none').getGenerativeModel(
        { model },
        requestOptions,
      );
      const { stream, response } = await generativeModel.generateContentStream(toRequest(request, name, computer), {
        signal: silence.signal,
      });
      response.catch(() => {}); // the SDK's own summary of the stream, which fails if the stream does
      for await (const chunk of stream as AsyncIterable<GeminiChunk>) {
        silence.rest(); // a slow reader on the server's side does not mean that the provider is silent
        if (chunk.error)
          throw refused({
            status: chunk.error.code ?? 500,
            text: chunk.error.message ?? '',
            details: chunk.error.details ?? [],
          });
        yield* reply.read(chunk);
        silence.wake();
      }
      yield* reply.end();
    } catch (thrown) {
      yield toTurnEnd({ signal, silence, model: name, idleMs, key }, () => {
        if (isFailure(thrown)) return thrown;
        const refusal = findRefusal(thrown);
        return refusal ? refused(refusal) : unreachableTurn(name, advice, thrown);
      });
    }
  }
  return { name, abilities, turn };
}

const isFailure = (thrown: unknown): thrown is FailedTurn => (thrown as FailedTurn | null)?.kind === 'failed';

function toRequest(
  request: TurnRequest,
  name: string,
  computer: ReturnType<typeof findNativeComputer>,
): GenerateContentRequest {
  const { mustCall, system, sampling } = request;
  const functionDeclarations = request.tools
    .filter((tool) => !computer?.replaced.includes(tool))
    .map(({ name, description, parameters: schema }) => {
      const parameters = toParameters(schema);
      const more = parameters ? undefined : (schema as { description?: string }).description;
      return {
        name,
        description: more ? `${description} ${more}` : description,
        parameters,
      } as unknown as FunctionDeclaration;
    });
  const tools = [
    ...(computer ? [computer.declaration] : []),
    ...(functionDeclarations.length > 0 ? [{ functionDeclarations }] : []),
  ];
  const mode =
    mustCall === undefined
      ? { mode: FunctionCallingMode.AUTO }
      : { mode: FunctionCallingMode.ANY, allowedFunctionNames: [mustCall] };
  return {
    contents: toContents(request, name),
    ...(system !== '' && { systemInstruction: { role: 'system', parts: [{ text: system }] } }),
    ...(sampling && { generationConfig: generationConfigOf(sampling) }),
    ...(tools.length > 0 && {
      tools,
      toolConfig: { functionCallingConfig: mode },
    }),
  };
}

const generationConfigOf = ({ stop, ...rest }: Sampling) => ({ ...rest, ...(stop && { stopSequences: [...stop] }) });
