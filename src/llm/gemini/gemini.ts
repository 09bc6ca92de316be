import {
  FunctionCallingMode,
  type FunctionDeclaration,
  type GenerateContentRequest,
  GoogleGenerativeAI,
} from '@google/generative-ai';
import type { Clock } from '../../core/clock.ts';
import type { Secret } from '../../core/secret.ts';
import { withoutSecret } from '../../core/secret-forms.ts';
import type { Model, Sampling, TurnPart, TurnRequest } from '../model.ts';
import { parseRetryAfter } from '../retry.ts';
import { contentsOf } from './contents.ts';
import { type Failure, failureOf, type Refusal, refusalOf, stalled, unreachable } from './failures.ts';
import { type Chunk, replyReader } from './reply.ts';
import { retryHeader, turnHeader } from './retry-header.ts';
import { parametersOf } from './schema.ts';
import { watchdog } from './watchdog.ts';

export interface GeminiOptions {
  /** Without the provider: `gemini-2.5-flash`. */
  readonly model: string;
  readonly key: Secret;
  readonly baseUrl?: string;
  readonly clock: Clock;
  readonly newId: () => string;
  /** The longest silence in ms, before the first chunk and between two. */
  readonly idleMs?: number;
}

export function geminiModel(options: GeminiOptions): Model {
  const { model, key, clock, newId, idleMs = 60_000 } = options;
  const name = `gemini/${model}`;
  const baseUrl = options.baseUrl?.replace(/\/+$/, '');
  // Providers quote requests in their errors, so the key is removed from all text that is passed on.
  const publicFailure = (failure: Failure): Failure => ({
    ...failure,
    message: withoutSecret(failure.message, key, '[key]'),
  });

  async function* turn(request: TurnRequest, signal: AbortSignal): AsyncGenerator<TurnPart> {
    using silence = watchdog({ clock, ms: idleMs, signal });
    const turnId = newId();
    using retryAfter = retryHeader(turnId);
    const reply = replyReader({ name, newId });
    const refused = (refusal: Refusal) => failureOf(refusal, name, parseRetryAfter(retryAfter.value(), clock.now()));
    try {
      silence.signal.throwIfAborted(); // the SDK only listens for the event, and the signal may have fired already
      const requestOptions = { ...(baseUrl && { baseUrl }), customHeaders: { [turnHeader]: turnId } };
      const asked = new GoogleGenerativeAI(key.reveal()).getGenerativeModel({ model }, requestOptions);
      const { stream, response } = await asked.generateContentStream(bodyOf(request, name), { signal: silence.signal });
      response.catch(() => {}); // the SDK's own summary of the stream, which fails with it
      for await (const chunk of stream as AsyncIterable<Chunk>) {
        silence.rest(); // a slow reader on our side is no silence of the provider
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
      if (signal.aborted) yield { type: 'end', outcome: { kind: 'cancelled' } };
      else yield { type: 'end', outcome: publicFailure(whyOf(thrown)) };
    }

    function whyOf(thrown: unknown): Failure {
      if (silence.bit()) return stalled(name, idleMs);
      if (isFailure(thrown)) return thrown;
      const refusal = refusalOf(thrown);
      return refusal ? refused(refusal) : unreachable(name);
    }
  }
  return { name, turn };
}

const isFailure = (thrown: unknown): thrown is Failure => (thrown as Failure | null)?.kind === 'failed';

function bodyOf(request: TurnRequest, name: string): GenerateContentRequest {
  const { tools, mustCall, system, sampling } = request;
  const declarations = tools.map(
    ({ name, description, parameters }) =>
      ({ name, description, parameters: parametersOf(parameters) }) as unknown as FunctionDeclaration,
  );
  const mode =
    mustCall === undefined
      ? { mode: FunctionCallingMode.AUTO }
      : { mode: FunctionCallingMode.ANY, allowedFunctionNames: [mustCall] };
  return {
    contents: contentsOf(request, name),
    ...(system !== '' && { systemInstruction: { role: 'system', parts: [{ text: system }] } }),
    ...(sampling && { generationConfig: generationConfigOf(sampling) }),
    ...(tools.length > 0 && {
      tools: [{ functionDeclarations: declarations }],
      toolConfig: { functionCallingConfig: mode },
    }),
  };
}

const generationConfigOf = ({ stop, ...rest }: Sampling) => ({ ...rest, ...(stop && { stopSequences: [...stop] }) });
