import type { RunSpending, TurnResult } from '../../../../machines/run.ts';
import { isEmptyTurn } from '../../../agents/models/collect.ts';
import { type AssistantMessage, type FinishedTurn, toTextReply } from '../../../agents/models/model.ts';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionFact } from '../../../core/model/events.ts';
import type { RunId } from '../../../core/model/ids.ts';
import { resolveAttachments } from '../context/attachments.ts';
import { omissionReporter } from '../missing-tools.ts';
import { toTurnResult } from '../model-request.ts';
import type { RunContext } from '../run-context.ts';
import { type CheckedModelReply, callModel, callModelWithinWindow, type TurnInput } from './ask-model.ts';

export type Turn =
  | {
      readonly ok: true;
      readonly message: AssistantMessage;
      readonly pieces: readonly string[];
      /** The caller must write these facts with the turn's other facts. */
      readonly facts: readonly SessionFact[];
      readonly spent: RunSpending;
      /** Also true if the reply ends in the middle of a call or repeats itself. */
      readonly empty: boolean;
      /** Tells the model why the reply is unusable. Absent if the reply was empty but not cut off. */
      readonly hint?: string;
    }
  | { readonly ok: false; readonly result: TurnResult };

export async function runTurn(
  work: Pick<RunContext, 'model' | 'runWriter' | 'budget' | 'sampling' | 'desktop' | 'files'>,
  turnInput: TurnInput,
  signal: AbortSignal,
): Promise<Turn> {
  const { runWriter, budget } = work;
  await runWriter.flush(); // without this, followers would not get the earlier events until the reply's first text
  const { unheard } = runWriter;
  // If the user has sent a newer message, the interrupted reply is not continued.
  if (unheard.length > 0 && runWriter.begun?.id) await runWriter.write(...runWriter.cutMessage());
  const { begun } = runWriter;
  const hasFiles = unheard.some(({ attachments = [] }) => attachments.length > 0);
  runWriter.takeIn(hasFiles ? await resolveAttachments([...unheard], work.files, turnInput.workdir) : undefined);
  runWriter.transcript.placeNote(turnInput.note, work.model.abilities.window / 8); // in bytes: about 4% of the window
  const pieces = begun ? [begun.text] : [];
  using speech = runWriter.speak(begun?.id);
  const hear = (delta?: string) => {
    if (delta === undefined) return speech.think();
    if (pieces.length === 0) turnInput.beforeText?.();
    pieces.push(delta);
    speech.say(delta);
  };
  const broken = begun && begun.text.trim() !== '' ? toTextReply(begun.text) : undefined;
  const going = broken ? { ...turnInput, hint: brokenHint } : turnInput;
  const first = await callModelWithinWindow(work, going, { hear, signal, begun: broken });
  if (!first.ok) {
    await runWriter.write(...speech.cut());
    return first;
  }
  const more = wasCut(first.reply)
    ? await callModel(work, { ...turnInput, hint: goOnHint }, { hear, signal, begun: first.reply.message })
    : undefined;
  const rest = more?.outcome.kind === 'failed' && more.outcome.over ? undefined : more;
  throwIfAborted(signal);
  const modelReply = rest ? joined(first.reply, rest, hear) : first.reply;
  const { outcome, message, refused, repeats } = modelReply;
  const sideFacts = [
    ...omissionReporter.factsOf(
      runWriter,
      [first.reply, rest].flatMap((it) => it?.leftOut ?? []),
    ),
    ...[first.reply, rest].flatMap((it) => it?.usage ?? []),
  ];
  if (outcome.kind !== 'finished') {
    const goesOn = outcome.kind === 'failed' && outcome.retryable && !outcome.over;
    if (goesOn) speech.rest();
    await runWriter.write(...(goesOn ? [] : speech.cut()), ...sideFacts); // text already sent is kept
    if (outcome.kind === 'cancelled') throw new AppError('cancelled', 'The turn was cancelled.');
    return { ok: false, result: toTurnResult(outcome, budget) };
  }
  const facts = [...speech.end(), ...sideFacts, ...(repeats ? [cutFact(runWriter.runId)] : [])];
  if (outcome.stop === 'refused') {
    await runWriter.write(...facts);
    return { ok: false, result: declined(message, outcome) };
  }
  const { runId } = runWriter;
  const hint = repeats ? repetitionHint : cutCallHint(outcome, isEmptyTurn(modelReply));
  if (!isEmptyTurn(modelReply) && !repeats) runWriter.add({ runId, message });
  for (const { callId, name } of refused) {
    const output = 'Not run: too many calls in one turn.';
    runWriter.add({ runId, message: { role: 'tool', callId, name, output, success: false } });
  }
  const empty = isEmptyTurn(modelReply) || hint !== undefined;
  return { ok: true, message, pieces, facts, spent: budget.spent, empty, ...(hint !== undefined && { hint }) };
}

