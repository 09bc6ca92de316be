import type { FailedTurn, ToolCall, TurnOutcome, TurnPart, Usage } from '../model.ts';
import { splitConsentRequest } from './computer.ts';

/** Only the fields that are read here. A part's other fields are sent back unchanged. */
export interface GeminiChunk {
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
export interface GeminiError {
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

/** Reads one reply. Passes on calls only at its end, so that a truncated reply leaves none to execute. */
export function replyReader({ name, newId, called, broken }: Options) {
  const calls: ToolCall[] = [];
  let finish: string | undefined;
  let blocked: string | undefined;
  let usage: Usage = { inputTokens: 0, outputTokens: 0 };

  function* read(chunk: GeminiChunk): Generator<TurnPart> {
    const candidate = chunk.candidates?.[0];
    for (const part of candidate?.content?.parts ?? []) {
      yield { type: 'raw', part };
      if (part.text) yield { type: part.thought ? 'reasoning' : 'text', delta: part.text };
      const { functionCall } = part; // the provider's id is ignored, because it can repeat from turn to turn
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

function toUsage({ usageMetadata }: GeminiChunk): Usage | undefined {
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
    ...(thoughtsTokenCount > 0 && { reasoningTokens: thoughtsTokenCount }),
    ...(cachedContentTokenCount !== undefined && { cachedTokens: cachedContentTokenCount }),
  };
}

interface ReplyEnd {
  readonly broken: () => FailedTurn;
  readonly finish: string | undefined;
  readonly blocked: string | undefined;
  readonly usage: Usage;
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
      return { kind: 'finished', stop: 'refused', usage, reason: blocked ?? finish }; // SAFETY, RECITATION, BLOCKLIST, PROHIBITED_CONTENT, …
  }
}
