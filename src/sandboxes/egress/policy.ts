import type { EgressRestriction } from '../../core/model/sandboxes/egress-choice.ts';
import { type EgressTarget, parseHostPort } from './target.ts';

/** Mirrors the drivers' type, which this layer must not import. */
export interface EgressPolicy {
  /** A key of `src/sandboxes/egress/policies/list.ts`. An unknown key refuses everything. */
  readonly kind: string;
  readonly entries?: readonly string[];
  /** Set by the session's creator. Absent: no further restriction. */
  readonly within?: EgressRestriction | undefined;
}

export interface EgressDecisionInput {
  readonly target: EgressTarget;
  readonly entries: readonly string[];
  readonly registries: readonly RegistryHost[];
  readonly extra: readonly PolicyEntry[];
}

export interface OperatorEgressLists {
  readonly entries: readonly string[];
  readonly registries: readonly string[];
}

/**
 * An egress policy. Its name is its key in `src/sandboxes/egress/policies/list.ts`.
 *
 * @example
 * const none: PolicyDescriptor = { label: 'nothing', strict: true, decide: () => toRefusedVerdict(rule, why, advice) };
 */
export interface PolicyDescriptor {
  readonly label: string;
  /** Shown to agents after the word `Network:`. If undefined, the label is shown. */
  forAgents?(lists: OperatorEgressLists): string;
  decide(policyRequest: EgressDecisionInput): EgressVerdict;
  /**
   * Refuses TLS without a readable name and, on ports 80 and 443, anything but TLS or HTTP. If false, a TLS name must
   * still match the target.
   */
  readonly strict: boolean;
  readonly usesEntries?: boolean;
  /** Allows the registries of the image's package managers, read once per image. */
  readonly learnsRegistries?: boolean;
}

export interface RegistryHost {
  readonly host: string;
  readonly port: number;
  readonly for: string; // npm, pip, apt, go or cargo
}

export interface EgressPermit {
  readonly allowed: true;
  readonly rule: string;
  /** Checks the connection's address. If absent, only the proxy's own address rules apply. */
  readonly admits?: ((address: string) => boolean) | undefined;
}
/** `rule` goes to the session's log, `why` and `advice` to the client in the sandbox. */
export type EgressVerdict =
  | EgressPermit
  | { readonly allowed: false; readonly rule: string; readonly why: string; readonly advice: string };

/** `host` or `*.host`, optionally with `:port`. Without a port, ports 80 and 443 match. */
export interface PolicyEntry {
  readonly text: string;
  readonly host: string;
  /** `*.host`: the subdomains of `host`, without `host` itself. */
  readonly below: boolean;
  readonly port: number | undefined;
}

export const webPorts: readonly number[] = [80, 443];
export const anyHostEntry: PolicyEntry = { text: '*', host: '', below: true, port: undefined };

export function parsePolicyEntry(text: string): PolicyEntry | undefined {
  const below = text.startsWith('*.');
  const isIpv6 = /^[0-9a-fA-F]*:[0-9a-fA-F:.]*$/.test(text) && text.indexOf(':') < text.lastIndexOf(':');
  const bare = isIpv6 ? `[${text}]` : text;
  const target = parseHostPort(below ? text.slice(2) : bare, 80);
  if (!target || target.kind === 'odd' || (below && target.kind !== 'name')) return undefined;
  const port = /:\d+$/.test(bare) ? target.port : undefined;
  return { text, host: target.host, below, port };
}

export function decideByRegistries({ registries, extra, target }: EgressDecisionInput): EgressVerdict | undefined {
  const found = registries.find(
    ({ host, port }) => host === target.host && (port === target.port || isWeb(port, target.port)),
  );
  if (found) return { allowed: true, rule: `registries: ${found.for}` };
  const added = extra.find((entry) => matchesTarget(entry, target));
  return added && { allowed: true, rule: `registries: ${added.text}` };
}

export function decideByEntries({ entries: texts, target }: EgressDecisionInput): EgressVerdict | undefined {
  const found = findMatchingEntry(texts, target);
  return found === undefined ? undefined : { allowed: true, rule: `allow-list: ${found}` };
}

export function decideBySessionEntries(entries: readonly string[], target: EgressTarget): EgressVerdict | undefined {
  const found = target.kind === 'odd' ? undefined : findMatchingEntry(entries, target);
  return found === undefined ? undefined : { allowed: true, rule: `this session: ${found}` };
}

export const findMatchingEntry = (texts: readonly string[], target: EgressTarget): string | undefined =>
  texts.find((text) => {
    const entry = parsePolicyEntry(text);
    return entry !== undefined && matchesTarget(entry, target);
  });

export function matchesTarget({ host, below, port }: PolicyEntry, target: EgressTarget): boolean {
  if (port === undefined ? !webPorts.includes(target.port) : port !== target.port) return false;
  if (host === '') return true;
  return below ? target.host.endsWith(`.${host}`) : host === target.host;
}

export function includesEntry({ host, below, port }: PolicyEntry, other: PolicyEntry): boolean {
  if (port === undefined ? !webPorts.includes(other.port ?? 80) : port !== other.port) return false;
  if (host === other.host) return below === other.below;
  return below && (host === '' || other.host.endsWith(`.${host}`));
}

// A mirror on port 80 or 443 is allowed on both, because tools follow redirects between them.
const isWeb = (listed: number, requested: number): boolean => webPorts.includes(listed) && webPorts.includes(requested);

export const toUnlistedVerdict = (policy: string, setting: string): EgressVerdict =>
  toRefusedVerdict('not listed', `not on the list of policy '${policy}'`, `Ask the operator to add it to ${setting}.`);

export const toRefusedVerdict = (rule: string, why: string, advice: string): EgressVerdict & { allowed: false } => ({
  allowed: false,
  rule,
  why,
  advice,
});
