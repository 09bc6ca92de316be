import { z } from 'zod';
import { RepositoryEnvironment } from './repository-environment.ts';

// Repositories that a session works on. Every text here can reach the command line of git, so each has a narrow form.

const segment = /^[A-Za-z0-9_~][A-Za-z0-9._~+-]*$/;
const maxUrl = 500;

/** Why a text is not the URL of a repository, for its author; undefined where it is one. */
export function repositoryUrlProblem(text: string): string | undefined {
  if (text.length > maxUrl) return `is longer than ${maxUrl} characters`;
  if (/^(ssh|git)(\+\w+)?:|^[\w.-]+@[\w.-]+:/i.test(text))
    return 'goes over SSH, for which a sandbox has no way out. Write its https:// address';
  if (/^[./~]/.test(text))
    return 'is a path. Write it like file:///srv/git/project, where the operator lists such folders';
  const url = /^(https?:\/\/|file:\/\/\/)/i.test(text) ? URL.parse(text) : null;
  if (!url) return 'is no address of a repository. Write it like https://example.org/team/project.git';
  if (url.username !== '' || url.password !== '')
    return 'has a credential in it, which everyone who sees the session could read. Leave it out, and bind it to the session, its project or the server (docs/repositories.md)';
  if (url.search !== '' || url.hash !== '' || text.includes('?') || text.includes('#'))
    return 'has a query or a fragment. Write the branch or tag into `ref`';
  const segments = url.pathname.replace(/^\/|\/$/g, '').split('/');
  if (!segments.every((one) => segment.test(one)))
    return 'has a path with other characters than letters, digits and . _ ~ + -';
  return undefined;
}

/** Whether the repository is a folder of the server, which the operator has to list. */
export const isFolderUrl = (url: string): boolean => url.startsWith('file:');

/** `https://host[:port]/path` or `file:///path`, with the host in lower case and without a slash at its end. */
export const RepositoryUrl = z
  .string()
  .superRefine((text, ctx) => {
    const problem = repositoryUrlProblem(text);
    if (problem) ctx.addIssue({ code: 'custom', message: `'${withoutCredential(text)}' ${problem}.` });
  })
  .transform((text) => (URL.parse(text)?.href ?? text).replace(/\/$/, ''));

/** Also for a text that cannot be parsed, because an error repeats it. */
const withoutCredential = (text: string) => text.slice(0, 200).replace(/\/\/[^/@]*@/, '//');

/** A branch, a tag or a commit, in a form that git never takes for an option or a range. */
export const GitRef = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._/+-]*$/, 'must be the name of a branch or tag, or a commit')
  .refine((name) => !/\.\.|\/\/|\/\.|\.lock(\/|$)|[/.]$/.test(name), 'is no name that git accepts');

/** A folder of the workspace, relative to it. */
export const RepositoryPath = z
  .string()
  .max(200)
  .refine(
    (path) => path.split('/').every((one) => segment.test(one)) && !path.split('/').includes('.git'),
    'must be a folder of the workspace, such as project or work/project',
  );

/** The use of a credential in this repository: `read` fetches, `write` pushes too. */
export const RepositoryAccess = z.enum(['read', 'write']);
export type RepositoryAccess = z.infer<typeof RepositoryAccess>;

/** A repository as the creator of a session names it. */
export const RepositoryInput = z.strictObject({
  url: RepositoryUrl,
  /** A branch, a tag or a commit; without one: the branch that the server of the repository names. */
  ref: GitRef.optional(),
  /** Without one: the last part of the URL. */
  path: RepositoryPath.optional(),
  /** The number of commits to fetch; without one: all. */
  depth: z.int().min(1).max(1_000_000).optional(),
  access: RepositoryAccess.default('write'),
});
export type RepositoryInput = z.infer<typeof RepositoryInput>;
export const maxRepositories = 10;
export const RepositoryInputs = z
  .array(RepositoryInput)
  .max(maxRepositories)
  .refine((all) => {
    const paths = all.map(pathOf);
    return paths.every((one, at) => paths.every((other, n) => n === at || !`${other}/`.startsWith(`${one}/`)));
  }, 'go into the same folder, or one into the folder of another. Give them different paths');

/** The folder of a repository in its workspace. */
export const pathOf = ({ url, path }: Pick<RepositoryInput, 'url' | 'path'>): string =>
  path ?? (url.split('/').at(-1) ?? '').replace(/\.git$/, '');

/** The person in whose name commits are made. */
export const GitPerson = z.object({
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
export type GitPerson = z.infer<typeof GitPerson>;

const Commit = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/);

/** A repository of a session as its record has it. */
export const SessionRepository = z.object({
  url: z.string(),
  ref: z.string().nullable(),
  path: z.string(),
  depth: z.int().nullable(),
  access: RepositoryAccess,
  /** `waiting`: it is fetched when the sandbox starts. */
  state: z.enum(['waiting', 'ready', 'failed']),
  /** Why it could not be fetched; null unless it failed. */
  error: z.string().nullable(),
  /** The branch of this session, `corral/<words>-<id>`; null until it is ready. */
  branch: z.string().nullable(),
  /** The branch that `ref` names, else that of the server, to which a pull request goes; null: `ref` is no branch. */
  baseBranch: z.string().nullable(),
  /** The commit with which the session began. */
  baseCommit: Commit.nullable(),
  /** The content of its `.corral` folder; absent: the repository has none, or is not fetched. */
  environment: RepositoryEnvironment.optional(),
});
export type SessionRepository = z.infer<typeof SessionRepository>;

const unfetched = { state: 'waiting', error: null, branch: null, baseBranch: null, baseCommit: null } as const;

export const newRepository = (input: RepositoryInput): SessionRepository => ({
  url: input.url,
  ref: input.ref ?? null,
  path: pathOf(input),
  depth: input.depth ?? null,
  access: isFolderUrl(input.url) ? 'read' : input.access, // the copy knows no way back
  ...unfetched,
});

/** The same repository for a workspace that does not have it. */
export const toRefetch = ({ environment: _, ...one }: SessionRepository): SessionRepository => ({
  ...one,
  ...unfetched,
});

/** Why the session pushes nothing to the repository; undefined: it can. */
export function noPushReason({ url, access }: Pick<SessionRepository, 'url' | 'access'>): string | undefined {
  if (isFolderUrl(url))
    return `Corral writes to no folder of the server, so nothing is pushed to ${url}. Take the patch.`;
  if (access === 'write') return undefined;
  return `This session may only read ${url}. Begin one whose repository has the access write, or take the patch.`;
}

/** Whether the session has a repository to which it may push. */
export const isWritable = ({
  repositories = [],
}: {
  readonly repositories?: readonly SessionRepository[] | undefined;
}): boolean => repositories.some(({ access }) => access === 'write');

/** Whether a repository is still to be fetched, or its setup to end. */
export const isUnprepared = ({
  repositories = [],
}: {
  readonly repositories?: readonly SessionRepository[] | undefined;
}): boolean =>
  repositories.some(
    ({ state, environment }) => state === 'waiting' || (state === 'ready' && environment?.setup === 'running'),
  );

/** The line in a commit's message that names the session it comes from. */
export const sessionTrailer = (id: string): string => `Corral-Session: ${id}`;
