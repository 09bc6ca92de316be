import type { RunSpending, TurnResult } from '../../../machines/run.ts';
import { type CollectedTurn, type CollectTurnOptions, collectTurn } from '../../agents/models/collect.ts';
import type {
  AssistantMessage,
  FailedTurn,
  FinishedTurn,
  Model,
  TurnOutcome,
  TurnPart,
  TurnRequest,
  TurnUsage,
} from '../../agents/models/model.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { SessionFact } from '../../core/model/events.ts';
import { type BudgetAmounts, withMicroCost, zeroAmounts } from '../../core/model/runs/budget.ts';
import type { EstimatedUsage, ModelCallPurpose } from '../../core/model/spending.ts';
import type { MessageSelection, PromptSection } from './context/message-selection.ts';
import { estimatePictureBytes } from './context/meter.ts';
import type { RunContext } from './run-context.ts';

// Reserves budget for the longest affordable reply. An estimate replaces a missing or implausible token count.

interface ModelRequest {
  readonly request: TurnRequest;
  readonly bytes: number;
  readonly purpose: ModelCallPurpose;
  readonly sections: readonly PromptSection[];
  readonly from: MessageSelection;
  readonly conversation: TurnRequest['messages'];
  /** Includes the model's thoughts in the usage event. */
  readonly keepsThoughts?: true;
  /** Aborting this controller ends the reply early; the reply still counts as finished. */
  readonly stop?: AbortController;
}
export interface ModelReply extends CollectedTurn {
  /** Already charged; the caller writes it. Absent if the request was not sent or the reply did not finish. */
  readonly usage?: SessionFact;
  readonly isBelieved: boolean;
}

export async function sendModelRequest(
  { model, runWriter, budget }: Pick<RunContext, 'model' | 'runWriter' | 'budget'>,
  { request, bytes, purpose, keepsThoughts, stop, ...stored }: ModelRequest,
  { signal, ...collecting }: Omit<CollectTurnOptions, 'model'> & { readonly signal: AbortSignal },
): Promise<ModelReply> {
  const { meter } = runWriter.transcript;
  const { name } = model;
  const inputTokens = meter.tokens(name, bytes);
  const { outputTokens: usual, cachedShare } = meter.habits(name);
  const longest = request.sampling?.maxOutputTokens ?? model.abilities.maxOutput;
  const amountsOf = (outputTokens: number, cachedTokens = 0) =>
    withMicroCost({
      ...{ turns: 1, time: 0, tokens: inputTokens + outputTokens },
      cost: model.costOf?.({ inputTokens, outputTokens, cachedTokens }) ?? 0,
    });
  const needs = amountsOf(usual, Math.floor(inputTokens * cachedShare));
  const reserved = await budget.reserve({ needs, usual, longest, amountsOf }, signal).catch((thrown: unknown) => {
    const { code, publicMessage: message, retryable } = toAppError(thrown);
    return unsent(name, signal.aborted ? { kind: 'cancelled' } : { kind: 'failed', code, message, retryable });
  });
  if ('outcome' in reserved) return reserved;
  if (reserved.over) {
    const message = 'A budget does not cover the request.';
    return unsent(name, { kind: 'failed', code: 'quota', message, retryable: false, over: reserved.over });
  }
  const { longest: room } = reserved;
  const sent = room < longest ? { ...request, sampling: { ...request.sampling, maxOutputTokens: room } } : request;
  const proof = runWriter.asking({ model: name, request: sent, ...stored });
  const received = { bytes: 0 };
  let used: BudgetAmounts | undefined;
  try {
    const until = stop ? combineSignals([signal, stop.signal]) : signal;
    const turn = await collectTurn(counting(model.turn(sent, until), received), { model: name, ...collecting });
    const { outcome, message, thoughts } = turn;
    if (outcome.kind === 'failed' && received.bytes === 0) used = zeroAmounts;
    const isStopped = stop?.signal.aborted === true && !signal.aborted;
    if (outcome.kind !== 'finished' && !isStopped) return { ...turn, isBelieved: true };
    const estimated = { inputTokens, outputTokens: meter.tokens(name, message.text.length) };
    const counted: FinishedTurn =
      outcome.kind === 'finished' && !isStopped ? outcome : { kind: 'finished', stop: 'done', usage: estimated };
    const exchange = {
      requestBytes: bytes - estimatePictureBytes(stored.conversation),
      replyBytes: countBytes(message),
    };
    const assumed = reserved.isCounted && !isStopped ? estimateMissingUsage(model, counted.usage, exchange) : undefined;
    const spent = toSpending(counted.usage, assumed);
    if (!isStopped) used = withMicroCost(spent);
    budget.count(spent);
    const more = { ...proof, purpose, ...(keepsThoughts && thoughts && { thoughts }), ...(assumed && { assumed }) };
    const usage = runWriter.usage(message.model, counted.usage, more);
    return { ...turn, outcome: counted, usage, isBelieved: !assumed };
  } finally {
    // Settled before the reply is logged, so that a crash overcharges rather than undercharges.
    await reserved.settle(used ?? amountsOf(meter.tokens(name, received.bytes)));
  }
}

