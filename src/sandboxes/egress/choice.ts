import { deniesAll, type EgressChoice, type EgressRules, isRules } from '../../core/model/sandboxes/egress-choice.ts';
import { canonicalAddress, parseRange } from '../../core/text/address-range.ts';
import { chosenRanges } from './fetch/addresses.ts';
import { entryFor, type Permit, refuseTarget, type Verdict } from './policy.ts';
import type { Target } from './target.ts';

/**
 * The policy's permit within the choice of the session's creator. Where rules go by addresses, a name is allowed with a
 * condition: which addresses it has is known only once it is looked up for the connection.
 */
export function withinChoice(permit: Permit, choice: EgressChoice | undefined, target: Target): Verdict {
  if (choice === undefined) return permit;
  if (!isRules(choice)) return entryFor(choice, target) === undefined ? notChosen : permit;
  const { hosts, admits, admitsAny } = parsedRules(choice);
  if (entryFor(hosts, target) !== undefined) return permit;
  if (target.kind === 'address') return admits(target.host) ? permit : notChosen;
  return admitsAny ? { ...permit, admits } : notChosen;
}

/** Why a connection is refused whose addresses the rules of the session leave out. */
export const notChosen = refuseTarget(
  'not chosen',
  'this session was created for other hosts only',
  'Create a session whose egress has it, or ask the operator to allow it here.',
);

interface ParsedRules {
  readonly hosts: readonly string[];
  readonly admits: (address: string) => boolean;
  /** False: no address passes, so that names need not be looked up. */
  readonly admitsAny: boolean;
}
/** Rules are parsed once, and not for each connection: a list of some hundred ranges takes milliseconds. */
const parsed = new WeakMap<EgressRules, ParsedRules>();

function parsedRules(rules: EgressRules): ParsedRules {
  const known = parsed.get(rules);
  if (known) return known;
  const ranges = rules.allow.filter((text) => parseRange(text) !== undefined);
  const [allowed, denied] = [chosenRanges(ranges), chosenRanges(rules.deny)];
  const made = {
    hosts: rules.allow.filter((text) => !ranges.includes(text)),
    admits(text: string) {
      const address = canonicalAddress(text);
      return address !== undefined && (allowed(address) || !denied(address));
    },
    admitsAny: ranges.length > 0 || !deniesAll(rules),
  };
  parsed.set(rules, made);
  return made;
}
