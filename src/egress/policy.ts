import { parseAuthority, type Target } from './target.ts';

/** Equals the drivers' type, which this layer must not import. */
export type EgressPolicy =
  | { readonly kind: 'none' }
  | { readonly kind: 'registries' }
  | { readonly kind: 'allow-list'; readonly entries: readonly string[] }
  | { readonly kind: 'web' };

/** A host that one of the image's package managers is configured to use. */
export interface RegistryEntry {
  readonly host: string;
  readonly port: number;
  readonly for: string; // npm, pip, apt, go, cargo
}

/** `rule` goes to the session's log; `why` and `advice` to the client in the sandbox. */
export type Verdict =
  | { readonly allowed: true; readonly rule: string }
  | { readonly allowed: false; readonly rule: string; readonly why: string; readonly advice: string };

/** One entry of a list: `host` or `*.host`, with `:port` or for ports 80 and 443. */
export interface Entry {
  readonly text: string;
  readonly host: string;
  /** True for `*.host`: matches the subdomains of `host`, not `host` itself. */
  readonly below: boolean;
  readonly port: number | undefined;
}

const webPorts: readonly number[] = [80, 443];

export function parseEntry(text: string): Entry | undefined {
  const below = text.startsWith('*.');
  const bare = /^[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text) ? `[${text}]` : text;
  const target = parseAuthority(below ? text.slice(2) : bare, 80);
  if (!target || target.kind === 'odd' || (below && target.kind !== 'name')) return undefined;
  const port = /:\d+$/.test(bare) ? target.port : undefined;
  return { text, host: target.host, below, port };
}

/** Whether the policy allows the target. `registries` are the image's, `extra` the operator's `egress.registries`. */
export function decide(
  policy: EgressPolicy,
  lists: { registries: readonly RegistryEntry[]; extra: readonly Entry[] },
  target: Target,
): Verdict {
  if (target.kind === 'odd') {
    return no(
      'malformed host',
      'that is neither a host name nor an address in its usual notation',
      'Write it plainly.',
    );
  }
  switch (policy.kind) {
    case 'none':
      return no('none', "this session's policy is 'none'", 'Ask the operator for another egress policy.');
    case 'registries':
      return byRegistries(lists, target) ?? unlisted('registries', 'egress.registries');
    case 'allow-list':
      return byEntries(policy.entries, target) ?? unlisted('allow-list', 'egress.allow');
    case 'web':
      if (webPorts.includes(target.port)) return { allowed: true, rule: 'web' };
      return (
        byRegistries(lists, target) ??
        no('port not allowed', "policy 'web' opens ports 80 and 443 only", 'Ask the operator for an entry host:port.')
      );
  }
}

function byRegistries(
  { registries, extra }: { registries: readonly RegistryEntry[]; extra: readonly Entry[] },
  target: Target,
): Verdict | undefined {
  const found = registries.find(
    ({ host, port }) => host === target.host && (port === target.port || isWeb(port, target.port)),
  );
  if (found) return { allowed: true, rule: `registries: ${found.for}` };
  const added = extra.find((entry) => matches(entry, target));
  return added && { allowed: true, rule: `registries: ${added.text}` };
}

function byEntries(texts: readonly string[], target: Target): Verdict | undefined {
  const found = texts.find((text) => {
    const entry = parseEntry(text);
    return entry !== undefined && matches(entry, target);
  });
  return found === undefined ? undefined : { allowed: true, rule: `allow-list: ${found}` };
}

function matches({ host, below, port }: Entry, target: Target): boolean {
  if (port === undefined ? !webPorts.includes(target.port) : port !== target.port) return false;
  return below ? target.host.endsWith(`.${host}`) : host === target.host;
}

// A mirror at port 80 or 443 is allowed at both, because tools follow its redirects between them.
const isWeb = (listed: number, asked: number): boolean => webPorts.includes(listed) && webPorts.includes(asked);

const unlisted = (policy: string, setting: string): Verdict =>
  no('not listed', `not on the list of policy '${policy}'`, `Ask the operator to add it to ${setting}.`);

const no = (rule: string, why: string, advice: string): Verdict & { allowed: false } => ({
  allowed: false,
  rule,
  why,
  advice,
});