const brokenHint =
  'The connection broke in the middle of your reply, and the reader has its beginning. Go on exactly where it stopped, ' +
  'without repeating anything.';
const goOnHint =
  'Your reply was cut at the length limit. Go on exactly where it stopped, without repeating anything, and be brief.';
const repetitionHint =
  'Your last reply repeated the same words without end and was stopped. Do not write it again: say what you know in a few ' +
  'sentences, or call a tool.';
const cutFact = (runId: RunId): SessionFact => ({
  type: 'run.notice',
  runId,
  data: { kind: 'left_out', detail: 'The reply was stopped because it repeated itself.' },
});
const cutNote = '\n\n[The reply was cut here: it reached the length limit of the model twice.]';

const wasCut = ({ outcome, message, repeats }: CheckedModelReply): boolean =>
  outcome.kind === 'finished' &&
  outcome.stop === 'length' &&
  !repeats &&
  !outcome.cutCalls?.length &&
  message.calls.length === 0 &&
  message.text.trim() !== '';

function joined(first: CheckedModelReply, rest: CheckedModelReply, hear: (delta: string) => void): CheckedModelReply {
  const { outcome } = rest;
  if (outcome.kind === 'cancelled' || (outcome.kind === 'failed' && outcome.retryable)) return rest;
  const isWhole = outcome.kind === 'finished' && outcome.stop !== 'length' && !rest.repeats;
  if (!isWhole) hear(cutNote);
  const message = isWhole ? rest.message : { ...rest.message, text: rest.message.text + cutNote };
  return { ...rest, repeats: false, message, outcome: outcome.kind === 'finished' ? outcome : first.outcome };
}

function cutCallHint({ stop, cutCalls = [] }: FinishedTurn, isSilent: boolean): string | undefined {
  const [name] = cutCalls;
  if (stop !== 'length') return undefined;
  if (name === undefined)
    return isSilent
      ? 'Your reply reached the length limit before it contained any text. Answer more briefly.'
      : undefined;
  return (
    `Your reply reached the length limit inside a call of ${name}, so none of its calls was made. Send it smaller: write ` +
    'a long file in several calls, one after the other.'
  );
}

function declined({ model, text }: AssistantMessage, { reason }: FinishedTurn): TurnResult {
  const why = reason ? ` (${reason})` : '';
  const reply = text.trim() === '' ? '' : ` Its answer: ${text.trim().slice(0, 500)}`;
  const message = `${model} declined to answer${why}.${reply} Rephrase the message, or choose another model.`;
  return { kind: 'failed', code: 'model_refused', message, retryable: false, retryAfterMs: undefined };
}

/** Logs the turn's usage, because its cost must survive a restart. */
export async function endEmptyTurn(
  { runWriter }: Pick<RunContext, 'runWriter'>,
  { facts, spent, hint }: Pick<Turn & { ok: true }, 'facts' | 'spent' | 'hint'>,
): Promise<TurnResult> {
  await runWriter.write(...facts);
  return { kind: 'empty', spent, ...(hint !== undefined && { hint }) };
}
