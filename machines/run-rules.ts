import type { PlanStep, RunEndReason } from '../src/core/model/events.ts';
import { parseApprovalAnswer } from '../src/core/model/runs/approval-answer.ts';
import {
  type BudgetLine,
  findOverrun,
  isLimitReached,
  toBudgetLines,
  withMicroCost,
  zeroAmounts,
} from '../src/core/model/runs/budget.ts';
import type { GoalAssessment } from '../src/core/model/runs/goal.ts';
import { addAmounts, type BudgetOverrun } from '../src/core/model/spending.ts';
import type {
  ApprovalRequest,
  CallOutcome,
  PendingApproval,
  PendingCall,
  RunEnd,
  RunMachineContext,
  RunSpending,
  TurnResult,
  Verdict,
  Verdicts,
} from './run-types.ts';
import { computeProgressHistorySize, type ProgressEntry } from './stuck.ts';

export const zeroSpending: RunSpending = { turns: 0, tokens: 0, cost: 0 };

// without a plan, a text reply ends the run
export const hasReplied = ({ acts }: RunMachineContext) => acts.at(-1)?.kind === 'text';
export const hasUnseenInput = ({ injected, seen, sentBack }: RunMachineContext) => injected > seen || sentBack;
export const hasUnfinishedStep = ({ steps }: RunMachineContext) =>
  steps.some(({ status }) => status === 'pending' || status === 'running');

export function startNextStep(steps: readonly PlanStep[]): readonly PlanStep[] {
  if (steps.some(({ status }) => status === 'running')) return steps;
  const next = steps.find(({ status }) => status === 'pending');
  return steps.map((step) => (step === next ? { ...step, status: 'running' } : step));
}

export const withVerdicts = (calls: readonly PendingCall[], verdicts: Verdicts = {}): readonly PendingCall[] =>
  calls.map((call) => {
    const verdict = verdicts[call.callId];
    return verdict ? applyVerdict(call, verdict) : call;
  });

type RequestMarks = {
  readonly [Mark in 'reason' | 'byClient' | 'forWorker']?: ApprovalRequest[Mark] | undefined;
};
export const toPendingApproval = ({
  callId,
  function: tool,
  timeoutMs: remainingMs,
  reason,
  byClient,
  forWorker,
}: Pick<ApprovalRequest, 'callId' | 'function' | 'timeoutMs'> & RequestMarks): PendingApproval => ({
  callId,
  tool,
  remainingMs,
  ...(reason !== undefined && { isAlone: true }),
  ...((byClient || forWorker) && { client: byClient ? 'result' : 'permission' }),
});

export const applyVerdict = (call: PendingCall, verdict: Verdict): PendingCall => ({
  ...call,
  verdict,
  ...(verdict.args && { args: verdict.args }),
});

/** Excludes calls that were decided while other calls were running. */
export const findUnansweredCalls = (
  { calls, decided }: Pick<RunMachineContext, 'calls' | 'decided'>,
  outcomes: readonly CallOutcome[],
) =>
  outcomes.flatMap((outcome, n) =>
    outcome.kind === 'ask' && !decided.includes(calls[n]?.callId ?? '') ? [outcome] : [],
  );

/** Equal acts within one turn count as one, because the model saw no result in between. */
export function recordOutcomes(
  context: RunMachineContext,
  outcomes: readonly CallOutcome[],
): Partial<RunMachineContext> {
  const calls = context.calls.filter((_, n) => !isOver(outcomes[n]));
  const acts = outcomes.flatMap((outcome) => (isOver(outcome) ? [outcome.act] : []));
  const fresh = [...new Map(acts.map((act) => [JSON.stringify(act), act])).values()];
  const steps = outcomes.findLast((outcome) => outcome.kind === 'called' && outcome.steps !== undefined);
  const asking = findUnansweredCalls(context, outcomes);
  const [first] = asking;
  const unpaid = outcomes.find((outcome) => outcome.kind === 'unaffordable');
  return {
    calls,
    answered: false,
    toolCalls: context.toolCalls + outcomes.filter(({ kind }) => kind === 'called').length,
    ...(steps?.kind === 'called' && steps.steps && { steps: steps.steps }),
    acts: [...context.acts, ...fresh].slice(-computeProgressHistorySize(context.policy.stuck)),
    ...(unpaid && { ...toBudgetWait(unpaid.over), approvals: [] }),
    ...(first && {
      question: first.question,
      approvals: asking.flatMap(({ approval }) => approval ?? []),
      over: undefined,
      reason: first.approval ? 'approval' : 'question',
    }),
  };
}

const isOver = (
  outcome: CallOutcome | undefined,
): outcome is Extract<CallOutcome, { readonly kind: 'called' | 'permitted' }> =>
  outcome?.kind === 'called' || outcome?.kind === 'permitted';

