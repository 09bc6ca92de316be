import type { PolicyDescriptor } from '../policy.ts';
import { allowListPolicy } from './allow-list.ts';
import { noEgressPolicy } from './none.ts';
import { registriesPolicy } from './registries.ts';
import { webPolicy } from './web.ts';

/** Every egress policy by name. Add a new policy here. */
export const policies = {
  none: noEgressPolicy,
  registries: registriesPolicy,
  'allow-list': allowListPolicy,
  web: webPolicy,
};

type PolicyName = keyof typeof policies;
export const policyNames = Object.keys(policies) as [PolicyName, ...PolicyName[]];

export const policyLabels = Object.entries<PolicyDescriptor>(policies)
  .map(([name, { label }]) => `${name}: ${label}`)
  .join('; ');

export const findPolicy = (kind: string): PolicyDescriptor | undefined =>
  Object.entries<PolicyDescriptor>(policies).find(([name]) => name === kind)?.[1];
