import type { Spent, TurnResult } from '../../../../machines/run.ts';
import { addSpent, nothingSpent } from '../../../../machines/run-rules.ts';
import { throwIfFired } from '../../../core/cancel.ts';
import type { SessionFact } from '../../../core/events.ts';
import { collectTurn } from '../../../llm/collect.ts';
import type { TurnRequest } from '../../../llm/model.ts';
import type { Working } from '../run-context.ts';
import { spentOn } from '../spent.ts';
import { bytesAfter, picturesPlan, plainSummary, type Room, resultsPlan, summaryPlan } from './compaction-plan.ts';
import { messageBytes, requestBytes } from './meter.ts';
import { summaryPrompt } from './summary-prompt.ts';
import { type Compaction, viewOf } from './view.ts';

type Deps = Pick<Working, 'model' | 'runWriter'>;
/** The parts of the next request besides the conversation. */
export type Frame = Pick<TurnRequest, 'system' | 'tools'> & Partial<Pick<TurnRequest, 'note' | 'hint'>>;
type Wanted = Omit<Compaction, 'before' | 'after'>;
export type Made =
  | { readonly ok: true; readonly spent: Spent }
  /** Without a result: nothing can be left out, so the model's own refusal stands. */
  | { readonly ok: false; readonly result?: TurnResult };

const worthIt = 0.8; // of the size before; a compaction that leaves more saves less than a fifth
const fullAt = 0.9; // of the room for a request, because sizes are estimates

/**
 * Sees to it that the next request fits the model's window: first without old results, then with a summary, then without
 * one. With `refused`, the model has called the request too long, and the estimate does not count.
 */
export async function makeRoom(work: Deps, frame: Frame, refused: boolean, signal: AbortSignal): Promise<Made> {
  const { model, runWriter } = work;
  const { transcript, runId } = runWriter;
  const { meter } = transcript;
  const { window, maxOutput } = model.abilities;
  const limit = window - Math.min(maxOutput, Math.floor(window / 4));
  const around = requestBytes({ ...frame, messages: [] });
  const tokens = (bytes: number) => meter.tokens(model.name, around + bytes);
  const inBytes = (share: number) => Math.floor((limit * share * (around + 1)) / tokens(1));
  // The window can be smaller than stated. After a refusal, only what the request had counts.
  const most = refused ? bytesAfter(transcript.messages, transcript.compactions, undefined) : Number.POSITIVE_INFINITY;
  const share = (of: number) => Math.floor(Math.min(inBytes(of), most * of));
  const room: Room = { results: share(0.3), tail: share(0.25), user: share(0.2) };
  const size = (wanted?: Wanted) => tokens(bytesAfter(transcript.messages, transcript.compactions, wanted));
  const apply = async (wanted: Wanted, by: string | null = null, usage: readonly SessionFact[] = []) => {
    await runWriter.compact({ ...wanted, before: size(), after: size(wanted) }, by, usage);
  };
  let isRefused = refused;
  const isFull = () => isRefused || size() > limit * fullAt;

  const pictures = picturesPlan(transcript.messages, transcript.view(runId).seen);
  if (pictures) await apply(pictures);
  if (!isFull()) return { ok: true, spent: nothingSpent };

  for (const chars of [undefined, 2_000, 500]) {
    const wanted = resultsPlan(transcript.messages, room, chars);
    const after = size(wanted);
    if (after > size() * worthIt) continue;
    await apply(wanted);
    isRefused = false;
    if (!isFull()) return { ok: true, spent: nothingSpent };
  }

  const wanted = summaryPlan(transcript.messages, transcript.view(runId).seen, room);
  const blank = { ...wanted, summary: '' };
  let spent = nothingSpent;
  if (!transcript.cannotSummarize && wasWorthIt(transcript.compactions) && size(blank) <= size() * worthIt) {
    const made = await summarize(work, { frame, wanted, limit, tokens }, signal);
    spent = made.spent;
    if (made.kind === 'failed') return { ok: false, result: made.result };
    if (made.kind === 'none') {
      transcript.cannotSummarize = true;
      const question =
        `The conversation is too long for ${model.name}, and it could not be summarized: ${made.why} Send a message to go ` +
        'on: older work will then be left out of what the model sees. It stays in the history, where the model can read it.';
      return { ok: false, result: { kind: 'full', question, spent } };
    }
    if (made.kind === 'made') {
      await apply({ ...wanted, summary: made.text }, made.model, [made.usage]);
      isRefused = false;
      if (!isFull()) return { ok: true, spent };
    }
  }

  const cut: Wanted = { ...wanted, kind: 'cut', summary: plainSummary(transcript.messages, wanted.upto) };
  if (size(cut) <= size() * worthIt) {
    await apply(cut);
    transcript.cannotSummarize = false;
    isRefused = false;
  }
  if (!isRefused && size() <= limit) return { ok: true, spent };
  if (isRefused && size() <= limit) return { ok: false };
  return {
    ok: false,
    result: { kind: 'full', question: noRoom(model.name, tokens(0), { needs: size(), limit }), spent },
  };
}

