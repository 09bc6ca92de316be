import { posix } from 'node:path';
import type { CallOutcome, CallResult, PendingCall, ToolCallsInput } from '../../../../machines/run.ts';
import { notifyUserTool } from '../../../agents/tools/message.ts';
import { toModelText } from '../../../agents/tools/output.ts';
import { findOrderKey, resumeToolCall, runTool, type ToolRegistry } from '../../../agents/tools/registry.ts';
import { AskUserArgs, askUserTool, recallTool } from '../../../agents/tools/special.ts';
import { todoTool } from '../../../agents/tools/todo.ts';
import type { ToolContext, ToolResult } from '../../../agents/tools/tool.ts';
import { findToolFamily } from '../../../agents/tools/words.ts';
import { combineSignals, throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { Semaphore } from '../../../core/concurrency/semaphore.ts';
import { AppError, type ErrorCode, toAppError } from '../../../core/errors/errors.ts';
import { failpoint } from '../../../core/errors/failpoint.ts';
import type { ExternalToolResult } from '../../../core/model/events.ts';
import { SessionId } from '../../../core/model/ids.ts';
import type { BudgetOverrun } from '../../../core/model/spending.ts';
import { attachFiles } from '../context/attachments.ts';
import { recallMessages } from '../context/recall.ts';
import { splitInHalf } from '../plan.ts';
import { createProgressEntry } from '../progress.ts';
import type { RunContext } from '../run-context.ts';
import { createTodoFacts } from '../todo-facts.ts';
import { decidePermission, toLoggedArgs } from './approval.ts';

type Call = Pick<PendingCall, 'name' | 'args'>;
const runs: ReadonlySet<string> = new Set(['shell', 'code']);
const writing: ReadonlySet<string> = new Set(['file_write', 'file_str_replace', 'file_edit']);

export function mustRunAfter(tools: ToolRegistry, later: Call, earlier: Call): boolean {
  if (isBoundary(later) || isBoundary(earlier)) return true;
  const key = findOrderKey(tools, later);
  if (key !== null && key === findOrderKey(tools, earlier)) return true;
  if (runs.has(findToolFamily(later.name))) return writing.has(earlier.name);
  return runs.has(findToolFamily(earlier.name)) && mentions(earlier, toLoggedArgs(later.args).file);
}

const isBoundary = ({ name }: Call): boolean => name === askUserTool.name || name === todoTool.name;

const mentions = ({ args }: Call, file: unknown): boolean =>
  typeof file === 'string' && textOf(toLoggedArgs(args)).includes(posix.basename(file));
const textOf = ({ command, code }: Readonly<Record<string, unknown>>): string => String(command ?? code);

const maxAtOnce = 8;

/** Skips the first call over budget and later ones. If a call throws, stops the others and rethrows once all settle. */
export async function executeToolCalls(
  work: RunContext,
  { calls: requested, answered }: ToolCallsInput,
  signal: AbortSignal,
): Promise<readonly CallOutcome[]> {
  const { calls, over, giveBack } = await payFor(work.budget, requested, signal);
  work.budget.keepCalls(calls.length);
  const stop = new AbortController();
  const both = combineSignals([signal, stop.signal]);
  const slots = new Semaphore(maxAtOnce, { maxWaiting: 2_000, whenFull: 'Too many tool calls are waiting.' });
  const make: CallMaker = async (pendingCall, n) => {
    using _slot = await slots.acquire(both);
    throwIfAborted(both);
    return await executeToolCall(work, { call: pendingCall, answered: answered && n === 0 }, both);
  };
  const outcomes = inOrder(work, calls, make);
  try {
    const created = await Promise.all(outcomes);
    await giveBack(created);
    return over ? [...created, ...unpaid(requested.length - calls.length, over)] : created;
  } catch (thrown) {
    stop.abort();
    await Promise.allSettled(outcomes);
    throw thrown;
  }
}

interface PaidCallsOfTurn {
  readonly calls: readonly PendingCall[];
  readonly over: BudgetOverrun | undefined;
  giveBack(outcomes: readonly CallOutcome[]): Promise<void>;
}

/** Calls that began before a restart were already paid for. */
async function payFor(
  budget: RunContext['budget'],
  requested: readonly PendingCall[],
  signal: AbortSignal,
): Promise<PaidCallsOfTurn> {
  const own = budget.coveredCalls(requested.length);
  const covered = requested.slice(0, own.count);
  const isNew = ({ begun }: PendingCall) => !begun;
  const toPay = covered.filter(isNew).length;
  const paid = toPay === 0 ? undefined : await budget.shared?.payCalls(toPay, signal);
  let rest = paid?.count ?? toPay;
  const unpaidAt = covered.findIndex((call) => isNew(call) && rest-- === 0);
  const calls = unpaidAt < 0 ? covered : covered.slice(0, unpaidAt);
  const over = calls.length === requested.length ? undefined : (paid?.over ?? own.over);
  return {
    calls,
    over,
    async giveBack(outcomes) {
      const unmade = calls.filter((call, n) => isNew(call) && outcomes[n]?.kind !== 'called').length;
      if (paid && unmade > 0) await budget.shared?.giveBackCalls(unmade);
    },
  };
}

const unpaid = (count: number, over: BudgetOverrun): CallOutcome[] =>
  Array.from({ length: count }, (_, n) => (n === 0 ? { kind: 'unaffordable', over } : { kind: 'held' }));

type CallMaker = (call: PendingCall, index: number) => Promise<CallOutcome>;

/** Starts each call once its dependencies have results. Requests approval early while a dependency awaits approval. */
function inOrder(work: RunContext, calls: readonly PendingCall[], make: CallMaker): readonly Promise<CallOutcome>[] {
  const outcomes: Promise<CallOutcome>[] = [];
  for (const [n, pendingCall] of calls.entries()) {
    const before = outcomes.filter((_, at) => mustRunAfter(work.tools, pendingCall, calls[at] as PendingCall));
    const outcome = Promise.all(before).then(async (earlier): Promise<CallOutcome> => {
      if (earlier.every(({ kind }) => kind === 'called')) return await make(pendingCall, n);
      const isAskable = earlier.every((one) => one.kind === 'called' || (one.kind === 'ask' && one.approval));
      return (isAskable && (await requestApprovalInAdvance(work, pendingCall))) || { kind: 'held' };
    });
    outcome.catch(() => {}); // the caller awaits all outcomes; this one may reject first
    outcomes.push(outcome);
  }
  return outcomes;
}

async function executeToolCall(
  work: RunContext,
  { call: pendingCall, answered }: { readonly call: PendingCall; readonly answered: boolean },
  signal: AbortSignal,
): Promise<CallResult> {
  const { runWriter } = work;
  const permission = decidePermission(work, pendingCall);
  const announce = async () => {
    if (!pendingCall.begun && !runWriter.openCalls.some(({ callId }) => callId === pendingCall.callId))
      await runWriter.write(announced(work, pendingCall));
  };
  const failWith = async (error: AppError): Promise<never> => {
    await record(work, pendingCall, { ok: false, reason: 'failed', output: error.publicMessage });
    throw error;
  };
  if (permission?.kind === 'ask') {
    try {
      await work.prepare?.(signal); // do not ask for a decision on a call that cannot run
    } catch (thrown) {
      throwIfAborted(signal);
      await announce();
      return await failWith(toAppError(thrown));
    }
    await runWriter.write(); // writes deferred usage first, because the question shows the usage so far
    return await requestApprovalOnce(work, pendingCall, permission);
  }
  await announce();
  await failpoint('effect.intent.after');
  throwIfAborted(signal);
  if (permission) return await record(work, pendingCall, { ok: false, reason: 'failed', output: permission.why });
  const input = pendingCall.verdict?.result;
  if (input) return await record(work, pendingCall, answerOf(input));
  if (pendingCall.name === askUserTool.name) return await ask(work, pendingCall, answered);
  if (pendingCall.name === recallTool.name) {
    return await record(work, pendingCall, recallMessages(runWriter.transcript.messages, pendingCall.args));
  }
  let result: Performed;
  try {
    result = await perform(work, pendingCall, signal);
  } catch (thrown) {
    throwIfAborted(signal);
    const error = toAppError(thrown);
    if (!lost.has(error.code)) return await failWith(error);
    // The next call gets a new sandbox.
    result = {
      ok: false,
      reason: 'interrupted',
      output: `${error.publicMessage} Files are kept; look before you repeat it.`,
    };
    return await record(work, pendingCall, result, 'sandbox_lost');
  }
  throwIfAborted(signal);
  await failpoint('effect.outcome.before');
  return await record(work, pendingCall, result);
}

type Question = Extract<CallResult, { kind: 'ask' }>;

async function requestApprovalInAdvance(work: RunContext, call: PendingCall): Promise<Question | undefined> {
  const permission = decidePermission(work, call);
  return permission?.kind === 'ask' ? await requestApprovalOnce(work, call, permission) : undefined;
}

/** A request that was already made keeps its remaining time. */
async function requestApprovalOnce(
  { tools, memory, runWriter, clock }: RunContext,
  { callId, name, args, content }: PendingCall,
  question: Question,
): Promise<Question> {
  const { approval } = question;
  const requested = runWriter.findRequest(callId);
  if (approval && requested)
    return { ...question, approval: { ...approval, timeoutMs: Math.max(0, requested.expiresAt - clock.now()) } };
  if (content || !question.approval) return question;
  const proposed = await tools.find(name)?.proposal?.({ ...(memory && { memory }) }, args);
  return proposed ? { ...question, approval: { ...question.approval, content: proposed } } : question;
}

const answerOf = ({ output, isError, pictures }: ExternalToolResult): ToolResult => {
  const shown = { output, ...(pictures && { pictures }) };
  return isError ? { ok: false, reason: 'failed', ...shown } : { ok: true, ...shown };
};

const lost: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'sandbox_lost',
  'sandbox_unresponsive',
  'sandbox_not_found',
  'oom',
]);

