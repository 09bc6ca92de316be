import { withinChoice } from './choice.ts';
import { policyOf } from './policies/list.ts';
import { type EgressPolicy, type PolicyRequest, refuseTarget, type Verdict } from './policy.ts';

/** Whether the policy allows the target. `registries` are the image's, `extra` the operator's `egress.registries`. */
export function decide(
  { kind, entries = [], within }: EgressPolicy,
  lists: Pick<PolicyRequest, 'registries' | 'extra'>,
  target: PolicyRequest['target'],
): Verdict {
  if (target.kind === 'odd') {
    return refuseTarget(
      'malformed host',
      'that is neither a host name nor an address in its usual notation',
      'Write it plainly.',
    );
  }
  const policy = policyOf(kind);
  if (!policy)
    return refuseTarget(
      'unknown policy',
      `there is no policy '${kind}'`,
      'Ask the operator for another egress policy.',
    );
  const verdict = policy.decide({ ...lists, entries, target });
  return verdict.allowed ? withinChoice(verdict, within, target) : verdict;
}
