import { decideByRegistries, type PolicyDescriptor, refuseTarget, webPorts } from '../policy.ts';

export const webPolicy: PolicyDescriptor = {
  label: 'every public host on ports 80 and 443, and what registries allows',
  forAgents: () =>
    'public hosts on ports 80 and 443, through the proxy that the environment variables name. Private addresses are refused.',
  strict: false,
  decide(policyRequest) {
    if (webPorts.includes(policyRequest.target.port)) return { allowed: true, rule: 'web' };
    return (
      decideByRegistries(policyRequest) ??
      refuseTarget(
        'port not allowed',
        "policy 'web' opens ports 80 and 443 only",
        'Ask the operator for an entry host:port.',
      )
    );
  },
};
