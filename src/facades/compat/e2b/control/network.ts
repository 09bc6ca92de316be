import { z } from 'zod';
import {
  allAddressRanges,
  deniesByDefault,
  type EgressRestriction,
  isEgressRules,
} from '../../../../core/model/sandboxes/egress-choice.ts';
import { fullAddressRanges, parseAddressRange } from '../../../../core/text/address-range.ts';
import { badRequestError } from './parsed.ts';
import { HeaderRulesInput } from './rules.ts';

const egress = {
  allowOut: z.array(z.string().max(300)).max(200).nullish(),
  denyOut: z.array(z.string().max(300)).max(200).nullish(),
  dnsServers: z.unknown().optional(),
  egressProxy: z.unknown().optional(),
  rules: HeaderRulesInput.nullish(),
};
export const NewSandboxNetwork = z.object({
  ...egress,
  allowPublicTraffic: z.boolean().default(true),
  maskRequestHost: z.string().max(255).optional(),
  httpsPorts: z.array(z.int()).optional(),
});
/** Replaces all rules: a missing field removes its rules. */
export const NetworkUpdate = z.object({ ...egress, allow_internet_access: z.boolean().nullish() });
interface RequestedRules {
  readonly allowOut?: readonly string[] | null | undefined;
  readonly denyOut?: readonly string[] | null | undefined;
}

const allTraffic = fullAddressRanges.ipv4;
const hostName = /^(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+$/i;
/** IP addresses in unusual notations, such as 127.1 or 0x7f.1. */
const oddAddress = /(^|\.)(\d+|0x[0-9a-f]*)$/i;

/** Undefined if only the server's policy applies. Throws: invalid_request. */
export function toEgressRestriction(
  allowed: boolean | null | undefined,
  rules: RequestedRules,
): EgressRestriction | undefined {
  const allow = [...new Set(rules.allowOut?.map(allowedTarget))];
  const deny = [...new Set(rules.denyOut?.map(deniedRange))];
  // An allowed target always takes precedence over a denied one.
  if (allow.includes(allTraffic)) return undefined;
  const isClosed = allowed === false || deny.some((range) => allAddressRanges.includes(range));
  if (!isClosed) return deny.length > 0 ? { allow, deny } : undefined;
  return allow.some((one) => parseAddressRange(one)) ? { allow, deny: allAddressRanges } : allow;
}

function allowedTarget(text: string): string {
  const range = parseAddressRange(text);
  if (range) return range.text;
  if (hostName.test(text) && !oddAddress.test(text)) return text;
  throw badRequestError(
    `network.allowOut can list names of hosts, addresses and ranges such as 192.0.2.0/24, not ${text}.`,
  );
}

function deniedRange(text: string): string {
  const range = parseAddressRange(text);
  if (range) return range.text;
  throw badRequestError(`network.denyOut can list addresses and ranges such as 192.0.2.0/24, not ${text}.`);
}

export function toEgressRulesView(choice: EgressRestriction): {
  readonly allowOut?: readonly string[];
  readonly denyOut: readonly string[];
} {
  if (!isEgressRules(choice)) return { allowOut: choice, denyOut: [allTraffic] };
  const denyOut = deniesByDefault(choice) ? [allTraffic] : choice.deny;
  return { ...(choice.allow.length > 0 && { allowOut: choice.allow }), denyOut };
}

/** Throws: invalid_request, naming the first field that this server does not support. */
export function rejectUnsupportedFields(input: object, names: readonly string[], prefix = ''): void {
  for (const name of names) {
    const value = (input as Record<string, unknown>)[name];
    const isEmpty =
      value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
    if (!isEmpty) throw badRequestError(`${prefix}${name} is not available here.`);
  }
}
export const unsupportedNetworkFields = ['egressProxy', 'dnsServers'] as const;
