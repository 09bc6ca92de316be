import { decideByEntries, type PolicyDescriptor, refuseUnlisted } from '../policy.ts';

export const allowListPolicy: PolicyDescriptor = {
  label: 'only the entries of egress.allow',
  forAgents: ({ entries }) =>
    entries.length === 0
      ? 'closed. Nothing outside of the sandbox can be reached.'
      : `open only for ${entries.join(', ')}. All else is refused.`,
  strict: true,
  usesEntries: true,
  decide: (policyRequest) => decideByEntries(policyRequest) ?? refuseUnlisted('allow-list', 'egress.allow'),
};
