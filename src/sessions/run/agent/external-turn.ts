import type { CallOutcome, PendingCall, ToolCallsInput, TurnInput, TurnResult } from '../../../../machines/run.ts';
import { parseVerdict } from '../../../../machines/run-rules.ts';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import type { AgentUpdate, ExternalAgent } from '../../../core/model/agent-updates.ts';
import type { PlanStep, SessionFact } from '../../../core/model/events.ts';
import { withMicroCost, zeroAmounts } from '../../../core/model/runs/budget.ts';
import type { BudgetOverrun } from '../../../core/model/spending.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import { decidePermission, toLoggedArgs } from '../calls/approval.ts';
import { attachFiles, resolveAttachments } from '../context/attachments.ts';
import type { ConversationEntry } from '../log/conversation.ts';
import { toTaskTitle } from '../plan.ts';
import { computeShortHash, createProgressEntry } from '../progress.ts';
import type { RunContext } from '../run-context.ts';
import { closePlan, createTodoFacts } from '../todo-facts.ts';
import type { ExternalAgentRunner } from './external-agents.ts';

export interface ExternalRunContext extends RunContext {
  readonly own: {
    readonly agent: ExternalAgent;
    readonly loops: ExternalAgentRunner;
    readonly instructions: string | undefined;
  };
}
export const isExternalRun = (work: RunContext): work is ExternalRunContext => work.own !== undefined;

interface CollectedUpdates {
  readonly pieces: string[];
  steps: readonly PlanStep[];
  thoughts: string;
  toolCalls: number;
  tokens: number;
  cost: number | undefined;
  model: string | undefined;
}
const maxThoughts = 10_000; // characters
const maxText = 1024 * 1024; // characters of one message
const maxRemembered = 20_000; // characters sent to an agent that has lost the conversation

export async function runExternalTurn(
  work: ExternalRunContext,
  { steps }: TurnInput,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { runWriter, budget, own, task, sessionId } = work;
  const spentBefore = budget.findOverrun({ ...zeroAmounts, turns: 1 }) ?? (await budget.shared?.charge(zeroAmounts));
  if (spentBefore) return { kind: 'unaffordable', over: spentBefore, spent: budget.spent };
  if (!work.hasTitle()) await runWriter.write(runWriter.title(toTaskTitle(task)));
  await using used = await work.sandbox.use(signal);
  const { client } = used;
  const earlier = runWriter.transcript.entries.length;
  const texts = await takenIn(work);
  if (work.files) await attachFiles(runWriter.transcript.attached, work.files, { client, signal });
  const collectedUpdates: CollectedUpdates = {
    pieces: [],
    steps,
    thoughts: '',
    toolCalls: 0,
    tokens: 0,
    cost: undefined,
    model: undefined,
  };
  using speech = runWriter.speak();
  using _news = runWriter.onHeard(() => own.loops.interrupt(client));
  const requested = {
    sessionId,
    runId: runWriter.runId,
    agent: own.agent,
    cwd: work.workdir,
    texts,
    task,
    instructions: own.instructions,
    silenceMs: work.toolTimeoutMs,
    onDelivered: () => runWriter.write(), // so that a restart does not deliver the messages again
    history: () => formatHistory(runWriter.transcript.entries.slice(0, earlier)),
  };
  const hear = hearing(work, collectedUpdates, speech);
  let over: BudgetOverrun | undefined;
  const room = budget.coveredCalls();
  const counting = async (update: AgentUpdate) => {
    await hear(update);
    if (update.kind === 'call') {
      collectedUpdates.toolCalls += 1;
      const shared = await budget.shared?.payCalls(1, signal);
      const overCalls = collectedUpdates.toolCalls > room.count ? room.over : shared?.over;
      if (overCalls && !over) own.loops.interrupt(client);
      over ??= overCalls;
    }
    if (update.kind !== 'spent') return;
    const { tokens, cost = 0 } = update;
    const spentNow = await budget.shared?.charge(withMicroCost({ tokens, cost }));
    budget.count({ turns: 0, tokens, cost });
    if (over) return;
    over = budget.findOverrun(zeroAmounts) ?? spentNow;
    if (over) own.loops.interrupt(client);
  };
  const pause = await own.loops.turn(client, requested, counting, signal);
  throwIfAborted(signal);
  if (pause.kind !== 'asks') budget.count({ turns: 1, tokens: 0, cost: 0 });
  const { spent } = budget;
  const { toolCalls } = collectedUpdates;
  const facts = [...speech.end(), ...toUsageFacts(work, collectedUpdates)];
  const text = collectedUpdates.pieces.join('');
  if (text !== '') {
    const message = {
      role: 'assistant',
      model: collectedUpdates.model ?? nameOf(own.agent),
      text: text,
      calls: [],
      raw: [],
    } as const;
    runWriter.add({ runId: runWriter.runId, message });
  }
  if (pause.kind === 'failed') {
    await runWriter.write(...facts);
    const { code, message } = pause;
    return { kind: 'failed', code, message, retryable: false, retryAfterMs: undefined };
  }
  if (pause.kind === 'asks') {
    const { callId, name, args, content } = pause.call;
    await runWriter.write(...facts);
    const call: PendingCall = {
      callId,
      name,
      args,
      begun: false,
      confirm: pause.title,
      fixed: true,
      ...(content && { content }),
    };
    return { kind: 'calls', calls: [call], spent, toolCalls };
  }
  if (over && pause.isCut) {
    await runWriter.write(...facts);
    return { kind: 'unaffordable', over, spent, toolCalls };
  }
  const closed = closePlan(collectedUpdates.steps, false);
  const isOpen = closed.some((it, n) => it !== collectedUpdates.steps[n]);
  await runWriter.write(...facts, ...(isOpen ? createTodoFacts(runWriter, closed) : []));
  return { kind: 'replied', digest: computeShortHash(text), steps: closed, spent, toolCalls };
}

