import type { TurnResult } from '../../../../machines/run.ts';
import type { Message, TurnRequest } from '../../../agents/models/model.ts';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionFact } from '../../../core/model/events.ts';
import { sendModelRequest, toTurnResult } from '../model-request.ts';
import type { RunContext } from '../run-context.ts';
import {
  buildFallbackSummary,
  type CompactionSizes,
  countBytesAfterCompaction,
  type PlannedCompaction,
  planPictureRemoval,
  planResultLimit,
  planResultRemoval,
  planSummary,
} from './compaction-plan.ts';
import type { MessageSelection, PromptSection } from './message-selection.ts';
import { countConversationBytes, countMessageBytes, countRequestBytes } from './meter.ts';
import { type Compaction, computeModelView, createShortResultsCompaction } from './view.ts';

type Deps = Pick<RunContext, 'model' | 'runWriter' | 'budget'>;
export type CompactionResult =
  | { readonly ok: true }
  /** `result` is absent if nothing can be removed, so that the model's own error applies. */
  | { readonly ok: false; readonly result?: TurnResult };

type SummaryAttempt =
  | { readonly ok: true; readonly why?: string }
  | { readonly ok: false; readonly result: TurnResult };

/** Removes old images and results before messages. `refused`: the model rejected the request as too long. */
export async function compactToFit(
  work: Deps,
  { frame, refused }: Pick<SummaryOptions, 'frame'> & { readonly refused: boolean },
  signal: AbortSignal,
): Promise<CompactionResult> {
  const { model, runWriter } = work;
  const { transcript, runId } = runWriter;
  const fit = new ContextWindow(work, frame, refused);
  const pictures = planPictureRemoval(transcript.messages, transcript.view(runId).seen);
  if (pictures) await fit.apply(pictures);
  const limits = planResultLimit(transcript.messages, transcript.compactions, fit.resultChars);
  if (limits) await fit.apply(limits);
  if (fit.isFull) await shortenResults(work, fit);
  if (!fit.isFull) return { ok: true };

  const plannedCompaction = planSummary(transcript.messages, transcript.view(runId).seen, fit.room);
  const summed = await putSummary(work, { fit, frame, planned: plannedCompaction }, signal);
  if (!summed.ok || !fit.isFull) return summed;
  await cut(work, { fit, planned: plannedCompaction, why: summed.why });
  if (fit.size() > fit.limit) {
    const question = noRoom(model.name, fit);
    return { ok: false, result: { kind: 'full', question, spent: work.budget.spent } };
  }
  return fit.isRefused ? { ok: false } : summed;
}

async function shortenResults({ runWriter: { transcript } }: Deps, fit: ContextWindow): Promise<void> {
  for (const chars of [fit.resultChars, 2_000, 500]) {
    const plannedCompaction = planResultRemoval(transcript.messages, fit.room, chars);
    if (fit.isWorth(plannedCompaction)) await fit.apply(plannedCompaction);
    if (!fit.isFull) return;
  }
}

async function putSummary(work: Deps, options: SummaryOptions, signal: AbortSignal): Promise<SummaryAttempt> {
  const { fit, planned: plannedCompaction } = options;
  const { transcript } = work.runWriter;
  if (!fit.canSummarize || !fit.isWorth({ ...plannedCompaction, summary: '' })) return { ok: true };
  const summaryResult = await summarizeConversation(work, options, signal);
  if (summaryResult.kind === 'unaffordable') return { ok: false, result: summaryResult.result };
  if (summaryResult.kind === 'failed') {
    transcript.failedSummaries += 1;
    if (transcript.failedSummaries < maxFailedSummaries) return { ok: false, result: summaryResult.result };
    return { ok: true, why: summaryResult.why };
  }
  if (summaryResult.kind === 'none') {
    transcript.failedSummaries = maxFailedSummaries;
    return { ok: true, why: summaryResult.why };
  }
  if (summaryResult.kind === 'made') {
    await fit.apply({ ...plannedCompaction, summary: summaryResult.text }, summaryResult.model, [summaryResult.usage]);
    transcript.failedSummaries = 0;
  }
  return { ok: true };
}

async function cut(
  { runWriter: { transcript } }: Deps,
  {
    fit,
    planned: plannedCompaction,
    why,
  }: { readonly fit: ContextWindow; readonly planned: PlannedCompaction; readonly why: string | undefined },
): Promise<void> {
  const summary = buildFallbackSummary(transcript.messages, plannedCompaction.upto, why);
  const all: PlannedCompaction = { ...plannedCompaction, kind: 'cut', summary };
  if (!fit.isWorth(all)) return;
  await fit.apply(all);
  transcript.failedSummaries = 0;
}