const noRoom = (name: string, frame: number, { needs, limit }: { needs: number; limit: number }): string =>
  `The next request to ${name} needs about ${needs} tokens, and it takes ${limit} besides its reply; instructions and ` +
  `tools alone need ${frame}. Choose a model with a larger window or fewer tools, or send a shorter message, to go on.`;

/** A summary that saved less than a fifth is not repeated until something else has made room. */
function wasWorthIt(compactions: readonly Compaction[]): boolean {
  const last = compactions.at(-1);
  return last?.kind !== 'summary' || last.after <= last.before * worthIt;
}

interface Summary {
  readonly frame: Frame;
  readonly wanted: Wanted;
  readonly limit: number;
  readonly tokens: (bytes: number) => number;
}
type Summarized = { readonly spent: Spent } & (
  | { readonly kind: 'made'; readonly text: string; readonly model: string; readonly usage: SessionFact }
  | { readonly kind: 'none'; readonly why: string }
  /** Even the part to summarize is too long for the model. */
  | { readonly kind: 'unable' }
  | { readonly kind: 'failed'; readonly result: TurnResult }
);

/** Asks the model for the summary, at most twice. Fails as a turn does when a later try of the provider can help. */
async function summarize(
  work: Deps,
  { frame, wanted, limit, tokens }: Summary,
  signal: AbortSignal,
): Promise<Summarized> {
  const { model, runWriter } = work;
  const { transcript } = runWriter;
  const before = (compactions: readonly Compaction[]) =>
    viewOf(transcript.messages, compactions).flatMap(({ at, message }) => (at < wanted.upto ? [message] : []));
  const sum = (some: ReturnType<typeof before>) => tokens(some.reduce((all, one) => all + messageBytes(one), 0));
  // The same beginning as the request before, so that a provider's cache serves it; only if it is too long, a shorter one.
  let messages = before(transcript.compactions);
  if (sum(messages) > limit) {
    const short = { kind: 'results', upto: 0, until: wanted.upto, most: 500, before: 0, after: 0 } as const;
    messages = before([...transcript.compactions, short]);
    if (sum(messages) > limit) return { kind: 'unable', spent: nothingSpent };
  }
  let spent = nothingSpent;
  let why = '';
  for (let attempt = 0; attempt < 2; attempt++) {
    const { system, tools } = frame;
    const request = { phase: { kind: 'summarize' }, system, tools, messages, hint: summaryPrompt } as const;
    const { outcome, message } = await collectTurn(model.turn(request, signal), {
      model: model.name,
      onDelta: () => {},
    });
    throwIfFired(signal);
    if (outcome.kind === 'failed') {
      const { code, message: text, retryable, retryAfterMs } = outcome;
      if (retryable)
        return { kind: 'failed', spent, result: { kind: 'failed', code, message: text, retryable, retryAfterMs } };
      why = text;
      continue;
    }
    if (outcome.kind !== 'finished') throwIfFired(AbortSignal.abort());
    if (outcome.kind !== 'finished') continue;
    spent = addSpent(spent, spentOn(outcome));
    const text = message.text.trim();
    const usage = runWriter.usage(message.model, outcome.usage);
    if (text !== '' && outcome.stop !== 'refused') return { kind: 'made', text, model: message.model, usage, spent };
    await runWriter.write(usage);
    why = outcome.stop === 'refused' ? 'The model declined.' : 'The model gave an empty summary.';
  }
  return { kind: 'none', why, spent };
}
