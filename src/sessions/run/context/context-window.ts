import type { TurnRequest } from '../../../agents/models/model.ts';
import type { SessionFact } from '../../../core/model/events.ts';
import type { RunContext } from '../run-context.ts';
import { type CompactionSizes, countBytesAfterCompaction, type PlannedCompaction } from './compaction-plan.ts';
import type { PromptSection } from './message-selection.ts';
import { countConversationBytes, countRequestBytes } from './meter.ts';

export type RequestFrame = Pick<TurnRequest, 'system' | 'tools'> &
  Partial<Pick<TurnRequest, 'note' | 'earlier' | 'hint'>> & {
    readonly sections: readonly PromptSection[];
  };
type Deps = Pick<RunContext, 'model' | 'runWriter'>;

const worthIt = 0.8; // of the previous size: a compaction must save at least a fifth
const leastResult = 9_000; // characters; more than `recall` returns
const longResult = 32_000; // characters; a limit this high is not applied, because most tools return less
const fullAt = 0.9; // of the space for a request, because sizes are estimates

export const maxFailedSummaries = 2;

/** Measures the next request against the model's window. `size` and `limit` are in estimated tokens, `room` is in bytes. */
export class ContextWindow {
  readonly #work: Deps;
  readonly #around: number;
  /** The model refused the request as too long. No compaction except of pictures has followed. */
  #isRefused: boolean;
  readonly limit: number;
  readonly room: CompactionSizes;
  /** Characters per result in a small window; undefined: no limit. */
  readonly resultChars: number | undefined;

  constructor(work: Deps, frame: RequestFrame, refused: boolean) {
    const { window, maxOutput } = work.model.abilities;
    this.#work = work;
    this.#around = countRequestBytes({ ...frame, messages: [] });
    this.#isRefused = refused;
    this.limit = window - Math.min(maxOutput, Math.floor(window / 4));
    const inBytes = (share: number) => Math.floor((this.limit * share * (this.#around + 1)) / this.tokens(1));
    // The window can be smaller than stated. After a refusal, only the size of the refused request is known.
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

  /** `by`: the model that wrote the summary; `usage`: the facts with the usage of its request. */
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

  /** False after too many failed summaries, or if the last compaction was a summary that saved too little. */
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