const announced = ({ runWriter, tools }: RunContext, { callId, name, args }: PendingCall) => {
  const tool = tools.find(name);
  const family = tool?.family ?? findToolFamily(name);
  return runWriter.calling({ callId, tool: family, function: name, args: toLoggedArgs(args, tool) });
};

async function perform(
  work: RunContext,
  { callId, name, args, begun, verdict }: PendingCall,
  signal: AbortSignal,
): Promise<Performed> {
  const { runWriter, tools, toolTimeoutMs: timeoutMs, sandbox, gate, clock, skills, children, memory } = work;
  using live = runWriter.listen(callId);
  const base = {
    sessionId: work.sessionId,
    signal,
    clock,
    operationId: `${runWriter.runId}.${callId}`,
    runId: runWriter.runId,
    timeoutMs,
    ...(gate && { gate }),
    onOutput: (text: string) => live.hear(text),
    onChild: (child: string) => runWriter.childStarted(callId, { child: SessionId.parse(child), task: taskIn(args) }),
  };
  const needs = tools.find(name)?.needs ?? [];
  if (needs.length === 0) {
    return await runTool(tools, { ...base, sandbox: outside, plan: runWriter.steps }, { name, args });
  }
  if (needs.includes('skill') || needs.includes('children') || needs.includes('memory')) {
    const isApproved = verdict?.decision === 'approved';
    const lent = { isApproved, ...(skills && { skills }), ...(children && { children }), ...(memory && { memory }) };
    return await (begun ? resumeToolCall : runTool)(tools, { ...base, sandbox: outside, ...lent }, { name, args });
  }
  await using used = await sandbox.use(signal);
  if (work.files) await attachFiles(runWriter.transcript.attached, work.files, { client: used.client, signal });
  const { desktop, keepPicture, pullRequests } = work;
  const seeing = {
    ...(desktop && needs.includes('desktop') && { browser: desktop.browserOf(used.client) }),
    ...(keepPicture && { keepPicture: (picture: SeenPicture) => keepPicture(picture, signal) }),
    ...(pullRequests && needs.includes('repository') && { pullRequests }),
  };
  const ctx: ToolContext = { ...base, ...seeing, sandbox: used.client };
  const running = (begun ? resumeToolCall : runTool)(tools, ctx, { name, args });
  const result = await running.catch((thrown: unknown) => {
    if (lost.has(toAppError(thrown).code)) used.markLost?.();
    throw thrown;
  });
  const touchesFiles = ['file', 'shell'].includes(tools.find(name)?.family ?? '');
  const unkept = await work.keepMemories?.(used.client, signal);
  const nested = result.ok && touchesFiles ? await work.nestedNotes?.(used.client, args, signal) : undefined;
  const notes = [unkept, nested].filter((text) => text !== undefined).join('\n\n');
  return notes === '' ? result : { ...result, notes };
}

