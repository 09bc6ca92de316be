import type { Spent, TurnResult } from '../../../machines/run.ts';
import { throwIfFired } from '../../core/cancel.ts';
import type { SessionFact } from '../../core/events.ts';
import { type CollectedTurn, collectTurn, isEmpty } from '../../llm/collect.ts';
import type { AssistantMessage, ToolDeclaration, TurnPhase } from '../../llm/model.ts';
import { withPictures } from './message-images.ts';
import { systemPrompt } from './prompts.ts';
import type { Working } from './run-context.ts';

export interface Wanted {
  readonly phase: TurnPhase;
  readonly note: string;
  readonly hint: string | undefined;
  readonly tools: readonly ToolDeclaration[];
  readonly mustCall?: string;
  readonly workdir: string;
  readonly prompt: string | undefined;
  /** `live`: the text is logged as it arrives. `later`: the caller logs it. */
  readonly text: 'live' | 'later';
}
export type Turn =
  | {
      readonly ok: true;
      readonly message: AssistantMessage;
      /** The text in the pieces in which it arrived. */
      readonly pieces: readonly string[];
      /** Completes a live message and records the usage; write them with the rest of the turn. */
      readonly facts: readonly SessionFact[];
      readonly spent: Spent;
      readonly empty: boolean;
    }
  | { readonly ok: false; readonly result: TurnResult };

/** Runs one turn of the model to its end. Adds its message to the transcript if the turn succeeded. */
export async function takeTurn(
  { model, runWriter, sampling, desktop }: Pick<Working, 'model' | 'runWriter' | 'sampling' | 'desktop'>,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Turn> {
  await runWriter.told(); // otherwise a follower would see the first text only after all events that precede the turn
  runWriter.takeIn();
  const { phase, note, hint, tools, mustCall, workdir, prompt } = wanted;
  const pieces: string[] = [];
  using speech = runWriter.speak();
  using _held = wanted.text === 'later' ? runWriter.holdBack(pieces) : undefined;
  const ask = async () => {
    const told = runWriter.transcript.messages(runWriter.runId);
    const request = {
      phase,
      system: systemPrompt(workdir, prompt),
      ...told,
      ...(desktop && { messages: await withPictures(told.messages, (file) => desktop.loadPicture(file)) }),
      note,
      ...(hint === undefined ? {} : { hint }),
      tools,
      ...(mustCall === undefined ? {} : { mustCall }),
      ...(sampling && { sampling }),
    };
    return await collectTurn(model.turn(request, signal), {
      model: model.name,
      takenIds: runWriter.transcript.callIds(),
      onDelta: (delta) => {
        pieces.push(delta);
        if (wanted.text === 'live') speech.say(delta);
      },
    });
  };
  let turn = await ask();
  if (isTooLong(turn) && pieces.length === 0 && runWriter.transcript.shorten()) turn = await ask();
  throwIfFired(signal);
  const closing = speech.end();
  const { outcome, message, refused } = turn;
  if (outcome.kind !== 'finished') {
    await runWriter.write(...closing); // text that was already sent stays in the log
    if (outcome.kind === 'cancelled') throwIfFired(AbortSignal.abort());
    const {
      code,
      message: text,
      retryable,
      retryAfterMs,
    } = outcome.kind === 'failed'
      ? outcome
      : { code: 'cancelled' as const, message: 'The turn was cancelled.', retryable: true, retryAfterMs: undefined };
    return { ok: false, result: { kind: 'failed', code, message: text, retryable, retryAfterMs } };
  }
  const empty = isEmpty(turn);
  const { runId } = runWriter;
  if (!empty) runWriter.add({ runId, message });
  for (const { callId, name } of refused) {
    const output = 'Not run: too many calls in one turn.';
    runWriter.add({ runId, message: { role: 'tool', callId, name, output, success: false } });
  }
  const { inputTokens, outputTokens, cost } = outcome.usage;
  return {
    ok: true,
    message,
    pieces,
    facts: [...closing, runWriter.usage(model.name, outcome.usage)],
    spent: { turns: 1, tokens: inputTokens + outputTokens, cost: cost ?? 0 },
    empty,
  };
}

const isTooLong = ({ outcome }: CollectedTurn) => outcome.kind === 'failed' && outcome.code === 'model_context';

export const sum = (a: Spent, b: Spent): Spent => ({
  turns: a.turns + b.turns,
  tokens: a.tokens + b.tokens,
  cost: a.cost + b.cost,
});
