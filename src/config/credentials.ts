import { z } from 'zod';
import { mappingOrJson } from './json-setting.ts';
import { hostForm } from './kinds.ts';

const variable = z.string().regex(/^[A-Za-z_]\w*$/);
const credential = z.strictObject({
  hosts: z.array(z.string().regex(hostForm)).min(1),
  /** The header that takes the value as it is, unless `scheme` says more. */
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/)
    .toLowerCase()
    .optional(),
  scheme: z.enum(['bearer', 'basic']).optional(),
  user: z.string().min(1).optional(),
  'value-from': z.union([
    z.strictObject({ env: variable }),
    z.strictObject({ file: z.string().min(1) }),
    z.strictObject({ key: z.string().min(1) }),
  ]),
  env: z.array(variable).default([]),
});
const named = z.record(z.string().regex(/^[a-z][a-z0-9-]{0,30}$/), credential).transform((all) =>
  Object.entries(all).map(([name, { 'value-from': from, header, scheme, ...rest }]) => ({
    ...{ name, from, ...rest },
    header: header ?? 'authorization',
    scheme: scheme ?? (header === undefined ? ('bearer' as const) : undefined),
  })),
);
export type CredentialSetting = z.output<typeof named>[number];

/** The credentials of the egress proxy by their names, in the file as a mapping, in the variable as JSON. */
export const credentials = () => ({
  accepts:
    'names of small letters, digits and hyphens, each with hosts, value-from (env, file or key), and header, scheme, user, env',
  kind: mappingOrJson(named),
});
