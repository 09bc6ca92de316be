import { toReadableModel } from '../../core/model/runs/readable-model.ts';
import { truncateEnd } from '../../core/text/text.ts';
import { normalizeCallId } from './conversation.ts';
import type { AssistantMessage, OmittedContent, ToolCall, TurnOutcome, TurnPart } from './model.ts';
import { splitThoughts } from './thoughts.ts';

export interface TurnLimits {
  /** Limits text, reasoning and arguments together. Raw parts have a separate, equal limit. */
  readonly maxChars: number;
  readonly maxCalls: number;
}
export const turnLimits: TurnLimits = { maxChars: 10 * 1024 * 1024, maxCalls: 16 };

const maxThoughts = 8_000; // characters

export interface CollectedTurn {
  readonly message: AssistantMessage;
  readonly outcome: TurnOutcome;
  /** The start of the model's readable reasoning. May be empty. */
  readonly thoughts: string;
  readonly leftOut: readonly OmittedContent[];
  /** Calls beyond `maxCalls`, which are skipped. Normally empty. */
  readonly refused: readonly ToolCall[];
}
export interface CollectTurnOptions {
  readonly model: string;
  readonly onDelta: (delta: string) => void;
  readonly onThought?: () => void;
  readonly caps?: TurnLimits;
  /** Ids that are already in use. Some models restart their numbering in each turn. */
  readonly takenIds?: Pick<ReadonlySet<string>, 'has'>;
}

/** Drops the calls of an unfinished turn, because they must not run. */
export async function collectTurn(parts: AsyncIterable<TurnPart>, options: CollectTurnOptions): Promise<CollectedTurn> {
  const caps = options.caps ?? turnLimits;
  const texts: string[] = [];
  const calls: ToolCall[] = [];
  const raw: unknown[] = [];
  const leftOut: OmittedContent[] = [];
  let thoughts = '';
  let reported = 0;
  let sent = 0;
  let outcome: TurnOutcome = stopped(options.model);
  let { model } = options;
  for await (const part of parts) {
    if (part.type === 'end') {
      outcome = part.outcome;
      model = part.model ?? model;
    }
    if (part.type === 'left_out') leftOut.push(part.what);
    if (part.type === 'text' || part.type === 'reasoning') reported += part.delta.length;
    if (part.type === 'call') reported += JSON.stringify(part.call.args ?? null).length;
    if (part.type === 'raw') sent += JSON.stringify(part.part)?.length ?? 0;
    if (Math.max(reported, sent) > caps.maxChars) {
      outcome = tooLong(options.model, caps);
      break;
    }
    if (part.type === 'reasoning' && thoughts === '' && part.delta !== '') options.onThought?.();
    if (part.type === 'reasoning' && thoughts.length < maxThoughts) thoughts += part.delta;
    if (part.type === 'raw') raw.push(part.part);
    if (part.type === 'call') calls.push(withOwnId(part.call, calls, options.takenIds));
    if (part.type === 'text' && part.delta !== '') {
      texts.push(part.delta);
      options.onDelta(part.delta);
    }
  }
  const kept = outcome.kind === 'finished' ? calls : [];
  const reply = splitThoughts(texts.join(''));
  const message: AssistantMessage = {
    role: 'assistant',
    model,
    text: reply.text,
    calls: kept.slice(0, caps.maxCalls),
    raw,
  };
  const refused = kept.slice(caps.maxCalls);
  return { message, outcome, thoughts: truncateEnd(thoughts + reply.thoughts, maxThoughts), leftOut, refused };
}

/** The loop nudges the model after an empty turn. */
export const isEmptyTurn = ({ message, outcome }: CollectedTurn): boolean =>
  outcome.kind === 'finished' && message.calls.length === 0 && message.text.trim() === '';

/** Replaces missing, repeated and unusual ids, because ids become part of operation ids. */
function withOwnId(
  call: ToolCall,
  before: readonly ToolCall[],
  earlier: CollectTurnOptions['takenIds'] = new Set(),
): ToolCall {
  const isTaken = (id: string) => earlier.has(id) || before.some(({ callId }) => callId === id);
  const target = call.callId ? normalizeCallId(call.callId) : 'call';
  if (call.callId && !isTaken(target)) return { ...call, callId: target };
  let n = before.length + 1;
  while (isTaken(`${target}_${n}`)) n++;
  return { ...call, callId: `${target}_${n}` };
}

const stopped = (model: string): TurnOutcome => ({
  kind: 'failed',
  code: 'model_unavailable',
  message: `${toReadableModel(model)} stopped in the middle of its reply.`,
  retryable: true,
});
const tooLong = (model: string, caps: TurnLimits): TurnOutcome => ({
  kind: 'failed',
  code: 'model_rejected',
  message: `The reply of ${toReadableModel(model)} exceeded ${caps.maxChars} characters and was cut off.`,
  retryable: false,
});
