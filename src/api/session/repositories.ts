import { z } from 'zod';
import { GitAuthor, GitRef, SessionRepository } from '../../core/model/repository.ts';
import { EnvironmentCheckResult } from '../../core/model/repository-environment.ts';
import { maxServices, ServiceStatus } from '../../core/model/services/recipe.ts';
import { DiffText, RepositoryStatus } from '../../sessions/api/repositories.ts';
import { defineOperations, procedure, router } from '../procedure/procedure.ts';
import { omitUndefined, sessionTarget, toIsoTime } from '../procedure/schemas.ts';

export const repositoryTarget = sessionTarget.extend({
  path: z.string().min(1).max(200).describe('the folder of the repository in the workspace'),
});
const FileInput = z
  .string()
  .min(1)
  .max(4_096)
  .refine((text) => !/[\0\n]/.test(text), 'must be one line');
const names = z.array(z.string().max(40)).min(1);

const RanCheck = EnvironmentCheckResult.omit({ at: true }).extend({
  name: z.string(),
  command: z.string(),
  at: z.iso.datetime(),
});

const commit = '6f1c0e9b2d4a7835c1e0f9a8b7d6c5e4f3a2b1c0';
const branch = 'corral/fix-the-totals-01234567';
const path = 'totals';
const example: z.output<typeof SessionRepository> = {
  url: 'https://github.com/team/totals',
  ref: 'main',
  path,
  depth: null,
  access: 'write',
  state: 'ready',
  error: null,
  branch,
  baseBranch: 'main',
  baseCommit: commit,
};

export const repositoryOperationGroup = {
  tag: 'Repositories',
  prefix: 'repositories',
  style: 'session',
  texts: {
    404: 'No such session, repository or checkpoint',
    409: 'Not possible now: nothing has changed, or the repository is not fetched',
    501: 'The sandbox has no git, or the host is no known forge',
    503: 'The sandbox cannot start',
  },
} as const;
const operation = defineOperations(repositoryOperationGroup);
const base = '/api/v1/sessions/:sid=sessionId/repositories';
const fails = [400, 404, 409, 501];

