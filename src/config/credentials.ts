import { z } from 'zod';
import {
  CredentialName,
  credentialFields,
  environmentVariableName,
  withInjectionDefaults,
} from '../core/model/credential.ts';
import { allowJsonText } from './json-setting.ts';

const credential = z.strictObject({
  ...credentialFields,
  'value-from': z.union([
    z.strictObject({ env: environmentVariableName }),
    z.strictObject({ file: z.string().min(1) }),
    z.strictObject({ key: z.string().min(1) }),
  ]),
});
const named = z.record(CredentialName, credential).transform((all) =>
  Object.entries(all).map(([name, { 'value-from': from, ...rest }]) => ({
    name,
    from,
    ...withInjectionDefaults(rest),
  })),
);
export type CredentialSetting = z.output<typeof named>[number];

export const credentialsValue = () => ({
  accepts:
    'names of small letters, digits and hyphens, each with hosts, value-from (env, file or key), and header, scheme, user, env, git, paths',
  kind: allowJsonText(named),
});
