import type { Model, TurnOutcome, TurnPart, TurnRequest } from '../../agents/models/model.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { type Amounts, noAmounts, type ReservationOrOverrun, type SharedBudgets } from './accounts.ts';
import { pictureBytes, requestBytes, type TokenMeter } from './context/meter.ts';
import { assumeBeyond } from './settlement.ts';
import { spendingOf } from './spending-of.ts';

interface Options {
  readonly budgets: SharedBudgets;
  readonly meter: TokenMeter;
}

/**
 * A model whose requests are paid from the budgets of a person and a project. Each request reserves its dearest reply that
 * fits, and is not sent when not even the usual reply does. Afterwards the provider's count is settled, or the server's own
 * where that is missing or far too small.
 */
export function budgetedModel(model: Model, options: Options): Model {
  return {
    get name() {
      return model.name;
    },
    get abilities() {
      return model.abilities;
    },
    ...(model.costOf && { costOf: (usage) => model.costOf?.(usage) }),
    turn: (request, signal) => paidTurn(model, options, { request, signal }),
  };
}

interface ModelCall {
  readonly request: TurnRequest;
  readonly signal: AbortSignal;
}

async function* paidTurn(
  model: Model,
  { budgets, meter }: Options,
  { request, signal }: ModelCall,
): AsyncIterable<TurnPart> {
  const bytes = requestBytes(request);
  const inputTokens = meter.tokens(model.name, bytes);
  const amountsOf = (outputTokens: number): Amounts => ({
    tokens: inputTokens + outputTokens,
    cost: model.costOf?.({ inputTokens, outputTokens }) ?? 0,
  });
  const longest = request.sampling?.maxOutputTokens ?? model.abilities.maxOutput;
  const usual = Math.min(longest, Math.max(1, meter.habits(model.name).outputTokens));
  const requested = { least: amountsOf(usual), most: amountsOf(longest) };
  let reserved: ReservationOrOverrun | undefined;
  try {
    reserved = await budgets.reserve(requested, signal);
  } catch (thrown) {
    yield { type: 'end', outcome: unreserved(thrown, signal) };
    return;
  }
  if (reserved?.kind === 'over') {
    const message = 'A budget does not cover the request.';
    yield { type: 'end', outcome: { kind: 'failed', code: 'quota', message, retryable: false, over: reserved.over } };
    return;
  }
  if (!reserved) {
    yield* model.turn(request, signal);
    return;
  }
  const { reservation } = reserved;
  const room = affordable(reservation.granted, requested, longest);
  const capped = room < longest ? { ...request, sampling: { ...request.sampling, maxOutputTokens: room } } : request;
  let replyBytes = 0;
  let thoughtBytes = 0;
  let used: Amounts | undefined;
  try {
    for await (const part of model.turn(capped, signal)) {
      if (part.type === 'text') replyBytes += Buffer.byteLength(part.delta);
      if (part.type === 'reasoning') thoughtBytes += Buffer.byteLength(part.delta);
      if (part.type === 'call') replyBytes += Buffer.byteLength(JSON.stringify(part.call));
      if (part.type !== 'end') {
        yield part;
        continue;
      }
      const { outcome } = part;
      if (outcome.kind !== 'finished') {
        if (outcome.kind === 'failed' && replyBytes + thoughtBytes === 0) used = noAmounts;
        yield part;
        continue;
      }
      const exchange = { requestBytes: bytes - pictureBytes(request.messages), replyBytes };
      const assumed = assumeBeyond(model, outcome.usage, exchange);
      used = spendingOf(outcome, assumed);
      // Settled before the reply reaches the log, so that a crash in between counts too much and never too little.
      await reservation.settle(used);
      yield assumed ? { ...part, outcome: { ...outcome, assumed } } : part;
    }
  } finally {
    // A reply that broke off, or that its reader gave up, was paid for as far as it came.
    await reservation.settle(used ?? amountsOf(meter.tokens(model.name, replyBytes + thoughtBytes)));
  }
}

/** The tokens of the longest reply that the reservation covers, at least 1. */
function affordable(
  granted: Amounts,
  { least, most }: { readonly least: Amounts; readonly most: Amounts },
  longest: number,
): number {
  const outputTokens = most.tokens - least.tokens;
  const perToken = outputTokens === 0 ? 0 : (most.cost - least.cost) / outputTokens;
  const missing = Math.max(
    most.tokens - granted.tokens,
    perToken > 0 ? Math.ceil((most.cost - granted.cost) / perToken) : 0,
  );
  return Math.max(1, longest - missing);
}

function unreserved(thrown: unknown, signal: AbortSignal): TurnOutcome {
  if (signal.aborted) return { kind: 'cancelled' };
  const { code, publicMessage, retryable } = toAppError(thrown);
  return { kind: 'failed', code, message: publicMessage, retryable };
}
