import {
  decideByEntries,
  decideByRegistries,
  type PolicyDescriptor,
  toRefusedVerdict,
  toUnlistedVerdict,
  webPorts,
} from '../policy.ts';

const webPolicy: PolicyDescriptor = {
  label: 'every public host on ports 80 and 443, plus the hosts of registries',
  forAgents: () =>
    'public hosts on ports 80 and 443, through the proxy that the environment variables name. Private addresses are refused.',
  strict: false,
  decide(policyRequest) {
    if (webPorts.includes(policyRequest.target.port)) return { allowed: true, rule: 'web' };
    return (
      decideByRegistries(policyRequest) ??
      toRefusedVerdict(
        'port not allowed',
        "policy 'web' opens ports 80 and 443 only",
        'Ask the operator for an entry host:port.',
      )
    );
  },
};

const allowListPolicy: PolicyDescriptor = {
  label: 'only the entries of egress.allow',
  forAgents: ({ entries }) =>
    entries.length === 0
      ? 'closed. Nothing outside of the sandbox can be reached.'
      : `open only for ${entries.join(', ')}. All else is refused.`,
  strict: true,
  usesEntries: true,
  decide: (policyRequest) => decideByEntries(policyRequest) ?? toUnlistedVerdict('allow-list', 'egress.allow'),
};

const registriesPolicy: PolicyDescriptor = {
  label: "the registries that the image's package managers use, and egress.registries",
  forAgents: ({ registries: more }) =>
    `open only for the registries of the image's package managers${more.map((it) => `, ${it}`).join('')}. All else is refused.`,
  strict: true,
  learnsRegistries: true,
  decide: (policyRequest) => decideByRegistries(policyRequest) ?? toUnlistedVerdict('registries', 'egress.registries'),
};

const denyAllEgressPolicy: PolicyDescriptor = {
  label: 'nothing',
  forAgents: () => 'closed. Nothing outside of the sandbox can be reached.',
  strict: true,
  decide: () =>
    toRefusedVerdict('none', "this session's policy is 'none'", 'Ask the operator for another egress policy.'),
};

export const egressPolicies = {
  none: denyAllEgressPolicy,
  registries: registriesPolicy,
  'allow-list': allowListPolicy,
  web: webPolicy,
};

type PolicyName = keyof typeof egressPolicies;
export const egressPolicyNames = Object.keys(egressPolicies) as [PolicyName, ...PolicyName[]];

export const egressPolicyLabels = Object.entries<PolicyDescriptor>(egressPolicies)
  .map(([name, { label }]) => `${name}: ${label}`)
  .join('; ');

export const findEgressPolicy = (kind: string): PolicyDescriptor | undefined =>
  Object.entries<PolicyDescriptor>(egressPolicies).find(([name]) => name === kind)?.[1];
