import { policyOf } from './policies/list.ts';
import { type Asked, type EgressPolicy, no, type Verdict } from './policy.ts';

/** Whether the policy allows the target. `registries` are the image's, `extra` the operator's `egress.registries`. */
export function decide(
  { kind, entries = [] }: EgressPolicy,
  lists: Pick<Asked, 'registries' | 'extra'>,
  target: Asked['target'],
): Verdict {
  if (target.kind === 'odd') {
    return no(
      'malformed host',
      'that is neither a host name nor an address in its usual notation',
      'Write it plainly.',
    );
  }
  const policy = policyOf(kind);
  if (!policy)
    return no('unknown policy', `there is no policy '${kind}'`, 'Ask the operator for another egress policy.');
  return policy.decide({ ...lists, entries, target });
}
