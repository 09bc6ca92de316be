import type { ToolCall, TurnOutcome, TurnPart, Usage } from '../model.ts';
import { unreachable } from './failures.ts';

/** The fields of a `GenerateContentResponse` that we read; the rest of a part is sent back unchanged. */
export interface Chunk {
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
  readonly error?: { readonly code?: number; readonly message?: string; readonly details?: readonly unknown[] };
}
interface Piece {
  readonly text?: string;
  readonly thought?: boolean;
  readonly functionCall?: { readonly name?: string; readonly args?: unknown };
}

/** Follows one reply. Calls wait for its end, so that a truncated reply leaves no calls to act on. */
export function replyReader({ name, newId }: { name: string; newId: () => string }) {
  const calls: ToolCall[] = [];
  let finish: string | undefined;
  let usage: Usage = { inputTokens: 0, outputTokens: 0 };

  function* read(chunk: Chunk): Generator<TurnPart> {
    const candidate = chunk.candidates?.[0];
    for (const part of candidate?.content?.parts ?? []) {
      yield { type: 'raw', part };
      if (part.text && !part.thought) yield { type: 'text', delta: part.text };
      const { functionCall } = part; // its own id, if any, repeats from turn to turn
      if (functionCall)
        calls.push({ callId: `call_${newId()}`, name: functionCall.name ?? '', args: functionCall.args ?? {} });
    }
    finish = candidate?.finishReason ?? (chunk.promptFeedback?.blockReason ? 'SAFETY' : finish);
    usage = usageOf(chunk) ?? usage;
  }

  function* end(): Generator<TurnPart> {
    const outcome = outcomeOf(name, finish, { usage, called: calls.length > 0 });
    if (outcome.kind === 'finished' && outcome.stop === 'calls') for (const call of calls) yield { type: 'call', call };
    yield { type: 'end', outcome };
  }
  return { read, end };
}

function usageOf({ usageMetadata }: Chunk): Usage | undefined {
  if (!usageMetadata) return undefined;
  const {
    promptTokenCount = 0,
    candidatesTokenCount = 0,
    thoughtsTokenCount = 0,
    cachedContentTokenCount,
  } = usageMetadata;
  return {
    inputTokens: promptTokenCount,
    outputTokens: candidatesTokenCount + thoughtsTokenCount, // the provider charges both as output
    ...(cachedContentTokenCount !== undefined && { cachedTokens: cachedContentTokenCount }),
  };
}

function outcomeOf(
  name: string,
  finish: string | undefined,
  { usage, called }: { usage: Usage; called: boolean },
): TurnOutcome {
  switch (finish) {
    case undefined:
      return unreachable(name); // every complete reply has a finish reason
    case 'STOP':
      return { kind: 'finished', stop: called ? 'calls' : 'done', usage };
    case 'MAX_TOKENS':
      return { kind: 'finished', stop: 'length', usage };
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
      return { kind: 'finished', stop: 'refused', usage }; // SAFETY, RECITATION, BLOCKLIST, PROHIBITED_CONTENT, …
  }
}
