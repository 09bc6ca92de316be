import { z } from 'zod';
import { RepositoryEnvironment } from './repository-environment.ts';

// Strings here can reach git's command line, so each has a strict format.

const segment = /^[A-Za-z0-9_~][A-Za-z0-9._~+-]*$/;
const maxUrl = 500;

export function findRepositoryUrlProblem(text: string): string | undefined {
  if (text.length > maxUrl) return `is longer than ${maxUrl} characters.`;
  if (/^git:/i.test(text)) return 'uses git://, which is neither encrypted nor allowed. Use its https:// address.';
  if (/^(ssh|git)(\+\w+)?:|^[\w.-]+@[\w.-]+:/i.test(text))
    return 'uses SSH, which is not available in a sandbox. Use its https:// address.';
  if (/^[./~]/.test(text))
    return 'is a path. Write it like file:///srv/git/project, where the operator lists such folders.';
  const url = /^(https?:\/\/|file:\/\/\/)/i.test(text) ? URL.parse(text) : null;
  if (!url) return 'is not the address of a repository. Write it like https://example.org/team/project.git.';
  if (url.username !== '' || url.password !== '')
    return 'has a credential in it, which everyone who sees the session could read. Leave it out, and bind it to the session, its project or the server (docs/repositories.md).';
  if (url.search !== '' || url.hash !== '' || text.includes('?') || text.includes('#'))
    return 'has a query or a fragment. Write the branch or tag into `ref`.';
  const path = url.pathname.replace(/^\/|\/$/g, '');
  if (/^(?:\.git)?$/.test(path)) return 'names no repository. Write it like https://example.org/team/project.git.';
  const segments = path.split('/');
  if (!segments.every((one) => segment.test(one)))
    return 'has a path with other characters than letters, digits and . _ ~ + -, or a part that begins with a dot.';
  return undefined;
}

/** The operator must list the folder of a `file:` URL in the settings. */
export const isFolderUrl = (url: string): boolean => url.startsWith('file:');

/** `https://host[:port]/path` or `file:///path`, with the host in lower case and without a trailing slash. */
export const RepositoryUrl = z
  .string()
  .superRefine((text, ctx) => {
    const problem = findRepositoryUrlProblem(text);
    if (problem) ctx.addIssue({ code: 'custom', message: `'${withoutCredential(text)}' ${problem}` });
  })
  .transform((text) => (URL.parse(text)?.href ?? text).replace(/\/$/, ''));

/** Also handles invalid URLs, because error messages quote them. */
const withoutCredential = (text: string) => text.slice(0, 200).replace(/\/\/[^/@]*@/, '//');

/** A branch, tag or commit that git cannot interpret as an option or range. */
export const GitRef = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._/+-]*$/, 'must be the name of a branch or tag, or a commit')
  .refine((name) => !/\.\.|\/\/|\/\.|\.lock(\/|$)|[/.]$/.test(name), 'is not a name that git accepts');

/** Relative to the workspace. */
export const RepositoryPath = z
  .string()
  .max(200)
  .refine(
    (path) => path.split('/').every((one) => segment.test(one)) && !path.split('/').includes('.git'),
    'must be a folder of the workspace, such as project or work/project',
  );

export const RepositoryAccess = z.enum(['read', 'write']);
export type RepositoryAccess = z.infer<typeof RepositoryAccess>;

export const RepositoryInput = z.strictObject({
  url: RepositoryUrl,
  /** Default: the repository's default branch. */
  ref: GitRef.optional(),
  /** Default: the last part of the URL, without `.git`. */
  path: RepositoryPath.optional(),
  depth: z.int().min(1).max(1_000_000).optional(),
  access: RepositoryAccess.default('write'),
});
export type RepositoryInput = z.infer<typeof RepositoryInput>;
export const maxRepositories = 10;
export const RepositoryInputs = z
  .array(RepositoryInput)
  .max(maxRepositories)
  .refine((all) => {
    const paths = all.map(repositoryPathOf);
    return paths.every((one, at) => paths.every((other, n) => n === at || !`${other}/`.startsWith(`${one}/`)));
  }, 'go into the same folder, or one into the folder of another. Give them different paths');

export const repositoryPathOf = ({ url, path }: Pick<RepositoryInput, 'url' | 'path'>): string =>
  path ?? (url.split('/').at(-1) ?? '').replace(/\.git$/, '');

export const GitAuthor = z.object({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^[^<>\p{Cc}]+$/u, 'must not contain < > or control characters'),
  email: z
    .string()
    .max(200)
    .regex(/^[^<>@\s]+@[^<>@\s]+$/, 'must be an e-mail address'),
});
export type GitAuthor = z.infer<typeof GitAuthor>;

const Commit = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/);

export const SessionRepository = z.object({
  url: z.string(),
  ref: z.string().nullable(),
  path: z.string(),
  depth: z.int().nullable(),
  access: RepositoryAccess,
  /** `waiting`: the repository will be fetched when the sandbox starts. */
  state: z.enum(['waiting', 'ready', 'failed']),
  error: z.string().nullable(),
  /** `corral/<words>-<id>`. Null until the repository is fetched. */
  branch: z.string().nullable(),
  /** `ref`, or the default branch. Null if `ref` is not a branch or nothing has been fetched. */
  baseBranch: z.string().nullable(),
  baseCommit: Commit.nullable(),
  /** Absent if the repository has no `.corral` folder or has not been fetched. */
  environment: RepositoryEnvironment.optional(),
});
export type SessionRepository = z.infer<typeof SessionRepository>;

const unfetched = { state: 'waiting', error: null, branch: null, baseBranch: null, baseCommit: null } as const;

export const toSessionRepository = (input: RepositoryInput): SessionRepository => ({
  url: input.url,
  ref: input.ref ?? null,
  path: repositoryPathOf(input),
  depth: input.depth ?? null,
  access: isFolderUrl(input.url) ? 'read' : input.access, // nothing can be pushed to a folder
  ...unfetched,
});

export const toUnfetchedRepository = ({ environment: _, ...one }: SessionRepository): SessionRepository => ({
  ...one,
  ...unfetched,
});

export function findPushObstacle({ url, access }: Pick<SessionRepository, 'url' | 'access'>): string | undefined {
  if (isFolderUrl(url))
    return `Corral does not write to folders of the server, so nothing is pushed to ${url}. Download the patch.`;
  if (access === 'write') return undefined;
  return `This session may only read ${url}. Start one with write access to the repository, or download the patch.`;
}

export const hasWritableRepository = ({
  repositories = [],
}: {
  readonly repositories?: readonly SessionRepository[] | undefined;
}): boolean => repositories.some(({ access }) => access === 'write');

export const hasUnpreparedRepository = ({
  repositories = [],
}: {
  readonly repositories?: readonly SessionRepository[] | undefined;
}): boolean =>
  repositories.some(
    ({ state, environment }) => state === 'waiting' || (state === 'ready' && environment?.setup === 'running'),
  );

export const formatSessionTrailer = (id: string): string => `Corral-Session: ${id}`;
