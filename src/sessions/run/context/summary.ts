import type { RunSpending, TurnResult } from '../../../../machines/run.ts';
import { addSpent, nothingSpent } from '../../../../machines/run-rules.ts';
import { collectTurn } from '../../../agents/models/collect.ts';
import type { Message, TurnRequest } from '../../../agents/models/model.ts';
import { throwIfFired } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionFact } from '../../../core/model/events.ts';
import type { BudgetOverrun } from '../../../core/model/spending.ts';
import { failedTurn } from '../failed-turn.ts';
import type { RunContext } from '../run-context.ts';
import { assumeBeyond } from '../settlement.ts';
import { spendingOf } from '../spending-of.ts';
import type { PlannedCompaction } from './compaction-plan.ts';
import type { ContextWindow, Frame } from './context-window.ts';
import type { MessageSelection } from './message-selection.ts';
import { messageBytes, pictureBytes, requestBytes } from './meter.ts';
import { type Compaction, computeView, shortResults } from './view.ts';

/** Asks for the summary behind which the earlier conversation disappears. */
const summaryPrompt = `The conversation is too long for you and will be shortened now. Do not call a tool and do not go on with the work. Write what you need to go on with it, under these headings, and leave out headings without content:

## Rules and decisions
What the user demanded, forbade or decided, word for word.
## State
What is done and what came out, with numbers, names and paths.
## Open questions
## Files
Every file that was read or changed and matters still, with what it holds.
## Commands that work
Word for word.
## Next

The messages of the user and the plan are kept anyway.`;

const shortChars = 500; // of each result, in a conversation that is too long even for its summary

type Deps = Pick<RunContext, 'model' | 'runWriter'>;
interface ConversationPart {
  readonly messages: readonly Message[];
  readonly from: MessageSelection;
}
type SummaryResult = { readonly spent: RunSpending } & (
  | { readonly kind: 'made'; readonly text: string; readonly model: string; readonly usage: SessionFact }
  | { readonly kind: 'none'; readonly why: string }
  /** Even the part to summarize is too long for the model. */
  | { readonly kind: 'unable' }
  /** A later try of the provider can help. */
  | { readonly kind: 'failed'; readonly why: string; readonly result: TurnResult }
  | { readonly kind: 'unaffordable'; readonly over: BudgetOverrun }
);

export interface SummaryOptions {
  readonly fit: ContextWindow;
  readonly frame: Frame;
  readonly planned: PlannedCompaction;
  readonly covers: BudgetCheck;
  /** Whether a budget counts tokens or cost. */
  readonly isCounted: () => boolean;
}
/** Undefined: the budgets cover a request of this size in addition to the turn's spending. */
export type BudgetCheck = (bytes: number, spent: RunSpending) => BudgetOverrun | undefined;

/** Asks the model for the summary, at most twice. Fails as a turn does when a later try of the provider can help. */
export async function summarizeConversation(
  { model, runWriter }: Deps,
  { fit, frame, planned: plannedCompaction, covers, isCounted }: SummaryOptions,
  signal: AbortSignal,
): Promise<SummaryResult> {
  const part = toSummarize({ model, runWriter }, fit, plannedCompaction);
  if (!part) return { kind: 'unable', spent: nothingSpent };
  const { system, tools, sections } = frame;
  const { messages, from } = part;
  const { note, earlier: before } = runWriter.transcript.view(runWriter.runId);
  const earlier = [...before, ...(note ? [note] : [])].filter((one) => one.before <= messages.length);
  const request: TurnRequest = { phase: { kind: 'summarize' }, system, tools, messages, earlier, hint: summaryPrompt };
  let spent = nothingSpent;
  let why = '';
  for (let attempt = 0; attempt < 2; attempt++) {
    const over = covers(requestBytes(request), spent);
    if (over) return { kind: 'unaffordable', over, spent };
    const proof = runWriter.asking({ model: model.name, request, sections, from, conversation: messages });
    const { outcome, message } = await collectTurn(model.turn(request, signal), {
      model: model.name,
      onDelta: () => {},
    });
    throwIfFired(signal);
    if (outcome.kind === 'failed' && outcome.over) return { kind: 'unaffordable', over: outcome.over, spent };
    if (outcome.kind === 'failed' && outcome.retryable) {
      return { kind: 'failed', why: outcome.message, spent, result: failedTurn(outcome) };
    }
    if (outcome.kind === 'cancelled') throw new AppError('cancelled', 'The turn was cancelled.');
    if (outcome.kind === 'failed') why = outcome.message;
    if (outcome.kind !== 'finished') continue;
    const exchange = {
      requestBytes: requestBytes(request) - pictureBytes(messages),
      replyBytes: Buffer.byteLength(message.text),
    };
    const assumed = outcome.assumed ?? (isCounted() ? assumeBeyond(model, outcome.usage, exchange) : undefined);
    spent = addSpent(spent, spendingOf(outcome, assumed));
    const text = message.text.trim();
    const usage = runWriter.usage(message.model, outcome.usage, {
      ...proof,
      purpose: 'compaction',
      ...(assumed && { assumed }),
    });
    const flaw = flawOf({ text, calls: message.calls.length, isRefused: outcome.stop === 'refused' });
    if (!flaw) return { kind: 'made', text, model: message.model, usage, spent };
    await runWriter.write(usage);
    why = flaw;
  }
  return { kind: 'none', why, spent };
}

/** Why a reply is not a summary. With a call, its text counts only under the requested headings. */
function flawOf(reply: { text: string; calls: number; isRefused: boolean }): string | undefined {
  if (reply.isRefused) return 'The model declined.';
  if (reply.calls > 0 && !/^## /m.test(reply.text)) return 'The model called a tool instead.';
  return reply.text === '' ? 'The model gave an empty summary.' : undefined;
}

/**
 * The part of the conversation that the summary replaces. It begins as the request before, so that a provider's cache
 * serves it; only if that is too long, results are shortened. Undefined: still too long.
 */
function toSummarize(
  { runWriter }: Deps,
  fit: ContextWindow,
  { upto }: PlannedCompaction,
): ConversationPart | undefined {
  const { messages, compactions, length } = runWriter.transcript;
  const seen = (more: readonly Compaction[]) =>
    computeView(messages, [...compactions, ...more]).flatMap(({ at, message }) => (at < upto ? [message] : []));
  const whole = { messages: seen([]), from: { length, upto } };
  const short = { messages: seen([shortResults(upto, shortChars)]), from: { length, upto, most: shortChars } };
  return [whole, short].find(
    (part) => fit.tokens(part.messages.reduce((sum, one) => sum + messageBytes(one), 0)) <= fit.limit,
  );
}
