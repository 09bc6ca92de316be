import type { FactOf } from '../../../../core/model/events.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import { toIsoTimeOrNull } from '../wire.ts';
import type { EventDraft } from './calls.ts';
import { toApiOutcomeId } from './ids.ts';
import { addLoggedUsage, toSpanUsage, type UsageTotals, zeroUsageTotals } from './usage.ts';

type Verdict = 'satisfied' | 'needs_revision' | 'max_iterations_reached' | 'failed' | 'interrupted';
interface Outcome {
  readonly id: string;
  readonly description: string;
  /** Counted from 0. */
  iteration: number;
  result: 'pending' | 'running' | 'evaluating' | Verdict;
  explanation: string | null;
  completedAt: number | null;
  startedBy: string | undefined;
  usage: UsageTotals;
}

export class OutcomeTracker {
  readonly #byRun: Map<string, Outcome>;

  constructor(from?: OutcomeTracker) {
    this.#byRun = new Map();
    if (from) for (const [run, outcome] of from.#byRun) this.#byRun.set(run, { ...outcome });
  }
  copy(): OutcomeTracker {
    return new OutcomeTracker(this);
  }

  define(
    sessionId: SessionId,
    {
      seq,
      runId,
      data,
    }: { readonly seq: number; readonly runId: string | null; readonly data: FactOf<'message.user'>['data'] },
  ): EventDraft | undefined {
    const { goal, text } = data;
    if (goal?.rubric === undefined || runId === null) return undefined;
    const id = toApiOutcomeId(sessionId, seq);
    this.#byRun.set(runId, {
      id,
      description: text,
      iteration: 0,
      result: 'pending',
      explanation: null,
      completedAt: null,
      startedBy: undefined,
      usage: zeroUsageTotals,
    });
    const rubric = { type: 'text', content: goal.rubric };
    const fields = { description: text, rubric, max_iterations: goal.maxRevisions + 1, outcome_id: id };
    return { type: 'user.define_outcome', fields };
  }

  get isActive(): boolean {
    return [...this.#byRun.values()].some(({ completedAt }) => completedAt === null);
  }

  begin(runId: string | null): void {
    const outcome = this.#of(runId);
    if (outcome) outcome.result = 'running';
  }

  use(runId: string | null, used: FactOf<'usage'>['data']): void {
    const outcome = this.#of(runId);
    if (outcome) outcome.usage = addLoggedUsage(outcome.usage, used);
  }

  /** `word`: the id of the returned event, stored if the event starts the evaluation. */
  judge(
    runId: string | null,
    data: FactOf<'goal'>['data'],
    { word, at }: { readonly word: string; readonly at: number },
  ): EventDraft | undefined {
    const outcome = this.#of(runId);
    if (!outcome || data.kind === 'checked') return undefined;
    if (data.kind === 'judged') {
      const isAgain = data.feedback !== undefined;
      const last =
        data.result === 'satisfied'
          ? 'satisfied'
          : data.result === 'not_satisfied'
            ? 'max_iterations_reached'
            : 'failed';
      return this.#end(outcome, { result: isAgain ? 'needs_revision' : last, explanation: data.reason, at });
    }
    const own = { outcome_id: outcome.id, iteration: outcome.iteration };
    if (outcome.startedBy !== undefined) return { type: 'span.outcome_evaluation_ongoing', fields: own };
    outcome.startedBy = word;
    outcome.result = 'evaluating';
    outcome.usage = zeroUsageTotals;
    return { type: 'span.outcome_evaluation_start', fields: own };
  }

  close(runId: string | null, { reason, goal }: FactOf<'run.end'>['data'], at: number): EventDraft | undefined {
    const outcome = this.#of(runId);
    if (!outcome || outcome.completedAt !== null) return undefined;
    const result = reason === 'stopped' ? 'interrupted' : 'failed';
    return this.#end(outcome, { result, explanation: goal?.reason ?? 'The run ended before.', at });
  }

  views() {
    return [...this.#byRun.values()].map(({ id, description, iteration, result, explanation, completedAt }) => ({
      type: 'outcome_evaluation' as const,
      outcome_id: id,
      description,
      iteration,
      result,
      explanation,
      completed_at: toIsoTimeOrNull(completedAt),
    }));
  }

  #of(runId: string | null): Outcome | undefined {
    return runId === null ? undefined : this.#byRun.get(runId);
  }

  #end(
    outcome: Outcome,
    { result, explanation, at }: { readonly result: Verdict; readonly explanation: string; readonly at: number },
  ): EventDraft {
    const fields = {
      outcome_id: outcome.id,
      outcome_evaluation_start_id: outcome.startedBy ?? '',
      iteration: outcome.iteration,
      result,
      explanation,
      usage: toSpanUsage(outcome.usage),
    };
    outcome.startedBy = undefined;
    outcome.explanation = explanation;
    if (result === 'needs_revision') {
      outcome.iteration += 1;
      outcome.result = 'running';
    } else {
      outcome.result = result;
      outcome.completedAt = at;
    }
    return { type: 'span.outcome_evaluation_end', fields };
  }
}
