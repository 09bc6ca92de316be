import type { TurnResult } from '../../../../machines/run.ts';
import type { RunContext } from '../run-context.ts';
import {
  buildFallbackSummary,
  type PlannedCompaction,
  planPictureRemoval,
  planResultLimit,
  planResultRemoval,
  planSummary,
} from './compaction-plan.ts';
import { ContextWindow, maxFailedSummaries } from './context-window.ts';
import { type SummaryOptions, summarizeConversation } from './summary.ts';

type Deps = Pick<RunContext, 'model' | 'runWriter' | 'budget'>;
export type CompactionResult =
  | { readonly ok: true }
  /** `result` is absent if nothing can be removed; the model's own error then applies. */
  | { readonly ok: false; readonly result?: TurnResult };

type SummaryAttempt =
  /** `why`: the reason that no summary was possible. */
  { readonly ok: true; readonly why?: string } | { readonly ok: false; readonly result: TurnResult };

/**
 * Removes old pictures and results, then adds a summary, and finally cuts the conversation without one, until the next request
 * fits. `refused`: the model refused the request as too long, which overrides the estimate.
 */
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
    // The run retries as after any failed turn. After a few failures it continues without a summary, because other requests may
    // succeed.
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
  `tools alone need ${fit.tokens(0)}. Choose a model with a larger window or fewer tools, or send a shorter message, to go on.`;
