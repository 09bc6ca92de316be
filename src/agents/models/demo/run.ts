import { listFold } from '../../../core/text/list-fold.ts';
import type { Message, ToolCall, TurnRequest } from '../model.ts';
import { classifyMessage, parseUnits } from './blocks.ts';
import type { Unit } from './unit.ts';

/** The run's state, read from its messages, because the demo model keeps no other state. */
export interface Run {
  readonly task: string;
  /** Nothing of it is for the demo: no block, no built-in task. */
  readonly isTalk: boolean;
  /** The units of the first message and of each injected one, in order: step i of the plan is unit i. */
  readonly units: readonly Unit[];
  /** The results of this run's tools. */
  readonly results: readonly ToolMessage[];
  /** Calls since the end of the last step. A step ends with a text without a call. */
  readonly callsOfStep: readonly ToolCall[];
  /** The user's answers, by the id of the asking call. */
  readonly answers: ReadonlyMap<string, string>;
  /** The number of calls in the whole conversation. */
  readonly callsBefore: number;
}
type ToolMessage = Extract<Message, { role: 'tool' }>;
const planning = 'make_plan';
const asking = 'message_ask_user';

export function readRun(request: TurnRequest): Run {
  const messages = request.messages.slice(request.runFrom ?? runStart(request));
  const spoken: string[] = [];
  const results: ToolMessage[] = [];
  const answers = new Map<string, string>();
  let callsOfStep: ToolCall[] = [];
  for (const [at, message] of messages.entries()) {
    if (message.role === 'user') spoken.push(message.text);
    if (message.role === 'tool' && message.name !== planning) results.push(message);
    if (message.role !== 'assistant') continue;
    if (message.calls.length === 0) callsOfStep = [];
    callsOfStep.push(...message.calls.filter((call) => call.name !== planning));
    for (const { callId, name } of message.calls)
      if (name === asking) answers.set(callId, answerTo(callId, messages.slice(at)));
  }
  // An answer belongs to its question: it is not a separate message, and its blocks are not run.
  for (const answer of answers.values()) {
    const at = spoken.indexOf(answer, 1);
    if (at > 0) spoken.splice(at, 1);
  }
  return {
    task: spoken[0] ?? '',
    isTalk: spoken.every((text) => classifyMessage(text) === 'nothing'),
    units: spoken.flatMap(parseUnits),
    results,
    callsOfStep,
    answers,
    callsBefore: callsIn(request.messages),
  };
}

/** The user message that the tool's result repeats; otherwise the first message after the question. */
function answerTo(callId: string, after: readonly Message[]): string {
  const output = after.find((message) => message.role === 'tool' && message.callId === callId);
  const lines = after.flatMap((message) => (message.role === 'user' ? [message.text] : []));
  const repeated = output?.role === 'tool' ? output.output : '';
  return lines.find((text) => text === repeated) ?? (output ? lines[0] : undefined) ?? repeated;
}

/** The index of the message that started the run: the first user message before its plan. */
function runStart({ messages, phase }: TurnRequest): number {
  const isPlan = (message: Message) =>
    message.role === 'assistant' &&
    message.calls.some(({ name, callId }) => name === planning && callId.startsWith('plan_'));
  let at = phase.kind === 'plan' ? messages.length : messages.findLastIndex(isPlan);
  while (at > 0 && messages[at - 1]?.role === 'user') at--;
  return Math.max(0, at);
}

const callsIn = listFold(0, (sum, message: Message) =>
  message.role === 'assistant' ? sum + message.calls.filter((call) => call.name !== planning).length : sum,
);
