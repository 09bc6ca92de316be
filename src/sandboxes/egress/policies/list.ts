import type { PolicyDescriptor } from '../policy.ts';
import { allowList } from './allow-list.ts';
import { noEgressPolicy } from './none.ts';
import { registries } from './registries.ts';
import { web } from './web.ts';

/** Every egress policy by name. Add a new policy here. */
export const policies = { none: noEgressPolicy, registries, 'allow-list': allowList, web };

type PolicyName = keyof typeof policies;
export const policyNames = Object.keys(policies) as [PolicyName, ...PolicyName[]];

export const policyLabels = Object.entries<PolicyDescriptor>(policies)
  .map(([name, { label }]) => `${name}: ${label}`)
  .join('; ');

export const findPolicy = (kind: string): PolicyDescriptor | undefined =>
  Object.entries<PolicyDescriptor>(policies).find(([name]) => name === kind)?.[1];
