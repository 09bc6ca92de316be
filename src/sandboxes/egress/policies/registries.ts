import { decideByRegistries, type PolicyDescriptor, refuseUnlisted } from '../policy.ts';

export const registriesPolicy: PolicyDescriptor = {
  label: "the registries that the image's package managers use, and egress.registries",
  forAgents: ({ registries: more }) =>
    `open only for the registries of the image's package managers${more.map((it) => `, ${it}`).join('')}. All else is refused.`,
  strict: true,
  learnsRegistries: true,
  decide: (policyRequest) => decideByRegistries(policyRequest) ?? refuseUnlisted('registries', 'egress.registries'),
};
