import type { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import {
  OfRepository,
  PullRequest,
  PullRequestInput,
  PullRequestState,
  pullRequestCommand,
  SentFeedback,
} from '../../api/views/repositories.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { okEnveloped, success } from '../shared/envelope.ts';
import { about, base, type CallerServices, params } from './about.ts';

const fails = [400, 404, 409, 501];
const url = 'https://github.com/team/totals/pull/7';
const example: z.output<typeof PullRequest> = {
  number: 7,
  title: 'Sum every line once',
  text: 'It was twice.',
  state: 'open',
  draft: false,
  author: 'ada',
  head: { branch: 'corral/fix-the-totals-01234567', commit: '6f1c0e9b2d4a7835c1e0f9a8b7d6c5e4f3a2b1c0' },
  base: 'main',
  url,
  createdAt: '2026-11-24T12:00:00Z',
  updatedAt: '2026-11-24T12:00:00Z',
};
const state: z.output<typeof PullRequestState> = {
  forge: { name: 'github', label: 'GitHub', noun: 'pull request' },
  newUrl: null,
  pullRequest: example,
  comments: [],
  reviews: [],
  checks: [{ name: 'test', status: 'failed', summary: '1 of 20 failed', url: null }],
  isCut: false,
  unsent: 1,
};

/** The pull requests of a session's repositories, at their forges. */
export function mountPullRequests(app: App, acting: CallerServices): void {
  const at = `${base}/pull-requests`;
  app.get(
    at,
    {
      schema: { params, querystring: OfRepository, response: { 200: okEnveloped(PullRequestState, state) } },
      config: {
        doc: about(
          'PullRequest',
          'The pull request of the branch with comments, reviews and checks, as the forge has it',
          {
            fails,
          },
        ),
      },
    },
    async ({ params: { sid }, query: { path }, principal }, reply) => {
      const { pullRequests } = acting(principal).services;
      return success(await pullRequests.state(toSessionId(sid), path, abortOnDisconnect(reply)));
    },
  );
  app.post(
    at,
    {
      schema: { params, body: PullRequestInput, response: { 200: okEnveloped(PullRequest, example) } },
      config: {
        doc: about('OpenPullRequest', 'Push the branch and open its pull request', {
          description: 'One that is open already gets the new commits and is the answer.',
          bodyExample: { path: 'totals', title: example.title, text: example.text },
          fails,
        }),
      },
    },
    async ({ params: { sid }, body, principal }, reply) => {
      const { pullRequests } = acting(principal).services;
      const signal = abortOnDisconnect(reply);
      return success(await pullRequests.open(toSessionId(sid), body.path, pullRequestCommand(body), signal));
    },
  );
  app.post(
    `${at}/feedback`,
    {
      schema: {
        params,
        body: OfRepository,
        response: { 200: okEnveloped(SentFeedback, { sent: 1, runId: '0123456789ab' }) },
      },
      config: {
        doc: about('Feedback', 'Send the agent what it has not been sent of comments, reviews and failed checks', {
          bodyExample: { path: 'totals' },
          fails,
        }),
      },
    },
    async ({ params: { sid }, body: { path }, principal }, reply) => {
      const { pullRequests } = acting(principal).services;
      return success(await pullRequests.sendFeedback(toSessionId(sid), path, abortOnDisconnect(reply)));
    },
  );
}