export function parseVerdict(text: string): Verdict {
  const decision = parseApprovalAnswer(text);
  if (decision) return { decision };
  return { decision: /[?？؟]["'”’»)]*\s*$/.test(text) ? 'questioned' : 'rejected', text };
}

export const appendProgress = ({ acts, policy }: RunMachineContext, entry: ProgressEntry) =>
  [...acts, entry].slice(-computeProgressHistorySize(policy.stuck));

export function recordTurn(context: RunMachineContext, result: TurnResult): Partial<RunMachineContext> {
  if (result.kind === 'failed') return {};
  const spent = addAmounts(context.spent, result.spent);
  const granted = context.granted && result.spent.turns === 0;
  const created = 'toolCalls' in result ? (result.toolCalls ?? 0) : 0;
  const toolCalls = context.toolCalls + created;
  const base = { spent, granted, toolCalls, retries: 0, hint: undefined };
  if (result.kind === 'empty' || result.kind === 'full' || result.kind === 'unaffordable') return base;
  if (result.kind === 'judged') {
    const { goesBack, reason } = result;
    if (!goesBack) return { ...base, judged: { result: result.result, reason } };
    // the grader's reasons are new information, so earlier acts no longer count as repetitions
    return { ...base, sentBack: true, revisions: context.revisions + 1, acts: [], hinted: false };
  }
  if (result.kind === 'planned') {
    const acts =
      result.digest === undefined ? context.acts : appendProgress(context, { kind: 'text', text: result.digest });
    return { ...base, empties: 0, planned: true, steps: result.steps, calls: result.calls ?? [], acts };
  }
  if (result.kind === 'calls')
    return { ...base, empties: 0, calls: result.calls, ...(result.steps && { steps: result.steps }) };
  const acts = appendProgress(context, { kind: 'text', text: result.digest });
  return { ...base, empties: 0, concluded: result.answers === true, steps: result.steps, acts };
}

export function toFailedRunEnd(result: TurnResult): RunEnd {
  if (result.kind === 'failed') {
    const { code, message, retryable } = result;
    return { reason: 'failed', code, message, retryable };
  }
  return { reason: 'failed', code: 'empty_reply', message: 'The model returned only empty replies.', retryable: true };
}

export function withGoalAssessment({ goal, judged, round, end }: RunMachineContext): RunEnd {
  const known = end as RunEnd;
  if (!goal || known.goal) return known;
  const toUnjudgedGoal = { result: 'could_not_be_judged', reason: unjudgedReason(known) } as const;
  const isMade = known.reason === 'completed' && judged;
  return { ...known, goal: { ...(isMade ? judged : toUnjudgedGoal), rounds: round } };
}
const unjudgedReason = ({ reason }: Pick<RunEnd, 'reason'>): string =>
  reason === 'failed' ? 'The run failed before its goal was reached.' : 'The run ended before its goal was judged.';
export const toUnjudgedAssessment = (reason: RunEndReason, rounds = 0): GoalAssessment => ({
  result: 'could_not_be_judged',
  reason: unjudgedReason({ reason }),
  rounds,
});

/** `granted` exempts the next request from limits other than time and tool calls. */
export function toRunBudgetLines({
  spent,
  toolCalls,
  granted,
  overtime,
  policy,
}: RunMachineContext): readonly BudgetLine[] {
  const { ms, toolCalls: calls, ...limits } = policy.budget;
  const used = { ...withMicroCost(spent), toolCalls, time: overtime ? ms : 0 };
  return [{ ms }, granted ? {} : limits, { toolCalls: calls }].flatMap((budget) => toBudgetLines('run', budget, used));
}

/** A request larger than the remaining budget is refused later, when it is sent. */
export const findExhaustedBudget = (context: RunMachineContext): BudgetOverrun | undefined =>
  findOverrun(toRunBudgetLines(context), zeroAmounts);

const units = {
  turns: ' model turns',
  tokens: ' tokens',
  cost: '',
  toolCalls: ' tool calls',
  time: ' s',
  runningRuns: ' running runs',
} as const;
const names = {
  turns: 'budget',
  tokens: 'budget',
  cost: 'cost budget',
  toolCalls: 'budget',
  time: 'time budget',
  runningRuns: 'limit',
} as const;
const rounded = (n: number): number => Number(n.toPrecision(4));

const holders = {
  run: '',
  session: ' for the whole session',
  person: ' of this person',
  project: ' of this project',
  server: ' of the server',
  member: '',
} as const;
/** Whether other runs share the budget. If so, an answer cannot renew it. */
export const isSharedBudget = ({ scope }: Pick<BudgetOverrun, 'scope'>): boolean =>
  scope === 'person' || scope === 'project' || scope === 'server' || scope === 'member';

export const toBudgetWait = (over: BudgetOverrun | undefined) =>
  over ? { question: formatBudgetQuestion(over), reason: 'budget' as const, over } : {};

export function formatBudgetQuestion(over: BudgetOverrun): string {
  const { scope, kind, limit, used, needs, period, hard } = over;
  if (scope === 'member')
    return 'The owner of this session no longer has access to it, so I stopped. I will continue automatically once the owner has access again, or a maintainer of the project takes over the session.';
  const budget = `The ${names[kind]} of ${Math.round(limit * 1e4) / 1e4}${units[kind]}`;
  const whose = holders[scope] + (period ? ` for this ${period}` : '');
  if (kind === 'runningRuns')
    return `${budget}${whose} is reached. I will continue automatically once one of the runs ends, or an administrator raises the limit.`;
  const spent = kind === 'tokens' || kind === 'cost' || scope === 'session' ? ` (${rounded(used)} used)` : '';
  const what = isLimitReached(over)
    ? `${budget}${whose} is spent${spent}.`
    : kind === 'toolCalls'
      ? `${budget}${whose} is spent, or lent to sub-agents.`
      : `${budget}${whose} does not cover the next request, so it was not sent: ${rounded(used)} are used, and it needs about ${rounded(needs)} more.`;
  if (hard)
    return `${what} Replies cannot renew this budget. Raise the session's budget, and I will continue automatically.`;
  return isSharedBudget(over)
    ? `${what} I will continue automatically once an administrator raises it, or in the next ${period} (UTC).`
    : `${what} Send a message to let me continue.`;
}
