import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import {
  AllowedServices,
  AllowedServicesInput,
  ChecksInput,
  CommitInput,
  commitCommand,
  DiffInput,
  DiffText,
  diffQuery,
  MadeCommit,
  OfRepository,
  PushedBranch,
  PushInput,
  RanChecks,
  RepositoryStatus,
  ranChecks,
} from '../../api/views/repositories.ts';
import { SessionRepository } from '../../core/model/repository.ts';
import { bytes } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { okEnveloped, success } from '../shared/envelope.ts';
import { about, base, type CallerServices, params } from './about.ts';
import { mountCheckpoints } from './checkpoints.ts';
import { mountPullRequests } from './pull-requests.ts';

const commit = '6f1c0e9b2d4a7835c1e0f9a8b7d6c5e4f3a2b1c0';
const branch = 'corral/fix-the-totals-01234567';
const repository = {
  url: 'https://github.com/team/totals',
  ref: 'main',
  path: 'totals',
  depth: null,
  access: 'write' as const,
  state: 'ready' as const,
  error: null,
  branch,
  baseBranch: 'main',
  baseCommit: commit,
};
const status = {
  branch,
  head: commit,
  ahead: 1,
  files: [{ path: 'sum.js', change: 'modified' as const, from: null }],
  truncated: false,
};
const ranCheck = {
  name: 'test',
  command: 'npm test',
  status: 'passed' as const,
  exitCode: 0,
  output: '12 passed',
  at: '2026-11-24T12:00:00.000Z',
};
const allowedService = { name: 'postgres', image: 'postgres:16', ports: [5432], state: 'absent' as const };
const fails = [400, 404, 409, 501];

/** The routes of the repositories, checkpoints and pull requests of a session. */
export const repositoryRoutes = (acting: CallerServices): FacadeRoutes => ({
  mount(app) {
    mountReads(app, acting);
    mountWork(app, acting);
    mountCheckpoints(app, acting);
    mountPullRequests(app, acting);
  },
});

function mountReads(app: App, acting: CallerServices): void {
  app.get(
    `${base}/repositories`,
    {
      schema: {
        params,
        response: {
          200: okEnveloped(z.object({ repositories: z.array(SessionRepository) }), { repositories: [repository] }),
        },
      },
      config: { doc: about('List', 'List the repositories of a session; starts nothing', { fails: [404] }) },
    },
    async ({ params: { sid }, principal }) =>
      success({ repositories: [...(await acting(principal).services.repositories.list(toSessionId(sid)))] }),
  );
  app.get(
    `${base}/repositories/status`,
    {
      schema: { params, querystring: OfRepository, response: { 200: okEnveloped(RepositoryStatus, status) } },
      config: {
        doc: about('Status', 'The branch, the commit, and the files that no commit has as they are', { fails }),
      },
    },
    async ({ params: { sid }, query: { path }, principal }, reply) => {
      const { repositories } = acting(principal).services;
      return success(await repositories.status(toSessionId(sid), path, abortOnDisconnect(reply)));
    },
  );
  app.get(
    `${base}/repositories/diff`,
    {
      schema: {
        params,
        querystring: DiffInput,
        response: { 200: okEnveloped(DiffText, { text: 'diff --git a/sum.js b/sum.js\n', truncated: false }) },
      },
      config: { doc: about('Diff', 'The changes of a repository', { fails }) },
    },
    async ({ params: { sid }, query, principal }, reply) => {
      const { repositories } = acting(principal).services;
      const signal = abortOnDisconnect(reply);
      return success(await repositories.diff(toSessionId(sid), query.path, diffQuery(query), signal));
    },
  );
  app.get(
    `${base}/repositories/patch`,
    {
      schema: { params, querystring: OfRepository, response: { 200: bytes('A mailbox for `git am`', 'text/x-patch') } },
      config: { doc: about('Patch', 'The commits since the base, for `git am`', { fails: [...fails, 413] }) },
    },
    async ({ params: { sid }, query: { path }, principal }, reply) => {
      const { repositories } = acting(principal).services;
      const patch = await repositories.patch(toSessionId(sid), path, abortOnDisconnect(reply));
      reply.header('content-type', 'text/x-patch; charset=utf-8').header('cache-control', 'no-store');
      return reply.send(patch);
    },
  );
}