export const repositoriesRouter = router({
  list: operation({
    rest: `GET ${base}`,
    summary: 'List the repositories of a session; starts nothing',
    may: 'read',
    in: sessionTarget,
    out: z.array(SessionRepository).readonly(),
    answer: [example],
    reply: {
      schema: z.object({ repositories: z.array(SessionRepository) }),
      value: (repositories) => ({ repositories }),
    },
    fails: [404],
  }).query(({ ctx, input }) => ctx.services.repositories.list(input.sessionId)),
  fetch: operation({
    rest: `POST ${base}/fetch`,
    summary: 'Retry the fetch of a repository that failed',
    may: 'work',
    in: repositoryTarget,
    out: SessionRepository,
    example: { path },
    answer: example,
    fails,
  }).mutation(({ ctx, input }) => ctx.services.repositories.fetch(input.sessionId, input.path, ctx.signal)),
  status: operation({
    rest: `GET ${base}/status`,
    summary: 'The branch, the commit, and the files with uncommitted changes',
    may: 'read',
    in: repositoryTarget,
    out: RepositoryStatus,
    answer: {
      branch,
      head: commit,
      ahead: 1,
      commits: [{ commit, subject: 'Fix the sum' }],
      files: [{ path: 'sum.js', change: 'modified', from: null }],
      truncated: false,
    },
    fails,
  }).query(({ ctx, input }) => ctx.services.repositories.status(input.sessionId, input.path, ctx.signal)),
  diff: operation({
    rest: `GET ${base}/diff`,
    summary: 'The changes of a repository',
    may: 'read',
    in: repositoryTarget.extend({
      since: z
        .enum(['base', 'head'])
        .default('base')
        .describe('the commit with which the session began, or the newest one'),
      file: FileInput.optional().describe('this file alone'),
    }),
    out: DiffText,
    answer: { text: 'diff --git a/sum.js b/sum.js\n', truncated: false },
    fails,
  }).query(({ ctx, input: { sessionId, path, ...query } }) =>
    ctx.services.repositories.diff(sessionId, path, omitUndefined(query), ctx.signal),
  ),
  /** Commits since the base, as a patch for `git am`. */
  patch: procedure
    .input(repositoryTarget)
    .output(z.object({ text: z.string() }))
    .query(async ({ ctx, input }) => ({
      text: await ctx.services.repositories.patch(input.sessionId, input.path, ctx.signal),
    })),
  commit: operation({
    rest: `POST ${base}/commit`,
    summary: 'Commit all files, or the named ones, on the branch that is checked out',
    may: 'work',
    in: repositoryTarget.extend({
      message: z
        .string()
        .trim()
        .min(1)
        .max(20_000)
        .refine((text) => !text.includes('\0'), 'must not contain NUL'),
      author: GitAuthor.optional().describe('default: the author of the session'),
      files: z.array(FileInput).min(1).max(2_000).optional().describe('default: all files that git does not ignore'),
      leaveOut: z
        .string()
        .max(60_000)
        .refine((text) => !text.includes('\0'), 'must not contain NUL')
        .optional()
        .describe('a part of the diff since head, whose changes stay uncommitted'),
    }),
    out: z.object({ commit: z.string(), branch: z.string() }),
    example: { path, message: 'Sum every line once' },
    answer: { commit, branch },
    fails,
  }).mutation(({ ctx, input: { sessionId, path, ...command } }) =>
    ctx.services.repositories.commit(sessionId, path, omitUndefined(command), ctx.signal),
  ),
  push: operation({
    rest: `POST ${base}/push`,
    summary: "Push the commit that is checked out to the repository's own URL",
    may: 'work',
    in: repositoryTarget.extend({
      branch: GitRef.optional().describe('its name there; the base branch is pushed to only if it is set here'),
    }),
    out: z.object({ url: z.string(), branch: z.string(), commit: z.string() }),
    example: { path },
    answer: { url: example.url, branch, commit },
    fails,
  }).mutation(({ ctx, input: { sessionId, path, ...command } }) =>
    ctx.services.repositories.push(sessionId, path, omitUndefined(command), ctx.signal),
  ),
  check: operation({
    rest: `POST ${base}/checks`,
    id: 'Checks',
    summary: 'Run the checks that the repository defines, and wait for their results',
    description: 'They are the `checks` of `.corral/corral.yaml` as it was when the repository was fetched.',
    may: 'work',
    in: repositoryTarget.extend({ names: names.max(20).optional().describe('default: all') }),
    out: z.object({ checks: z.array(RanCheck).readonly() }),
    example: { path },
    answer: {
      checks: [
        {
          name: 'test',
          command: 'npm test',
          status: 'passed',
          exitCode: 0,
          output: '12 passed',
          at: '2026-11-24T12:00:00.000Z',
        },
      ],
    },
    fails,
  }).mutation(async ({ ctx, input: { sessionId, path, names } }) => {
    const ran = await ctx.services.repositories.check(sessionId, path, names, ctx.signal);
    return { checks: ran.map(({ at, ...one }) => ({ ...one, at: toIsoTime(at) })) };
  }),
  allowServices: operation({
    rest: `POST ${base}/services`,
    summary: 'Allow the services that the repository requests',
    description:
      'They are the `services` of `.corral/corral.yaml` as it was when the repository was fetched. A running sandbox is ended, keeps its files, and starts with the services at its next use.',
    may: 'work',
    in: repositoryTarget.extend({ names: names.max(maxServices).optional().describe('default: all that it requests') }),
    out: z.object({ services: z.array(ServiceStatus).readonly() }),
    example: { path, names: ['postgres'] },
    answer: { services: [{ name: 'postgres', image: 'postgres:16', ports: [5432], state: 'absent' }] },
    fails,
  }).mutation(async ({ ctx, input: { sessionId, path, names } }) => ({
    services: await ctx.services.repositories.allowServices(sessionId, path, names, ctx.signal),
  })),
});
