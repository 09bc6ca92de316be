import type { PolicyDescriptor } from '../policy.ts';
import { allowListPolicy } from './allow-list.ts';
import { denyAllEgressPolicy } from './none.ts';
import { registriesPolicy } from './registries.ts';
import { webPolicy } from './web.ts';

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
