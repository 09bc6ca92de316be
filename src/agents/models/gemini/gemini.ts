import {
  FunctionCallingMode,
  type FunctionDeclaration,
  type GenerateContentRequest,
  GoogleGenerativeAI,
} from '@google/generative-ai';
import { trimEndOf } from '../../../core/text/text.ts';
import { endOfBroken, unreachableTurn } from '../failures.ts';
import type { FailedTurn, Model, Sampling, TurnPart, TurnRequest } from '../model.ts';
import type { BuildOptions } from '../provider.ts';
import { parseRetryAfter } from '../retry.ts';
import { watchdog } from '../watchdog.ts';
import { ownComputer } from './computer.ts';
import { contentsOf } from './contents.ts';
import { failureOf, type GeminiRefusal, refusalOf } from './failures.ts';
import { type Chunk, replyReader } from './reply.ts';
import { retryHeader, turnHeader } from './retry-header.ts';
import { parametersOf } from './schema.ts';

export type GeminiOptions = Omit<BuildOptions, 'name' | 'reasoning'>;

export function geminiModel(options: GeminiOptions): Model {
  const { model, abilities, key, advice, clock, newId, idleMs = 60_000 } = options;
  const name = `gemini/${model}`;
  const baseUrl = trimEndOf(options.baseUrl, '/');

  async function* turn(request: TurnRequest, signal: AbortSignal): AsyncGenerator<TurnPart> {
    using silence = watchdog({ clock, ms: idleMs, signal });
    const turnId = newId();
    using retryAfter = retryHeader(turnId);
    const computer = ownComputer(model, request.tools);
    const reply = replyReader({ name, newId, called: computer?.called, broken: () => unreachableTurn(name, advice) });
    const refused = (refusal: GeminiRefusal) =>
      failureOf(refusal, { name, advice, retryAfterMs: parseRetryAfter(retryAfter.value(), clock.now()) });
    try {
      silence.signal.throwIfAborted(); // the SDK only listens for the event, and the signal may have fired already
      const requestOptions = { baseUrl, customHeaders: { [turnHeader]: turnId } };
      const asked = new GoogleGenerativeAI(key?.reveal() ?? 'none').getGenerativeModel({ model }, requestOptions);
      const { stream, response } = await asked.generateContentStream(bodyOf(request, name, computer), {
        signal: silence.signal,
      });
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
      yield endOfBroken({ signal, silence, model: name, idleMs, key }, () => {
        if (isFailure(thrown)) return thrown;
        const refusal = refusalOf(thrown);
        return refusal ? refused(refusal) : unreachableTurn(name, advice);
      });
    }
  }
  return { name, abilities, turn };
}

const isFailure = (thrown: unknown): thrown is FailedTurn => (thrown as FailedTurn | null)?.kind === 'failed';

function bodyOf(request: TurnRequest, name: string, computer: ReturnType<typeof ownComputer>): GenerateContentRequest {
  const { mustCall, system, sampling } = request;
  const functionDeclarations = request.tools
    .filter((tool) => !computer?.replaced.includes(tool))
    .map(({ name, description, parameters: schema }) => {
      const parameters = parametersOf(schema);
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
    contents: contentsOf(request, name),
    ...(system !== '' && { systemInstruction: { role: 'system', parts: [{ text: system }] } }),
    ...(sampling && { generationConfig: generationConfigOf(sampling) }),
    ...(tools.length > 0 && {
      tools,
      toolConfig: { functionCallingConfig: mode },
    }),
  };
}

const generationConfigOf = ({ stop, ...rest }: Sampling) => ({ ...rest, ...(stop && { stopSequences: [...stop] }) });