/** `notes`: only for the model, such as a folder's AGENTS.md. */
type Performed = ToolResult & { readonly notes?: string };

type SeenPicture = Parameters<NonNullable<ToolContext['keepPicture']>>[0];

/** Throws if a tool that declares no need for a sandbox uses one. */
const outside = new Proxy({} as ToolContext['sandbox'], {
  get: () => {
    throw new AppError('internal', 'A tool outside the sandbox touched it.');
  },
});

const questionTextOf = (args: unknown): string => AskUserArgs.safeParse(args).data?.text ?? '';

async function record(
  work: RunContext,
  { callId, name, args, begun, verdict, confirm }: PendingCall,
  result: Performed,
  why?: 'sandbox_lost',
): Promise<CallResult> {
  const { runWriter } = work;
  const changed = verdict?.args ? `The user changed the arguments of this call: ${JSON.stringify(args)}\n` : '';
  const notes = result.notes === undefined ? '' : `\n\n${result.notes}`;
  const output = `${changed}${toModelText(result)}${notes}`;
  const pictures = result.pictures?.map(({ file, mimeType }) => ({ file, mimeType }));
  // A call that began before a restart was already approved.
  const isConfirmed = confirm !== undefined && (verdict?.decision === 'approved' || (begun && !verdict));
  const message = {
    role: 'tool' as const,
    callId,
    name,
    output,
    success: result.ok,
    ...(pictures && { pictures }),
    ...(result.page !== undefined && { page: result.page }),
    ...(isConfirmed && { confirmed: true as const }),
  };
  runWriter.add({ runId: runWriter.runId, message });
  const reason = why ?? (result.ok ? undefined : shownReason(result.reason));
  // Writes the message and the call's result together, because a restart in between would repeat the message.
  const says = result.ok && name === notifyUserTool.name;
  await runWriter.write(
    ...(says ? runWriter.messageFacts(splitInHalf(questionTextOf(args))) : []),
    runWriter.called(callId, {
      success: result.ok,
      output: result.output,
      content: result.content ?? null,
      ...(pictures && { pictures }),
      ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
      ...(reason === undefined ? {} : { reason }),
    }),
    ...(result.skill ? [{ type: 'skill.read', runId: runWriter.runId, data: result.skill } as const] : []),
    ...(result.plan ? createTodoFacts(runWriter, result.plan.steps, result.plan.result) : []),
  );
  const act = createProgressEntry({ name, args }, message);
  return { kind: 'called', act, ...(result.plan && { steps: result.plan.steps }) };
}

const taskIn = (args: unknown): string => (String(toLoggedArgs(args).task).split('\n')[0] ?? '').slice(0, 200);

type Reason = Extract<ToolResult, { ok: false }>['reason'];
const shownReason = (reason: Reason) =>
  reason === 'timed_out' || reason === 'oom' || reason === 'cancelled' || reason === 'interrupted' ? reason : undefined;

async function ask(work: RunContext, pendingCall: PendingCall, answered: boolean): Promise<CallResult> {
  const { runWriter } = work;
  const parsed = AskUserArgs.safeParse(pendingCall.args);
  if (!parsed.success) {
    return await record(work, pendingCall, {
      ok: false,
      reason: 'bad_arguments',
      output: 'message_ask_user needs a text.',
    });
  }
  const answer = runWriter.unheard.at(-1);
  if (answer && (answered || pendingCall.begun))
    return await record(work, pendingCall, { ok: true, output: answer.text });
  return { kind: 'ask', question: parsed.data.text };
}
