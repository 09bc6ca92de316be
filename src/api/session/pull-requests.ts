import { z } from 'zod';
import { GitRef } from '../../core/model/repository.ts';
import { PullRequestDetails } from '../../sessions/api/repositories.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { omitUndefined } from '../procedure/schemas.ts';
import { repositoryOperationGroup, repositoryTarget } from './repositories.ts';

const NewPullRequest = repositoryTarget.extend({
  title: z
    .string()
    .trim()
    .min(1)
    .max(250)
    .regex(/^[^\p{Cc}]+$/u, 'must be one line'),
  text: z.string().max(60_000).default('').describe('Markdown'),
  base: GitRef.optional().describe('the branch that receives the work'),
  draft: z.boolean().default(false),
});
const PullRequest = PullRequestDetails.shape.pullRequest.unwrap();
const example: z.output<typeof PullRequest> = {
  number: 7,
  title: 'Sum every line once',
  text: 'It was twice.',
  state: 'open',
  draft: false,
  author: 'ada',
  head: { branch: 'corral/fix-the-totals-01234567', commit: '6f1c0e9b2d4a7835c1e0f9a8b7d6c5e4f3a2b1c0' },
  base: 'main',
  url: 'https://github.com/team/totals/pull/7',
  createdAt: '2026-11-24T12:00:00Z',
  updatedAt: '2026-11-24T12:00:00Z',
};
const path = 'totals';
const operation = defineOperations(repositoryOperationGroup);
const base = '/api/v1/sessions/:sid=sessionId/pull-requests';
const fails = [400, 404, 409, 501];

export const pullRequestsRouter = router({
  open: operation({
    rest: `POST ${base}`,
    id: 'OpenPullRequest',
    summary: 'Push the branch and open its pull request',
    description: 'If one is already open, it gets the new commits and is returned.',
    may: 'work',
    in: NewPullRequest,
    out: PullRequest,
    example: { path, title: example.title, text: example.text },
    answer: example,
    fails,
  }).mutation(({ ctx, input: { sessionId, path, ...command } }) =>
    ctx.services.pullRequests.open(sessionId, path, omitUndefined(command), ctx.signal),
  ),
  state: operation({
    rest: `GET ${base}`,
    id: 'PullRequest',
    summary: 'The pull request of the branch with comments, reviews and checks, as the forge has it',
    may: 'read',
    in: repositoryTarget,
    out: PullRequestDetails,
    answer: {
      forge: { name: 'github', label: 'GitHub', noun: 'pull request' },
      newUrl: null,
      pullRequest: example,
      comments: [],
      reviews: [],
      checks: [{ name: 'test', status: 'failed', summary: '1 of 20 failed', url: null }],
      isCut: false,
      unsent: 1,
    },
    fails,
  }).query(({ ctx, input }) => ctx.services.pullRequests.state(input.sessionId, input.path, ctx.signal)),
  sendFeedback: operation({
    rest: `POST ${base}/feedback`,
    id: 'Feedback',
    summary: 'Send the agent the comments, reviews and failed checks that it has not yet received',
    may: 'work',
    in: repositoryTarget,
    out: z.object({ sent: z.int(), runId: z.string() }),
    example: { path },
    answer: { sent: 1, runId: '0123456789ab' },
    fails,
  }).mutation(({ ctx, input }) => ctx.services.pullRequests.sendFeedback(input.sessionId, input.path, ctx.signal)),
});
