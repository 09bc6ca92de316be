import type { Duplex } from 'node:stream';
import type { SessionId } from '../../core/model/ids.ts';
import { notChosen } from './choice.ts';
import type { Client } from './client.ts';
import { decide } from './decide.ts';
import { type Connector, guardedConnect } from './fetch/guarded-connect.ts';
import { policyOf } from './policies/list.ts';
import { bySession, type EgressPolicy, type Entry, type RegistryEntry, type Verdict } from './policy.ts';
import { Refusal } from './refusal.ts';
import { type Target, targetOf } from './target.ts';

export interface Rules {
  policyOf(sessionId: SessionId): EgressPolicy | Promise<EgressPolicy>;
  registriesOf(sessionId: SessionId): readonly RegistryEntry[] | Promise<readonly RegistryEntry[]>;
  readonly extra: readonly Entry[];
  /** The entries that an operator allowed in this session alone. Asked only about a host that the policy or its addresses can refuse. */
  allowedIn?(sessionId: SessionId): Promise<readonly string[]>;
}

export type OpenedUpstream =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | {
      readonly kind: 'open';
      readonly upstream: Duplex;
      /** The same as in `PolicyDescriptor`. */
      readonly strict: boolean;
      /** Whether the session's policy allows this name at the same port. */
      readonly mayName: (name: string) => boolean;
    };

/** The verdicts by the rules of a session as they are now. */
export async function sessionVerdicts(rules: Rules, sessionId: SessionId, first: Target) {
  const policy = await rules.policyOf(sessionId);
  const registries = await rules.registriesOf(sessionId);
  const byPolicy = (target: Target) => decide(policy, { registries, extra: rules.extra }, target);
  const verdict = byPolicy(first);
  const needsNoList = policy.kind === 'none' || (verdict.allowed && !verdict.admits);
  const entries = needsNoList ? [] : ((await rules.allowedIn?.(sessionId)) ?? []);
  return { policy, verdictOn: (target: Target) => bySession(entries, target) ?? byPolicy(target) };
}

export type OpenUpstream = (client: Client, target: Target) => Promise<OpenedUpstream>;

/**
 * Handles one connection request of a sandbox: decides, resolves, checks, connects, and reports the decision to the
 * session's log.
 */
export function upstreamOpener(rules: Rules, via: Connector): OpenUpstream {
  return async (client, target) => {
    const decided = async () => {
      const { changes } = client; // read before the rules, so that a change while they are read is noticed
      return { changes, ...(await sessionVerdicts(rules, client.sessionId, target)) };
    };
    let now = await decided();
    const refuse = (rule: string, refusal: Refusal): OpenedUpstream => {
      client.tell(target, 'refused', rule);
      return { kind: 'refused', refusal };
    };
    const refuseBy = ({ rule, why, advice }: Verdict & { allowed: false }) =>
      refuse(rule, Refusal.of(target, why, advice));

    const verdict = now.verdictOn(target);
    if (!verdict.allowed) return refuseBy(verdict);
    if (client.overVolume) {
      return refuse('volume', new Refusal(429, "this session's volume for this hour is used up. Try again later."));
    }
    const connected = await guardedConnect({ ...via, admits: verdict.admits }, target, client.gone);
    if (connected.kind === 'private') {
      const why = 'it is at a private or reserved address, which no policy opens';
      return refuse('private address', Refusal.of(target, why, 'Ask the operator about egress.allowRanges.'));
    }
    if (connected.kind === 'left out') return refuseBy(notChosen);
    if (connected.kind === 'failed') {
      client.tell(target, 'allowed', verdict.rule);
      return { kind: 'refused', refusal: Refusal.failed(target, connected.why, connected.timedOut) };
    }
    const { socket, address } = connected;
    const upstream = socket.on('error', () => {}); // the `close` event reports the end
    client.owns(upstream);
    // A recheck closes open connections only, and this one was still to open.
    while (now.changes !== client.changes) {
      now = await decided();
      const again = now.verdictOn(target);
      if (admitsAt(again, address)) continue;
      upstream.destroy();
      return refuseBy(again.allowed ? notChosen : again);
    }
    client.tell(target, 'allowed', verdict.rule);
    client.address = address;
    const { policy, verdictOn } = now;
    return {
      kind: 'open',
      upstream,
      strict: policyOf(policy.kind)?.strict ?? true,
      mayName: (name) => admitsAt(verdictOn(targetOf(name, target.port)), address),
    };
  };
}

/** Whether the verdict allows a connection to its target at this address; undefined: at no address yet. */
export const admitsAt = (verdict: Verdict, address: string | undefined): boolean =>
  verdict.allowed && (address === undefined || (verdict.admits?.(address) ?? true));
