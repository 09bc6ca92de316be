import { posix } from 'node:path';
import type { CallOutcome, PendingCall, ToolCallsInput } from '../../../../machines/run.ts';
import { findOrderKey, type ToolRegistry } from '../../../agents/tools/registry.ts';
import { askUserTool } from '../../../agents/tools/special.ts';
import { todoTool } from '../../../agents/tools/todo.ts';
import { findToolFamily } from '../../../agents/tools/words.ts';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { Semaphore } from '../../../core/concurrency/semaphore.ts';
import type { BudgetOverrun } from '../../../core/model/spending.ts';
import type { RunContext } from '../run-context.ts';
import { toLoggedArgs } from './approval.ts';
import { executeToolCall, requestApprovalInAdvance } from './tool-call.ts';

type Call = Pick<PendingCall, 'name' | 'args'>;
const runs: ReadonlySet<string> = new Set(['shell', 'code']);
const writing: ReadonlySet<string> = new Set(['file_write', 'file_str_replace', 'file_edit']);

/**
 * Whether a call waits for an earlier call of the turn. Calls wait if they share an order key, or form a dependent pair, such as
 * a write and a command. Questions and plan changes wait for all earlier calls, and later calls wait for them.
 */
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

/**
 * Makes up to eight calls in parallel; dependent calls keep the model's order. A call that waits for approval does not stop the
 * others. The first call that exceeds the budget and all later calls are not made. A call that rejects stops the others; its
 * rejection is thrown once all have settled.
 */
export async function executeToolCalls(
  work: RunContext,
  { calls: requested, answered }: ToolCallsInput,
  signal: AbortSignal,
): Promise<readonly CallOutcome[]> {
  const { calls, over, giveBack } = await payFor(work.budget, requested, signal);
  work.budget.keepCalls(calls.length);
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const slots = new Semaphore(maxAtOnce, { maxWaiting: 2_000, whenFull: 'Too many tool calls wait for their turn.' });
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

/**
 * Starts each call once the calls it follows have results. If one of those waits for approval, this call requests its own
 * approval early, or is held if it follows a question or needs no approval.
 */
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
