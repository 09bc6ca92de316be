import { z } from 'zod';
import { neverFires } from '../../../../core/concurrency/cancel.ts';
import { GitRef } from '../../../../core/model/repository.ts';
import { procedure, router } from '../../base.ts';
import { ofSession } from '../../schemas.ts';

const ofRepository = ofSession.extend({ path: z.string().min(1).max(200) });

const PullRequest = z.object({
  number: z.int(),
  title: z.string(),
  text: z.string(),
  state: z.enum(['open', 'closed', 'merged']),
  draft: z.boolean(),
  author: z.string(),
  head: z.object({ branch: z.string(), commit: z.string() }),
  base: z.string(),
  url: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
const Comment = z.object({
  id: z.string(),
  author: z.string(),
  text: z.string(),
  createdAt: z.string(),
  url: z.string().nullable(),
  place: z.object({ path: z.string(), line: z.int().nullable() }).nullable(),
  status: z.enum(['open', 'resolved', 'outdated']),
});
const Review = z.object({
  id: z.string(),
  author: z.string(),
  verdict: z.enum(['approved', 'changes_requested', 'commented', 'dismissed']),
  text: z.string(),
  createdAt: z.string().nullable(),
  url: z.string().nullable(),
});
const Check = z.object({
  name: z.string(),
  status: z.enum(['queued', 'running', 'passed', 'failed', 'skipped', 'cancelled', 'neutral']),
  summary: z.string(),
  url: z.string().nullable(),
});
const State = z.object({
  forge: z.object({ name: z.string(), label: z.string(), noun: z.string() }),
  newUrl: z.string().nullable(),
  pullRequest: PullRequest.nullable(),
  comments: z.array(Comment).readonly(),
  reviews: z.array(Review).readonly(),
  checks: z.array(Check).readonly(),
  isCut: z.boolean(),
  unsent: z.int(),
});

/** The pull requests of a session's repositories, at their forges. */
export const pullRequestsRouter = router({
  /** Pushes the branch first. One that is open already gets the new commits and is the answer. */
  open: procedure
    .input(
      ofRepository.extend({
        title: z
          .string()
          .trim()
          .min(1)
          .max(250)
          .regex(/^[^\p{Cc}]+$/u, 'must be one line'),
        text: z.string().max(60_000).default(''),
        base: GitRef.optional(),
        draft: z.boolean().default(false),
      }),
    )
    .output(PullRequest)
    .mutation(({ ctx, input: { sessionId, path, base, ...rest }, signal = neverFires }) =>
      ctx.services.pullRequests.open(sessionId, path, { ...rest, ...(base !== undefined && { base }) }, signal),
    ),

  /** With comments, reviews and checks, as the forge has them now. */
  state: procedure
    .input(ofRepository)
    .output(State)
    .query(({ ctx, input, signal = neverFires }) =>
      ctx.services.pullRequests.state(input.sessionId, input.path, signal),
    ),

  /** Sends the agent what it has not been sent of comments, reviews and failed checks. */
  sendFeedback: procedure
    .input(ofRepository)
    .output(z.object({ sent: z.int(), runId: z.string() }))
    .mutation(({ ctx, input, signal = neverFires }) =>
      ctx.services.pullRequests.sendFeedback(input.sessionId, input.path, signal),
    ),
});