function mountWork(app: App, acting: CallerServices): void {
  app.post(
    `${base}/repositories/fetch`,
    {
      schema: { params, body: OfRepository, response: { 200: okEnveloped(SessionRepository, repository) } },
      config: {
        doc: about('Fetch', 'Fetch a repository again that failed', { bodyExample: { path: 'totals' }, fails }),
      },
    },
    async ({ params: { sid }, body: { path }, principal }, reply) => {
      const { repositories } = acting(principal).services;
      return success(await repositories.fetch(toSessionId(sid), path, abortOnDisconnect(reply)));
    },
  );
  app.post(
    `${base}/repositories/commit`,
    {
      schema: { params, body: CommitInput, response: { 200: okEnveloped(MadeCommit, { commit, branch }) } },
      config: {
        doc: about('Commit', 'Commit all files, or the named ones, on the branch that is checked out', {
          bodyExample: { path: 'totals', message: 'Sum every line once' },
          fails,
        }),
      },
    },
    async ({ params: { sid }, body, principal }, reply) => {
      const { repositories } = acting(principal).services;
      const signal = abortOnDisconnect(reply);
      return success(await repositories.commit(toSessionId(sid), body.path, commitCommand(body), signal));
    },
  );
  app.post(
    `${base}/repositories/push`,
    {
      schema: {
        params,
        body: PushInput,
        response: { 200: okEnveloped(PushedBranch, { url: repository.url, branch, commit }) },
      },
      config: {
        doc: about('Push', "Push the commit that is checked out to the repository's own URL", {
          bodyExample: { path: 'totals' },
          fails,
        }),
      },
    },
    async ({ params: { sid }, body: { path, branch: named }, principal }, reply) => {
      const { repositories } = acting(principal).services;
      const command = named === undefined ? {} : { branch: named };
      return success(await repositories.push(toSessionId(sid), path, command, abortOnDisconnect(reply)));
    },
  );
  app.post(
    `${base}/repositories/checks`,
    {
      schema: { params, body: ChecksInput, response: { 200: okEnveloped(RanChecks, { checks: [ranCheck] }) } },
      config: {
        doc: about('Checks', 'Run the checks that the repository names, and wait for their results', {
          description: 'They are the `checks` of `.corral/corral.yaml` as it was when the repository was fetched.',
          bodyExample: { path: 'totals' },
          fails,
        }),
      },
    },
    async ({ params: { sid }, body: { path, names }, principal }, reply) => {
      const { repositories } = acting(principal).services;
      return success(ranChecks(await repositories.check(toSessionId(sid), path, names, abortOnDisconnect(reply))));
    },
  );
  app.post(
    `${base}/repositories/services`,
    {
      schema: {
        params,
        body: AllowedServicesInput,
        response: { 200: okEnveloped(AllowedServices, { services: [allowedService] }) },
      },
      config: {
        doc: about('AllowServices', 'Allow the services that the repository asks for', {
          description:
            'They are the `services` of `.corral/corral.yaml` as it was when the repository was fetched. A sandbox that runs is ended, keeps its files, and starts with them at its next use.',
          bodyExample: { path: 'totals', names: ['postgres'] },
          fails,
        }),
      },
    },
    async ({ params: { sid }, body: { path, names }, principal }, reply) => {
      const { repositories } = acting(principal).services;
      const signal = abortOnDisconnect(reply);
      return success({ services: await repositories.allowServices(toSessionId(sid), path, names, signal) });
    },
  );
}