async function takenIn({ runWriter, files, workdir }: ExternalRunContext): Promise<readonly string[]> {
  const unheard = [...runWriter.unheard];
  const hasFiles = unheard.some(({ attachments = [] }) => attachments.length > 0);
  const shown = hasFiles ? await resolveAttachments(unheard, files, workdir) : undefined;
  runWriter.takeIn(shown);
  return unheard.map(({ messageId, text }) => shown?.get(messageId)?.text ?? text);
}

type OpenSpeech = ReturnType<RunContext['runWriter']['speak']>;

function hearing(
  { runWriter }: ExternalRunContext,
  collectedUpdates: CollectedUpdates,
  speech: OpenSpeech,
): (update: AgentUpdate) => Promise<void> {
  let length = 0;
  const open = new Set<string>();
  return async (update) => {
    switch (update.kind) {
      case 'text': {
        const text = update.text.slice(0, Math.max(0, maxText - length));
        length += text.length;
        if (text === '') return;
        collectedUpdates.pieces.push(text);
        speech.say(text);
        return;
      }
      case 'thought':
        collectedUpdates.thoughts = truncateEnd(collectedUpdates.thoughts + update.text, maxThoughts);
        return;
      case 'model':
        collectedUpdates.model = update.name;
        return;
      case 'forgot':
        await runWriter.write({
          type: 'run.notice',
          runId: runWriter.runId,
          data: { kind: 'agent_forgot', detail: update.detail },
        });
        return;
      case 'spent':
        collectedUpdates.tokens += update.tokens;
        if (update.cost !== undefined) collectedUpdates.cost = (collectedUpdates.cost ?? 0) + update.cost;
        return;
      case 'plan':
        await runWriter.write(...speech.end(), ...createTodoFacts(runWriter, update.steps));
        collectedUpdates.steps = update.steps;
        return;
      case 'call': {
        const { callId, name, family, args } = update;
        open.add(callId);
        await runWriter.write(...speech.end(), runWriter.calling({ callId, tool: family, function: name, args }));
        return;
      }
      case 'result': {
        const { callId, name, family, args, success, output, content, exitCode } = update;
        const isOpen = open.delete(callId) || runWriter.openCalls.some((call) => call.callId === callId);
        if (!isOpen) return;
        const call = { tool: family, function: name, args };
        const result = { success, output, content, ...(exitCode !== undefined && { exitCode }) };
        await runWriter.write(runWriter.called(callId, { ...call, ...result }));
      }
    }
  };
}

