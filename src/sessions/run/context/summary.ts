import type { TurnResult } from '../../../../machines/run.ts';
import type { Message, TurnRequest } from '../../../agents/models/model.ts';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionFact } from '../../../core/model/events.ts';
import { sendModelRequest, toFailedTurn } from '../model-request.ts';
import type { RunContext } from '../run-context.ts';
import type { PlannedCompaction } from './compaction-plan.ts';
import type { ContextWindow, RequestFrame } from './context-window.ts';
import type { MessageSelection } from './message-selection.ts';
import { countMessageBytes, countRequestBytes } from './meter.ts';
import { type Compaction, computeModelView, createShortResultsCompaction } from './view.ts';

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

const shortChars = 500; // per result, in a conversation too long even for a summary request

type Deps = Pick<RunContext, 'model' | 'runWriter' | 'budget'>;
interface ConversationPart {
  readonly messages: readonly Message[];
  readonly from: MessageSelection;
}
type SummaryResult =
  | { readonly kind: 'made'; readonly text: string; readonly model: string; readonly usage: SessionFact }
  | { readonly kind: 'none'; readonly why: string }
  /** Even the part to summarize exceeds the model's window. */
  | { readonly kind: 'unable' }
  | { readonly kind: 'failed'; readonly why: string; readonly result: TurnResult }
  | { readonly kind: 'unaffordable'; readonly result: TurnResult };

export interface SummaryOptions {
  readonly fit: ContextWindow;
  readonly frame: RequestFrame;
  readonly planned: PlannedCompaction;
}

/** Makes at most two requests. `failed`: the provider may succeed later. */
export async function summarizeConversation(
  work: Deps,
  { fit, frame, planned: plannedCompaction }: SummaryOptions,
  signal: AbortSignal,
): Promise<SummaryResult> {
  const { runWriter, budget } = work;
  const part = toSummarize(work, fit, plannedCompaction);
  if (!part) return { kind: 'unable' };
  const { system, tools, sections } = frame;
  const { messages, from } = part;
  const { note, earlier: before } = runWriter.transcript.view(runWriter.runId);
  const earlier = [...before, ...(note ? [note] : [])].filter((one) => one.before <= messages.length);
  const request: TurnRequest = { phase: { kind: 'summarize' }, system, tools, messages, earlier, hint: summaryPrompt };
  const bytes = countRequestBytes(request);
  let why = '';
  for (let attempt = 0; attempt < 2; attempt++) {
    const { outcome, message, usage } = await sendModelRequest(
      work,
      { request, bytes, purpose: 'compaction', sections, from, conversation: messages },
      { signal, onDelta: () => {} },
    );
    throwIfAborted(signal);
    if (outcome.kind === 'failed' && (outcome.over || outcome.retryable)) {
      const result = toFailedTurn(outcome, budget);
      return outcome.over ? { kind: 'unaffordable', result } : { kind: 'failed', why: outcome.message, result };
    }
    if (outcome.kind === 'cancelled') throw new AppError('cancelled', 'The turn was cancelled.');
    if (outcome.kind === 'failed') why = outcome.message;
    if (outcome.kind !== 'finished' || !usage) continue;
    const text = message.text.trim();
    const flaw = flawOf({ text, calls: message.calls.length, isRefused: outcome.stop === 'refused' });
    if (!flaw) return { kind: 'made', text, model: message.model, usage };
    await runWriter.write(usage);
    why = flaw;
  }
  return { kind: 'none', why };
}

/** Returns why a reply is not a summary. A reply with a call is accepted only if its text has a heading. */
function flawOf(reply: { text: string; calls: number; isRefused: boolean }): string | undefined {
  if (reply.isRefused) return 'The model declined.';
  if (reply.calls > 0 && !/^## /m.test(reply.text)) return 'The model called a tool instead.';
  return reply.text === '' ? 'The model gave an empty summary.' : undefined;
}

/**
 * The messages that the summary replaces, as in the previous request, so that the provider's cache applies. Results are shortened
 * only if the request would otherwise be too long. Undefined: still too long.
 */
function toSummarize(
  { runWriter }: Deps,
  fit: ContextWindow,
  { upto }: PlannedCompaction,
): ConversationPart | undefined {
  const { messages, compactions, length } = runWriter.transcript;
  const seen = (more: readonly Compaction[]) =>
    computeModelView(messages, [...compactions, ...more]).flatMap(({ at, message }) => (at < upto ? [message] : []));
  const whole = { messages: seen([]), from: { length, upto } };
  const short = {
    messages: seen([createShortResultsCompaction(upto, shortChars)]),
    from: { length, upto, most: shortChars },
  };
  return [whole, short].find(
    (part) => fit.tokens(part.messages.reduce((sum, one) => sum + countMessageBytes(one), 0)) <= fit.limit,
  );
}
