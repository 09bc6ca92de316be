import type { CallDecision } from '../src/core/model/runs/session-command.ts';
import type { PendingApproval, Verdict, Verdicts } from './run.ts';
import type { SessionCommand } from './session-types.ts';

interface DecisionOutcome {
  readonly taken: readonly { readonly callId: string; readonly verdict: Verdict }[];
  readonly approvals: readonly PendingApproval[];
}

export const listDecisions = ({
  type: _,
  commandId: __,
  by: ___,
  also = [],
  ...first
}: Extract<SessionCommand, { type: 'cmd.decide' }>): readonly CallDecision[] => [first, ...also];

export function applyDecisions(
  waiting: readonly PendingApproval[],
  decisions: readonly CallDecision[],
): DecisionOutcome {
  let approvals = waiting;
  const taken: { callId: string; verdict: Verdict }[] = [];
  for (const { callId, always, ...decision } of decisions) {
    const one = approvals.find((it) => it.callId === callId);
    if (!one || (decision.result && one.client !== 'result')) continue;
    taken.push({ callId, verdict: { ...decision, ...(always && { always: one.tool }) } });
    // "Always" also covers the tool's other pending calls.
    const covered = always
      ? approvals.filter((it) => it !== one && it.tool === one.tool && !it.isAlone && !it.client)
      : [];
    for (const it of covered) taken.push({ callId: it.callId, verdict: { decision: decision.decision } });
    const isForWorker = one.client === 'permission' && decision.decision === 'approved';
    approvals = approvals.flatMap((it) => {
      if (it === one) return isForWorker ? [{ ...it, client: 'result' as const }] : [];
      return covered.includes(it) ? [] : [it];
    });
  }
  return { taken, approvals };
}

export const verdictsOf = ({ taken }: Pick<DecisionOutcome, 'taken'>): Verdicts =>
  Object.fromEntries(taken.map(({ callId, verdict }) => [callId, verdict]));