const noRoom = (name: string, fit: ContextWindow): string =>
  `The next request to ${name} needs about ${fit.size()} tokens, and it takes ${fit.limit} besides its reply; instructions and ` +
  `tools alone need ${fit.tokens(0)}. Choose a model with a larger window or fewer tools, or send a shorter message, to continue.`;

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

const shortChars = 500; // characters per result, if the conversation is too long even for a summary request

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

interface SummaryOptions {
  readonly fit: ContextWindow;
  readonly frame: RequestFrame;
  readonly planned: PlannedCompaction;
}

/** Makes at most two requests. `failed`: the provider may succeed later. */
async function summarizeConversation(
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
      const result = toTurnResult(outcome, budget);
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

function flawOf(reply: { text: string; calls: number; isRefused: boolean }): string | undefined {
  if (reply.isRefused) return 'The model declined.';
  if (reply.calls > 0 && !/^## /m.test(reply.text)) return 'The model called a tool instead.';
  return reply.text === '' ? 'The model returned an empty summary.' : undefined;
}

/** Keeps the previous request's form, for the provider's cache. Undefined if too long even with short results. */
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

type RequestFrame = Pick<TurnRequest, 'system' | 'tools'> &
  Partial<Pick<TurnRequest, 'note' | 'earlier' | 'hint'>> & {
    readonly sections: readonly PromptSection[];
  };

const worthIt = 0.8; // fraction of the previous size: a compaction must save at least a fifth
const leastResult = 9_000; // characters; more than `recall` returns
const longResult = 32_000; // characters; a limit at or above this is dropped, because most results are shorter
const fullAt = 0.9; // fraction of the space for a request; below 1 because sizes are estimates

const maxFailedSummaries = 2;

/** `size` and `limit` are in estimated tokens; `room` is in bytes. */
class ContextWindow {
  readonly #work: Deps;
  readonly #around: number;
  /** Whether the model refused the request and only images have been compacted since. */
  #isRefused: boolean;
  readonly limit: number;
  readonly room: CompactionSizes;
  readonly resultChars: number | undefined;

  constructor(work: Deps, frame: RequestFrame, refused: boolean) {
    const { window, maxOutput } = work.model.abilities;
    this.#work = work;
    this.#around = countRequestBytes({ ...frame, messages: [] });
    this.#isRefused = refused;
    this.limit = window - Math.min(maxOutput, Math.floor(window / 4));
    const inBytes = (share: number) => Math.floor((this.limit * share * (this.#around + 1)) / this.tokens(1));
    // After a refusal, the only known bound is the refused request's size.
    const most = refused ? this.#bytes() : Number.POSITIVE_INFINITY;
    const share = (of: number) => Math.floor(Math.min(inBytes(of), most * of));
    const chars = Math.max(leastResult, Math.floor(this.limit / 3)); // about a tenth of the window
    this.resultChars = chars < longResult ? chars : undefined;
    this.room = { results: share(0.3), tail: share(0.25), user: share(0.2) };
  }

  get isRefused(): boolean {
    return this.#isRefused;
  }
  get isFull(): boolean {
    return this.#isRefused || this.size() > this.limit * fullAt;
  }

  tokens(bytes: number): number {
    const { model, runWriter } = this.#work;
    return runWriter.transcript.meter.tokens(model.name, this.#around + bytes);
  }

  /** In tokens. */
  size(plannedCompaction?: PlannedCompaction): number {
    return this.tokens(this.#bytes(plannedCompaction));
  }

  isWorth(plannedCompaction: PlannedCompaction): boolean {
    return this.size(plannedCompaction) <= this.size() * worthIt;
  }

  async apply(
    plannedCompaction: PlannedCompaction,
    by: string | null = null,
    usage: readonly SessionFact[] = [],
  ): Promise<void> {
    await this.#work.runWriter.compact(
      { ...plannedCompaction, before: this.size(), after: this.size(plannedCompaction) },
      by,
      usage,
    );
    if (plannedCompaction.kind !== 'pictures') this.#isRefused = false;
  }

  get canSummarize(): boolean {
    const { transcript } = this.#work.runWriter;
    const last = transcript.compactions.at(-1);
    const mayAsk = transcript.failedSummaries < maxFailedSummaries;
    return mayAsk && (last?.kind !== 'summary' || last.after <= last.before * worthIt);
  }

  #bytes(plannedCompaction?: PlannedCompaction): number {
    const { transcript, runId } = this.#work.runWriter;
    if (!plannedCompaction) return countConversationBytes(transcript.view(runId).messages);
    return countBytesAfterCompaction(transcript.messages, transcript.compactions, plannedCompaction);
  }
}
