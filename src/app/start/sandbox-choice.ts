import type { Driver } from '../../../drivers/driver.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SandboxOptions } from '../../core/model/records.ts';
import { type EgressRestriction, isEgressRules } from '../../core/model/sandboxes/egress-choice.ts';
import { type AddressRange, parseAddressRange } from '../../core/text/address-range.ts';
import { createRangeCheck, isUnreachableRange } from '../../sandboxes/egress/fetch/addresses.ts';
import { type PolicyEntry, parsePolicyEntry, webPorts } from '../../sandboxes/egress/policy.ts';
import { readMaxSandboxSize } from '../parts/session-configs.ts';
import type { Config } from '../settings/config.ts';

interface Limits {
  readonly config: Pick<Config, 'sandbox' | 'egress'>;
  readonly driver: Pick<Driver, 'name' | 'capabilities'>;
}

/** Throws invalid_request (malformed, over a limit, or changes an adopted sandbox) or unsupported (unenforceable). */
export function checkSandboxOptions(choice: SandboxOptions, { config, driver }: Limits): void {
  const { adopts, ...others } = choice;
  const [fixed] = Object.keys(others).filter((name) => name !== 'idleSeconds');
  if (adopts !== undefined && fixed !== undefined)
    throw bad(`adopt: ${adopts} is configured by its owner; omit all options of the sandbox (${fixed}).`);
  checkSize(choice, config.sandbox, driver);
  const { idleSeconds: most } = config.sandbox;
  if ((choice.idleSeconds ?? 0) > most) {
    throw bad(`idleSeconds: must be at most ${most}, the limit of this server (CORRAL_SANDBOX_IDLE_SECONDS).`);
  }
  if (choice.egress) checkEgress(choice.egress, config.egress, driver);
}

const enforced = { memory: 'memoryBytes', cpus: 'cpus' } as const;
const variables = {
  memory: 'CORRAL_SANDBOX_MAX_MEMORY or CORRAL_SANDBOX_MEMORY',
  cpus: 'CORRAL_SANDBOX_MAX_CPUS or CORRAL_SANDBOX_CPUS',
} as const;

function checkSize(
  choice: SandboxOptions,
  settings: Config['sandbox'],
  { name, capabilities }: Limits['driver'],
): void {
  for (const part of ['memory', 'cpus'] as const) {
    const target = choice[part];
    if (target === undefined) continue;
    if (!capabilities.limits.includes(enforced[part])) {
      throw cannot(`size.${part}: the driver ${name} cannot limit it for one sandbox here. Omit it.`);
    }
    const most = readMaxSandboxSize(settings)[part];
    if (target > most) throw bad(`size.${part}: ${target} exceeds the maximum, ${most} (${variables[part]}).`);
  }
}

function checkEgress(
  choice: EgressRestriction,
  settings: Config['egress'],
  { name, capabilities }: Limits['driver'],
): void {
  if (capabilities.egress !== 'enforced') {
    throw cannot(`egress: the driver ${name} cannot restrict network access here. Omit it.`);
  }
  if (!isEgressRules(choice)) {
    for (const text of choice) checkEntry(text, settings);
    return;
  }
  // Any range can be denied, because that only narrows the policy.
  for (const text of choice.deny) {
    if (!parseAddressRange(text))
      throw bad(`egress: '${text}' is not an address or range. Write it like 192.0.2.0/24.`);
  }
  for (const text of choice.allow) {
    const range = parseAddressRange(text);
    if (!range) checkEntry(text, settings);
    else if (!mayReach(range, settings)) throw beyond(text, settings);
  }
}

function checkEntry(text: string, settings: Config['egress']): void {
  const entry = parsePolicyEntry(text);
  if (!entry)
    throw bad(`egress: '${text}' is not a host. Write it like example.org, *.example.org or example.org:8443.`);
  if (!mayBeOpen(entry, settings.policy, settings.allow)) throw beyond(text, settings);
}

const beyond = (text: string, { policy }: Config['egress']) => {
  const why = `egress: the server's policy '${policy}' does not allow ${text}`;
  return bad(`${why}, and a session cannot exceed the policy. Ask the operator to change it (CORRAL_EGRESS_POLICY).`);
};

/** A host name on the allow list could resolve to any address. */
function mayReach({ text }: AddressRange, { policy, allow, allowRanges }: Config['egress']): boolean {
  if (policy === 'none' || isUnreachableRange(text, allowRanges)) return false;
  if (policy !== 'allow-list') return true;
  const isIn = createRangeCheck([text]);
  return allow
    .map(parsePolicyEntry)
    .some((own) => own && (own.below || !parseAddressRange(own.host) || isIn(own.host)));
}

/** `registries` accepts every entry, because an image's registries are unknown until a sandbox starts. */
function mayBeOpen(entry: PolicyEntry, policy: Config['egress']['policy'], allow: readonly string[]): boolean {
  if (policy === 'none') return false;
  if (policy === 'web') return entry.port === undefined || webPorts.includes(entry.port);
  if (policy === 'registries') return true;
  return allow.map(parsePolicyEntry).some((own) => own !== undefined && coversEntry(own, entry));
}

export function coversEntry(own: PolicyEntry, { host, below, port }: PolicyEntry): boolean {
  const isPort = own.port === port || (own.port === undefined && port !== undefined && webPorts.includes(port));
  if (!isPort) return false;
  if (own.below) return host.endsWith(`.${own.host}`) || (below && host === own.host);
  return !below && host === own.host;
}

const bad = (message: string) => new AppError('invalid_request', message);
const cannot = (message: string) => new AppError('unsupported', message);
