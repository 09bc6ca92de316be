import { parseRetryAfter } from '../../../core/errors/retry-after.ts';
import { type JsonLimits, parseJsonWithin } from '../../../core/text/json.ts';
import { serverSentEvents } from '../../../core/text/server-sent-events.ts';
import { trimEndCharacters } from '../../../core/text/text.ts';
import { refuseRedirect, toRefusedTurn, toTurnEnd, unreachableTurn } from '../failures.ts';
import type { FailedTurn, Model, Sampling, TurnPart, TurnRequest } from '../model.ts';
import type { BuildOptions } from '../provider.ts';
import { watchdog } from '../watchdog.ts';
import { findNativeComputer } from './computer.ts';
import { toContents } from './contents.ts';
import { type GeminiChunk, type GeminiError, replyReader } from './reply.ts';
import { toParameters } from './schema.ts';

const chunkLimits: JsonLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 64, maxValues: 500_000 };
const parseChunk = (text: string) => parseJsonWithin(text, chunkLimits) as GeminiChunk | null | undefined;

/** `{"@type": "…/google.rpc.RetryInfo", "retryDelay": "3.5s"}` */
function retryInfo(details: readonly unknown[]): number | undefined {
  for (const detail of details as readonly ({ retryDelay?: unknown } | null)[]) {
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(String(detail?.retryDelay ?? ''))?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return undefined;
}

export type GeminiOptions = Omit<BuildOptions, 'name' | 'reasoning'>;

export function geminiModel(options: GeminiOptions): Model {
  const { model, abilities, key, advice, clock, newId, idleMs = 60_000 } = options;
  const name = `gemini/${model}`;
  const path = model.includes('/') ? model : `models/${model}`; // such as tunedModels/x
  const address = `${trimEndCharacters(options.baseUrl, '/')}/v1beta/${path}:streamGenerateContent?alt=sse`;

  async function* turn(request: TurnRequest, signal: AbortSignal): AsyncGenerator<TurnPart> {
    using silence = watchdog({ clock, ms: idleMs, signal });
    const computer = findNativeComputer(model, request.tools);
    const reply = replyReader({ name, newId, called: computer?.called, broken: () => unreachableTurn(name, advice) });
    try {
      const response = await fetch(address, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', 'x-goog-api-key': key?.reveal() ?? 'none' },
        body: JSON.stringify(toRequest(request, name, computer)),
        signal: silence.signal,
      });
      refuseRedirect(response, address);
      const retryAfter = parseRetryAfter(response.headers.get('retry-after') ?? undefined, clock.now());
      const refused = (status: number, { message: text = '', details }: GeminiError = {}): FailedTurn => {
        const all = Array.isArray(details) ? details : [];
        const names = all.map((detail) => String((detail as { reason?: unknown } | null)?.reason ?? ''));
        return toRefusedTurn({ status, text, names, retryAfterMs: retryInfo(all) ?? retryAfter }, name, advice);
      };
      if (!response.ok) throw refused(response.status, parseChunk(await response.text())?.error);
      for await (const { data } of serverSentEvents(response.body ?? new ReadableStream(), chunkLimits.maxBytes)) {
        if (data === undefined) continue;
        silence.rest(); // a slow reader on the server's side does not mean that the provider is silent
        const chunk = parseChunk(data);
        if (!chunk) throw unreachableTurn(name, advice);
        if (chunk.error) throw refused(chunk.error.code ?? 500, chunk.error);
        yield* reply.read(chunk);
        silence.wake();
      }
      yield* reply.end();
    } catch (thrown) {
      yield toTurnEnd({ signal, silence, model: name, idleMs, key }, () =>
        isFailure(thrown) ? thrown : unreachableTurn(name, advice, thrown),
      );
    }
  }
  return { name, abilities, turn };
}

const isFailure = (thrown: unknown): thrown is FailedTurn => (thrown as FailedTurn | null)?.kind === 'failed';

function toRequest(request: TurnRequest, name: string, computer: ReturnType<typeof findNativeComputer>) {
  const { mustCall, system, sampling } = request;
  const functionDeclarations = request.tools
    .filter((tool) => !computer?.replaced.includes(tool))
    .map(({ name, description, parameters: schema }) => {
      const parameters = toParameters(schema);
      const more = parameters ? undefined : (schema as { description?: string }).description;
      return { name, description: more ? `${description} ${more}` : description, parameters };
    });
  const tools = [
    ...(computer ? [computer.declaration] : []),
    ...(functionDeclarations.length > 0 ? [{ functionDeclarations }] : []),
  ];
  const mode = mustCall === undefined ? { mode: 'AUTO' } : { mode: 'ANY', allowedFunctionNames: [mustCall] };
  return {
    contents: toContents(request, name),
    ...(system !== '' && { systemInstruction: { role: 'system', parts: [{ text: system }] } }),
    generationConfig: generationConfigOf(sampling),
    ...(tools.length > 0 && { tools, toolConfig: { functionCallingConfig: mode } }),
  };
}

const generationConfigOf = ({ stop, ...rest }: Sampling = {}) => ({ ...rest, ...(stop && { stopSequences: [...stop] }) });
