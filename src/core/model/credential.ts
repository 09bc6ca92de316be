import { z } from 'zod';

/** A host or `*.host`, with or without a port. */
export const hostPattern =
  /^([*][.])?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*(:\d{1,5})?$/i;

export const CredentialName = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/);
export const environmentVariableName = z.string().regex(/^[A-Za-z_]\w*$/);
/** Corral's own variables are refused, because they configure the sandbox's daemon. */
export const sandboxVariableName = environmentVariableName
  .max(100)
  .refine((name) => !name.startsWith('CORRAL_'), 'must not begin with CORRAL_');

const proxysOwn =
  /^(host|connection|content-length|transfer-encoding|upgrade|te|trailer|keep-alive|expect|accept-encoding|proxy-.*)$/i;

export const credentialFields = {
  hosts: z
    .array(z.string().max(300).regex(hostPattern))
    .min(1)
    .max(100)
    .describe('hosts whose requests get the value, such as api.example.com or *.example.com'),
  header: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9-]+$/)
    .refine((name) => !proxysOwn.test(name), 'is a header that the proxy writes itself')
    .toLowerCase()
    .optional()
    .describe('the header for the plain value; default: Authorization: Bearer'),
  scheme: z.enum(['bearer', 'basic']).optional().describe('bearer, or basic with a user'),
  user: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[^:]+$/)
    .optional()
    .describe('the user name for basic'),
  env: z.array(sandboxVariableName).max(20).default([]).describe('variables of the sandbox that get a placeholder'),
  /** Restricts the credential to git, in sessions with a repository on one of its hosts. */
  git: z.enum(['read', 'write']).optional(),
  /** With `git`, git can also read, but not push to, other repositories below these paths. */
  paths: z
    .array(
      z
        .string()
        .max(300)
        .regex(/^(\/[A-Za-z0-9_~][A-Za-z0-9._~+-]*)+\/?$/, 'must be like /team or /team/project')
        .transform((path) => path.replace(/\/$/, '')),
    )
    .min(1)
    .max(100)
    .optional()
    .describe('only requests below these paths'),
};

export const CredentialInjection = z.object({
  hosts: z.array(z.string()).readonly(),
  /** Lower case. */
  header: z.string(),
  scheme: z.enum(['bearer', 'basic']).optional(),
  user: z.string().optional(),
  env: z.array(z.string()).readonly(),
  git: z.enum(['read', 'write']).optional(),
  paths: z.array(z.string()).readonly().optional(),
});
export type CredentialInjection = z.infer<typeof CredentialInjection>;

interface CredentialDefaults {
  readonly header?: string | undefined;
  readonly scheme?: CredentialInjection['scheme'];
  readonly git?: CredentialInjection['git'];
}
export function withInjectionDefaults<Places extends CredentialDefaults>({ header, scheme, ...rest }: Places) {
  // forges accept git tokens through Basic authentication
  const usual = rest.git === undefined ? ('bearer' as const) : ('basic' as const);
  return {
    ...rest,
    header: header ?? 'authorization',
    scheme: scheme ?? (header === undefined ? usual : undefined),
  };
}

/** Targets that only one credential can set, because a second value would conflict. */
export const listInjectionTargets = ({ hosts, header, env, git, paths = [''] }: CredentialInjection): string[] => [
  ...hosts.flatMap((host) =>
    paths.map((path) => `${header} of ${host.toLowerCase()}${path}${git === undefined ? '' : ' for git'}`),
  ),
  ...env.map((name) => `the variable ${name}`),
];

export const isValidHeaderValue = (text: string): boolean => text !== '' && !/[^\x20-\x7e]/.test(text);