function nameOf({ command }: ExternalAgent): string {
  const program = command[0] === 'env' ? command.slice(1).find((word) => !word.includes('=')) : command[0];
  return `acp/${(program ?? 'agent').split('/').at(-1)}`;
}

function formatHistory(entries: readonly ConversationEntry[]): string {
  const lines = entries.flatMap(({ message }) =>
    message.role === 'tool' || message.text.trim() === ''
      ? []
      : [`${message.role === 'user' ? 'The user' : 'You'}: ${truncateEnd(message.text, maxRemembered / 10)}`],
  );
  const kept: string[] = [];
  let room = maxRemembered;
  for (const line of lines.toReversed()) {
    room -= line.length;
    if (room < 0) break;
    kept.unshift(line);
  }
  const left = lines.length > kept.length ? ' (its newest part)' : '';
  return kept.length === 0
    ? ''
    : `This conversation has an earlier part that you no longer have. Its messages${left}:\n\n${kept.join('\n\n')}\n\nIt goes on now:`;
}

function toUsageFacts(
  { runWriter, own }: ExternalRunContext,
  { tokens, cost, thoughts, model }: CollectedUpdates,
): SessionFact[] {
  if (tokens === 0 && thoughts === '' && cost === undefined) return [];
  const { runId } = runWriter;
  const counted = { inputTokens: Math.round(tokens), outputTokens: 0, ...(cost !== undefined && { cost }) };
  const data = {
    model: model ?? nameOf(own.agent),
    ...counted,
    purpose: 'work',
    ...(thoughts && { thoughts }),
  } as const;
  return [{ type: 'usage', runId, data }];
}

/** If any call is undecided, the run waits until all decisions have arrived. */
export async function decideExternalCalls(
  work: ExternalRunContext,
  { calls }: ToolCallsInput,
  signal: AbortSignal,
): Promise<readonly CallOutcome[]> {
  const outcomes: CallOutcome[] = [];
  for (const call of calls) {
    const permission = decidePermission(work, call);
    if (permission?.kind === 'ask') {
      outcomes.push({ ...permission, question: questionOf(call) });
      continue;
    }
    await using used = await work.sandbox.use(signal);
    if (call.verdict?.decision === 'approved') takeInApproval(work);
    const { callId, name, content = null } = call;
    // A call that the user changed is refused, because the agent would make the original call.
    const isAllowed = permission === undefined && call.verdict?.args === undefined;
    work.own.loops.decide(used.client, { callId, name, args: toLoggedArgs(call.args), content }, isAllowed);
    outcomes.push({ kind: 'permitted', act: createProgressEntry(call, { output: call.callId, success: true }) });
  }
  return outcomes;
}

/** A message that only approves a call is not a task for the agent. */
function takeInApproval({ runWriter }: ExternalRunContext): void {
  const [first] = runWriter.unheard;
  if (!first || parseVerdict(first.text).decision !== 'approved') return;
  const { messageId, text } = first;
  runWriter.takeIn(new Map([[messageId, { text, pictures: [], attached: [] }]]));
}

const questionOf = ({ name, confirm = '' }: PendingCall) =>
  `Allow ${name}?\n\n    ${confirm.replaceAll('\n', '\n    ')}\n\nReply "approve", or say no.`;
