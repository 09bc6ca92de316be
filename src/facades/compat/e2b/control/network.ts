import { isIP } from 'node:net';
import { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';
import { NetworkRules } from './rules.ts';

const egress = {
  allowOut: z.array(z.string().max(300)).max(200).nullish(),
  denyOut: z.array(z.string().max(300)).max(200).nullish(),
  dnsServers: z.unknown().optional(),
  egressProxy: z.unknown().optional(),
  rules: NetworkRules.nullish(),
};
/** The network of a new sandbox. */
export const NewNetwork = z.object({
  ...egress,
  allowPublicTraffic: z.boolean().default(true),
  maskRequestHost: z.string().max(255).optional(),
  httpsPorts: z.array(z.int()).optional(),
});
/** New rules of a sandbox, in place of all earlier ones: a field that is not there is cleared. */
export const NetworkUpdate = z.object({ ...egress, allow_internet_access: z.boolean().nullish() });
export interface EgressRules {
  readonly allowOut?: readonly string[] | null | undefined;
  readonly denyOut?: readonly string[] | null | undefined;
}

const everything: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0']);
const hostName = /^(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+$/i;

/** The only hosts that a program wants to be reached; undefined: all that the server's policy opens. */
export function egressOf(allowed: boolean | null | undefined, rules: EgressRules): readonly string[] | undefined {
  const [allowOut, denyOut] = [rules.allowOut ?? [], rules.denyOut ?? []];
  const other = denyOut.find((one) => !everything.has(one));
  if (other !== undefined) throw bad(`network.denyOut can deny everything (0.0.0.0/0), not ${other} alone.`);
  const hosts = allowOut.filter((one) => !everything.has(one)).map(hostOf);
  // An allowed target always precedes a denied one.
  if (hosts.length < allowOut.length) return undefined;
  return allowed === false || denyOut.length > 0 ? hosts : undefined;
}

/** A name, or one address: a range of them cannot be an entry of the server's lists. */
function hostOf(one: string): string {
  const [address = '', bits] = one.split('/');
  const kind = isIP(address);
  if (kind !== 0 && (bits === undefined || bits === (kind === 4 ? '32' : '128'))) return address;
  if (kind === 0 && hostName.test(one)) return one;
  throw bad(`network.allowOut can list names of hosts and single addresses, not ${one}.`);
}

/** Rejects with invalid_request what this server cannot do for a sandbox, by its name. */
export function refuseFields(given: object, names: readonly string[], prefix = ''): void {
  for (const name of names) {
    const value = (given as Record<string, unknown>)[name];
    const isEmpty =
      value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
    if (!isEmpty) throw bad(`${prefix}${name} is not available here.`);
  }
}
export const unavailableRules = ['egressProxy', 'dnsServers'] as const;

const bad = (message: string) => new AppError('invalid_request', message);
