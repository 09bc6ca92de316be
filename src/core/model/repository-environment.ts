import { z } from 'zod';
import { ServiceRecipes } from './services/recipe.ts';

// The author of a repository's `.corral/corral.yaml` is untrusted, so nothing in it grants access.

const maxNamed = 20;
/** Limited because session lists contain the services. */
const maxServicesChars = 16_384;
const Name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be lower-case letters, digits and hyphens');
const Word = z.string().regex(/^[\w.-]{1,60}$/, 'must be one word');
const Host = z
  .string()
  .max(250)
  .regex(
    /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/i,
    'must be a host such as example.org, *.example.org or example.org:8443',
  );
const InnerPath = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]+$/u, 'must be one line')
  .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'must be a file of the repository');
const named = <Value extends z.ZodType>(value: Value) =>
  z.record(Name, value).refine((all) => Object.keys(all).length <= maxNamed, `has more than ${maxNamed} names`);

export const lockFileNames: readonly string[] = [
  ...['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'bun.lockb'],
  ...['requirements.txt', 'poetry.lock', 'uv.lock', 'Pipfile.lock', 'go.sum', 'Cargo.lock', 'Gemfile.lock'],
  ...['composer.lock', 'mix.lock', 'gradle.lockfile', 'pom.xml'],
];

export const RepositoryConfig = z.strictObject({
  template: Name.nullish(),
  tools: z.array(Word).max(50).nullish(),
  /** Each host stays blocked until a user allows it. */
  egress: z.array(Host).max(50).nullish(),
  ports: named(z.int().min(1).max(65_535)).nullish(),
  checks: named(z.string().trim().min(1).max(2_000)).nullish(),
  /** No service starts until a user allows it. */
  services: ServiceRecipes.refine(
    (all) => JSON.stringify(all).length <= maxServicesChars,
    `is longer than ${maxServicesChars} characters`,
  ).nullish(),
  /** `setup.sh` runs again if any of these files changes. Defaults to `lockFileNames`. */
  cache: z.array(InnerPath).min(1).max(50).nullish(),
});
export type RepositoryConfig = z.infer<typeof RepositoryConfig>;

export const EnvironmentCheckResult = z.object({
  status: z.enum(['passed', 'failed', 'timed_out']),
  exitCode: z.int(),
  output: z.string(),
  at: z.number().describe('milliseconds since 1970'),
});
export type EnvironmentCheckResult = z.infer<typeof EnvironmentCheckResult>;

export const RepositoryEnvironment = z.object({
  /** Why `corral.yaml` is invalid. Null if the file is valid or missing. */
  problem: z.string().nullable(),
  /** `restored`: `setup.sh` did not run, because files from an earlier session were restored. */
  setup: z.enum(['none', 'running', 'ran', 'restored', 'failed']),
  storedBytes: z.number().optional(),
  starts: z.boolean(),
  template: z.string().nullable(),
  tools: z.array(z.string()).readonly(),
  egress: z.array(z.string()).readonly(),
  services: ServiceRecipes.optional(),
  ports: z.array(z.object({ name: z.string(), port: z.int() })).readonly(),
  checks: z
    .array(
      z.object({
        name: z.string(),
        command: z.string(),
        last: EnvironmentCheckResult.omit({ output: true }).nullable(),
      }),
    )
    .readonly(),
});
export type RepositoryEnvironment = z.infer<typeof RepositoryEnvironment>;

export function parseRepositoryConfig(
  value: unknown,
): { readonly file: RepositoryConfig } | { readonly problem: string } {
  const { data, error } = RepositoryConfig.safeParse(value ?? {});
  if (data) return { file: data };
  const [issue] = error.issues;
  const place = issue?.path.join('.') ?? '';
  const text = (issue?.message ?? 'is no mapping').replace(/[\p{C}\s]+/gu, ' ').slice(0, 200);
  return { problem: `${place ? `${place.slice(0, 100)}: ` : ''}${text}` };
}
