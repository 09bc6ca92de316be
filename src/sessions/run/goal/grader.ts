import { z } from 'zod';
import type { TurnResult } from '../../../../machines/run.ts';
import type { AssistantMessage, Message, TurnRequest } from '../../../agents/models/model.ts';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import { parseJson } from '../../../core/text/json.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import { countRequestBytes } from '../context/meter.ts';
import type { GoalCheckData } from '../log/run-writer.ts';
import { sendModelRequest, toFailedTurn } from '../model-request.ts';
import type { RunContext } from '../run-context.ts';
import { listChangedFiles } from './changed-files.ts';

const Verdict = z.object({
  verdict: z.enum(['satisfied', 'not_satisfied', 'cannot_judge']),
  score: z
    .int()
    .min(0)
    .max(100)
    .optional()
    .catch(undefined)
    .describe('how well the work meets the rubric: 0 not at all, 100 in full'),
  reason: z.string().describe('what is missing, or why you cannot judge; one sentence if the work is satisfied'),
});
const giveVerdict = {
  name: 'give_verdict',
  description: 'Say whether the work meets the rubric.',
  parameters: z.toJSONSchema(Verdict, { io: 'input' }),
} as const;

const results = { satisfied: 'passed', not_satisfied: 'missed', cannot_judge: 'unknown' } as const;
const written = { maxBytes: 64 * 1024, maxDepth: 10, maxValues: 100 };
const maxChars = { task: 20_000, words: 20_000, reason: 2_000, changes: 60_000 };

interface GradingInput {
  readonly rubric: string;
  readonly checked: readonly GoalCheckData[];
}
export type GradingResult =
  | {
      readonly kind: 'graded';
      readonly result: GoalCheckData['result'];
      readonly reason: string;
      readonly score?: number | undefined;
    }
  /** The request was not sent, or may succeed later. */
  | { readonly kind: 'ungraded'; readonly result: TurnResult }
  | { readonly kind: 'broken'; readonly reason: string };

/** The model judges in a separate context. Retries once if there is no verdict, unless the model declined. */
export async function gradeAgainstRubric(
  work: RunContext,
  input: GradingInput,
  signal: AbortSignal,
): Promise<GradingResult> {
  const { model, runWriter, budget } = work;
  const { grader: system } = await work.prompt(signal);
  const message: Message = { role: 'user', text: await materialFor(work, input, signal) };
  for (const hint of [undefined, 'Answer by calling give_verdict.']) {
    const requested = { system, messages: [message], tools: [giveVerdict], ...(hint !== undefined && { hint }) };
    const request: TurnRequest = { phase: { kind: 'grade' }, ...requested, mustCall: giveVerdict.name };
    const turn = await sendModelRequest(
      work,
      {
        ...{ request, bytes: countRequestBytes(requested), purpose: 'grade' },
        ...{ sections: [{ part: 'grader', text: system }], from: { length: 0, begun: message } },
        conversation: requested.messages,
      },
      { signal, onDelta: () => {} },
    );
    throwIfAborted(signal);
    const { outcome, usage } = turn;
    if (outcome.kind === 'failed')
      return outcome.over || outcome.retryable
        ? { kind: 'ungraded', result: toFailedTurn(outcome, budget) }
        : { kind: 'broken', reason: outcome.message };
    if (outcome.kind === 'cancelled' || !usage) return { kind: 'broken', reason: 'The grader was cut off.' };
    await runWriter.write(usage);
    const verdict = verdictIn(turn.message);
    if (verdict) return { kind: 'graded', ...verdict };
    if (outcome.stop === 'refused') return { kind: 'broken', reason: 'The model declined to grade.' };
  }
  return { kind: 'broken', reason: `${model.name} gave no verdict in two attempts.` };
}

/** Prefers a call's verdict to JSON in the text. */
function verdictIn({
  calls,
  text,
}: AssistantMessage): (Pick<GoalCheckData, 'result' | 'score'> & { reason: string }) | undefined {
  const parsedJson = parseJson(text.slice(Math.max(0, text.indexOf('{')), text.lastIndexOf('}') + 1), written);
  for (const input of [...calls.map(({ args }) => args), ...(parsedJson.ok ? [parsedJson.value] : [])]) {
    const { data } = Verdict.safeParse(input);
    if (!data) continue;
    const { verdict, reason, score } = data;
    const measure = score !== undefined && verdict !== 'cannot_judge' && { score };
    return { result: results[verdict], reason: truncateEnd(reason.trim(), maxChars.reason), ...measure };
  }
  return undefined;
}

async function materialFor(work: RunContext, { rubric, checked }: GradingInput, signal: AbortSignal): Promise<string> {
  const { task, runWriter, model } = work;
  const { runId, transcript } = runWriter;
  const reply = transcript.entries.findLast(
    ({ runId: of, message }) => of === runId && message.role === 'assistant' && message.text.trim() !== '',
  );
  const most = Math.min(maxChars.changes, Math.floor(model.abilities.window * 1.5)); // about half of the window
  return [
    framed('rubric', rubric),
    framed('task', cut(task, maxChars.task)),
    framed('last-words', cut(reply?.message.role === 'assistant' ? reply.message.text : '', maxChars.words)),
    framed('passed-checks', checked.map(({ command }) => command ?? '').join('\n') || 'none'),
    framed('changed-files', await changesFor(work, { runId, most }, signal)),
  ].join('\n\n');
}

/** Without the sandbox, the grader judges only the text, and its prompt says so. */
async function changesFor(
  { sandbox }: RunContext,
  requested: { readonly runId: string; readonly most: number },
  signal: AbortSignal,
): Promise<string> {
  try {
    await using used = await sandbox.use(signal);
    return (await listChangedFiles(used.client, requested, signal)) ?? unknownChanges;
  } catch (thrown) {
    throwIfAborted(signal);
    return `${unknownChanges} ${toAppError(thrown).publicMessage}`;
  }
}
const unknownChanges = 'Not known.';

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${truncateEnd(text, most)}\n[The rest is left out.]`;

/** Escapes tags, so that the text cannot close the enclosing element. */
const framed = (tag: string, text: string): string =>
  `<${tag}>\n${text.replaceAll(/<(?=\/?(rubric|task|last-words|passed-checks|changed-files)>)/gi, '‹')}\n</${tag}>`;