const unsent = (model: string, outcome: TurnOutcome): ModelReply => ({
  ...{ message: { role: 'assistant', model, text: '', calls: [], raw: [] }, outcome, isBelieved: true },
  ...{ thoughts: '', leftOut: [], refused: [] },
});

async function* counting(parts: AsyncIterable<TurnPart>, received: { bytes: number }): AsyncIterable<TurnPart> {
  for await (const part of parts) {
    if (part.type === 'text' || part.type === 'reasoning') received.bytes += Buffer.byteLength(part.delta);
    if (part.type === 'call') received.bytes += Buffer.byteLength(JSON.stringify(part.call));
    yield part;
  }
}

const countBytes = ({ text, calls }: AssistantMessage): number =>
  Buffer.byteLength(text) + calls.reduce((sum, call) => sum + Buffer.byteLength(JSON.stringify(call)), 0);

const toSpending = ({ inputTokens, outputTokens, cost = 0 }: TurnUsage, assumed?: EstimatedUsage): RunSpending => ({
  turns: 1,
  tokens: inputTokens + outputTokens + (assumed?.tokens ?? 0),
  cost: cost + (assumed?.cost ?? 0),
});

export const toTurnResult = (
  { code, message, retryable, retryAfterMs, over }: FailedTurn,
  { spent }: RunContext['budget'],
): TurnResult =>
  over ? { kind: 'unaffordable', over, spent } : { kind: 'failed', code, message, retryable, retryAfterMs };

/** Lowest accepted number of tokens per UTF-8 byte. */
const leastPerByte = 0.15;
/** A high estimate that replaces a rejected count. */
const assumedPerByte = 0.3;

interface Exchange {
  /** Without images. */
  readonly requestBytes: number;
  /** Without hidden reasoning. */
  readonly replyBytes: number;
}

/** Returns undefined if the provider's count is accepted. */
export function estimateMissingUsage(
  model: Pick<Model, 'costOf'>,
  usage: TurnUsage,
  { requestBytes, replyBytes }: Exchange,
): EstimatedUsage | undefined {
  const inputTokens = believable(usage.inputTokens, requestBytes);
  const outputTokens = believable(usage.outputTokens, replyBytes);
  const tokens = inputTokens - usage.inputTokens + (outputTokens - usage.outputTokens);
  if (tokens === 0) return undefined;
  const cost = model.costOf?.({ inputTokens, outputTokens }) ?? 0;
  return { tokens, cost: Math.max(0, cost - (usage.cost ?? 0)) };
}

const believable = (tokens: number, bytes: number): number =>
  tokens >= bytes * leastPerByte ? tokens : Math.ceil(bytes * assumedPerByte);
