import { z } from 'zod';
import { fullAddressRanges } from '../../text/address-range.ts';

/**
 * Narrows the server's egress policy. `allow` overrides `deny`; targets in neither list are allowed. Hosts outside
 * `allow` are checked by their addresses.
 */
export const EgressRules = z.object({
  /** Hosts (`host`, `*.host`), addresses and ranges such as 192.0.2.0/24. `deny` cannot contain hosts. */
  allow: z.array(z.string()).readonly(),
  deny: z.array(z.string()).readonly(),
});
export type EgressRules = z.infer<typeof EgressRules>;

/** Either the only hosts that the sandbox can reach (none if empty), or rules. */
export const EgressRestriction = z.union([z.array(z.string()).readonly(), EgressRules]);
export type EgressRestriction = z.infer<typeof EgressRestriction>;

/** Needed because `Array.isArray` does not narrow a readonly array. */
export const isEgressRules = (choice: EgressRestriction | undefined): choice is EgressRules =>
  choice !== undefined && 'deny' in choice;

export const allAddressRanges: readonly string[] = Object.values(fullAddressRanges);

export const deniesByDefault = (choice: EgressRestriction): boolean =>
  !isEgressRules(choice) || allAddressRanges.every((range) => choice.deny.includes(range));

export const isEgressClosed = (choice: EgressRestriction | undefined): boolean =>
  choice !== undefined && !isEgressRules(choice) && choice.length === 0;
