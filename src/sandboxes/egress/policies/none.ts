import { type PolicyDescriptor, refuseTarget } from '../policy.ts';

export const denyAllEgressPolicy: PolicyDescriptor = {
  label: 'nothing',
  forAgents: () => 'closed. Nothing outside of the sandbox can be reached.',
  strict: true,
  decide: () => refuseTarget('none', "this session's policy is 'none'", 'Ask the operator for another egress policy.'),
};
