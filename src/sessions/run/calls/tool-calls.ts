import type { CallOutcome, CallsInput, PendingCall } from '../../../../machines/run.ts';
import type { ToolRegistry } from '../../../agents/tools/registry.ts';
import { throwIfFired } from '../../../core/concurrency/cancel.ts';
import { Semaphore } from '../../../core/concurrency/semaphore.ts';
import type { RunContext } from '../run-context.ts';
import { mustFollow } from './call-order.ts';
import { makeCall } from './tool-call.ts';

const maxAtOnce = 8;

/**
 * Makes the calls of one turn, at most eight at once; calls that depend on each other keep the model's order. A call that
 * asks a person stops none of the others. Rejects as a call does, after all others have stopped.
 */
export async function makeCalls(
  work: RunContext,
  { calls, answered }: CallsInput,
  signal: AbortSignal,
): Promise<readonly CallOutcome[]> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const slots = new Semaphore(maxAtOnce, { maxWaiting: 2_000, whenFull: 'Too many tool calls wait for their turn.' });
  const outcomes = inOrder(work.tools, calls, async (wanted, n): Promise<CallOutcome> => {
    using _slot = await slots.acquire(both);
    throwIfFired(both);
    return await makeCall(work, { call: wanted, answered: answered && n === 0 }, both);
  });
  try {
    return await Promise.all(outcomes);
  } catch (thrown) {
    stop.abort();
    await Promise.allSettled(outcomes);
    throw thrown;
  }
}

type CallMaker = (call: PendingCall, index: number) => Promise<CallOutcome>;

/** Starts each call once those that it must follow have results. A call behind one without a result is held. */
function inOrder(tools: ToolRegistry, calls: readonly PendingCall[], make: CallMaker): readonly Promise<CallOutcome>[] {
  const outcomes: Promise<CallOutcome>[] = [];
  for (const [n, wanted] of calls.entries()) {
    const before = outcomes.filter((_, at) => mustFollow(tools, wanted, calls[at] as PendingCall));
    const outcome = Promise.all(before).then((earlier) =>
      earlier.every(({ kind }) => kind === 'called') ? make(wanted, n) : ({ kind: 'held' } as const),
    );
    outcome.catch(() => {}); // the caller awaits all of them; this one may reject first
    outcomes.push(outcome);
  }
  return outcomes;
}
