import type { Duplex } from 'node:stream';
import type { SessionId } from '../../core/model/ids.ts';
import {
  deniesByDefault,
  type EgressRestriction,
  type EgressRules,
  isEgressRules,
} from '../../core/model/sandboxes/egress-choice.ts';
import { parseAddressRange, toCanonicalAddress } from '../../core/text/address-range.ts';
import type { EgressClient } from './client.ts';
import { createTranslationAwareRangeCheck } from './fetch/addresses.ts';
import { type Connector, guardedConnect } from './fetch/guarded-fetch.ts';
import { findEgressPolicy } from './policies/list.ts';
import {
  decideBySessionEntries,
  type EgressDecisionInput,
  type EgressPermit,
  type EgressPolicy,
  type EgressVerdict,
  findMatchingEntry,
  type PolicyEntry,
  type RegistryHost,
  toRefusedVerdict,
} from './policy.ts';
import { EgressRefusal } from './refusal.ts';
import { type EgressTarget, toEgressTarget } from './target.ts';

function withinChoice(
  permit: EgressPermit,
  choice: EgressRestriction | undefined,
  target: EgressTarget,
): EgressVerdict {
  if (choice === undefined) return permit;
  if (!isEgressRules(choice)) return findMatchingEntry(choice, target) === undefined ? notChosen : permit;
  const { hosts, admits, admitsAny } = parsedRules(choice);
  if (findMatchingEntry(hosts, target) !== undefined) return permit;
  if (target.kind === 'address') return admits(target.host) ? permit : notChosen;
  return admitsAny ? { ...permit, admits } : notChosen;
}

const notChosen = toRefusedVerdict(
  'not chosen',
  'it is not among the hosts that this session was created for',
  'Create a session whose egress allows it, or ask the operator to allow it here.',
);

interface ParsedRules {
  readonly hosts: readonly string[];
  readonly admits: (address: string) => boolean;
  readonly admitsAny: boolean;
}
/** Parsed once, because parsing a few hundred ranges takes milliseconds. */
const parsed = new WeakMap<EgressRules, ParsedRules>();

function parsedRules(rules: EgressRules): ParsedRules {
  const known = parsed.get(rules);
  if (known) return known;
  const ranges = rules.allow.filter((text) => parseAddressRange(text) !== undefined);
  const [allowed, denied] = [createTranslationAwareRangeCheck(ranges), createTranslationAwareRangeCheck(rules.deny)];
  const created = {
    hosts: rules.allow.filter((text) => !ranges.includes(text)),
    admits(text: string) {
      const address = toCanonicalAddress(text);
      return address !== undefined && (allowed(address) || !denied(address));
    },
    admitsAny: ranges.length > 0 || !deniesByDefault(rules),
  };
  parsed.set(rules, created);
  return created;
}

/** `registries` come from the image, `extra` from the operator's `egress.registries`. */
export function decideByPolicy(
  { kind, entries = [], within }: EgressPolicy,
  lists: Pick<EgressDecisionInput, 'registries' | 'extra'>,
  target: EgressDecisionInput['target'],
): EgressVerdict {
  if (target.kind === 'odd') {
    return toRefusedVerdict(
      'malformed host',
      'that is neither a host name nor an address in its usual notation',
      'Use the usual notation.',
    );
  }
  const policy = findEgressPolicy(kind);
  if (!policy)
    return toRefusedVerdict(
      'unknown policy',
      `there is no policy '${kind}'`,
      'Ask the operator for another egress policy.',
    );
  const verdict = policy.decide({ ...lists, entries, target });
  return verdict.allowed ? withinChoice(verdict, within, target) : verdict;
}

export interface EgressRuleSources {
  readPolicy(sessionId: SessionId): EgressPolicy | Promise<EgressPolicy>;
  readRegistries(sessionId: SessionId): readonly RegistryHost[] | Promise<readonly RegistryHost[]>;
  readonly extra: readonly PolicyEntry[];
  /** Entries for this session only. */
  allowedIn?(sessionId: SessionId): Promise<readonly string[]>;
}

export type UpstreamResult =
  | { readonly kind: 'refused'; readonly refusal: EgressRefusal }
  | {
      readonly kind: 'open';
      readonly upstream: Duplex;
      readonly strict: boolean;
      readonly mayName: (name: string) => boolean;
    };

export async function readSessionRules(rules: EgressRuleSources, sessionId: SessionId, first: EgressTarget) {
  const policy = await rules.readPolicy(sessionId);
  const registries = await rules.readRegistries(sessionId);
  const byPolicy = (target: EgressTarget) => decideByPolicy(policy, { registries, extra: rules.extra }, target);
  const verdict = byPolicy(first);
  const needsNoList = policy.kind === 'none' || (verdict.allowed && !verdict.admits);
  const entries = needsNoList ? [] : ((await rules.allowedIn?.(sessionId)) ?? []);
  return { policy, verdictOn: (target: EgressTarget) => decideBySessionEntries(entries, target) ?? byPolicy(target) };
}

export type UpstreamOpener = (client: EgressClient, target: EgressTarget) => Promise<UpstreamResult>;

export function createUpstreamOpener(rules: EgressRuleSources, via: Connector): UpstreamOpener {
  return async (client, target) => {
    const decided = async () => {
      const { changes } = client; // read before the rules, so that a concurrent change is detected
      return { changes, ...(await readSessionRules(rules, client.sessionId, target)) };
    };
    let now = await decided();
    const refuse = (rule: string, refusal: EgressRefusal): UpstreamResult => {
      client.tell(target, 'refused', rule);
      return { kind: 'refused', refusal };
    };
    const refuseBy = ({ rule, why, advice }: EgressVerdict & { allowed: false }) =>
      refuse(rule, EgressRefusal.of(target, why, advice));

    const verdict = now.verdictOn(target);
    if (!verdict.allowed) return refuseBy(verdict);
    if (client.overVolume) {
      return refuse(
        'volume',
        new EgressRefusal(429, "this session's traffic limit for this hour is used up. Try again later."),
      );
    }
    const connected = await guardedConnect({ ...via, admits: verdict.admits }, target, client.gone);
    if (connected.kind === 'private') {
      const why = 'it is at a private or reserved address, which no policy opens';
      return refuse('private address', EgressRefusal.of(target, why, 'Ask the operator about egress.allowRanges.'));
    }
    if (connected.kind === 'left out') return refuseBy(notChosen);
    if (connected.kind === 'failed') {
      client.tell(target, 'allowed', verdict.rule);
      return { kind: 'refused', refusal: EgressRefusal.failed(target, connected.why, connected.timedOut) };
    }
    const { socket, address } = connected;
    const upstream = socket.on('error', () => {}); // handled by the `close` event that follows
    client.owns(upstream);
    // Rechecks cover only open connections, so this new one is checked after each rule change.
    while (now.changes !== client.changes) {
      now = await decided();
      const again = now.verdictOn(target);
      if (isAddressAllowed(again, address)) continue;
      upstream.destroy();
      return refuseBy(again.allowed ? notChosen : again);
    }
    client.tell(target, 'allowed', verdict.rule);
    client.address = address;
    const { policy, verdictOn } = now;
    return {
      kind: 'open',
      upstream,
      strict: findEgressPolicy(policy.kind)?.strict ?? true,
      mayName: (name) => isAddressAllowed(verdictOn(toEgressTarget(name, target.port)), address),
    };
  };
}

export const isAddressAllowed = (verdict: EgressVerdict, address: string | undefined): boolean =>
  verdict.allowed && (address === undefined || (verdict.admits?.(address) ?? true));
