import { neverFires } from '../../core/concurrency/cancel.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { ofSession } from '../procedure/schemas.ts';
import {
  OfRepository,
  PullRequest,
  PullRequestInput,
  PullRequestState,
  pullRequestCommand,
  SentFeedback,
} from '../views/repositories.ts';

const ofRepository = ofSession.extend(OfRepository.shape);

/** The pull requests of a session's repositories, at their forges. */
export const pullRequestsRouter = router({
  /** Pushes the branch first. One that is open already gets the new commits and is the answer. */
  open: procedure
    .input(ofSession.extend(PullRequestInput.shape))
    .output(PullRequest)
    .mutation(({ ctx, input, signal = neverFires }) =>
      ctx.services.pullRequests.open(input.sessionId, input.path, pullRequestCommand(input), signal),
    ),

  /** With comments, reviews and checks, as the forge has them now. */
  state: procedure
    .input(ofRepository)
    .output(PullRequestState)
    .query(({ ctx, input, signal = neverFires }) =>
      ctx.services.pullRequests.state(input.sessionId, input.path, signal),
    ),

  /** Sends the agent what it has not been sent of comments, reviews and failed checks. */
  sendFeedback: procedure
    .input(ofRepository)
    .output(SentFeedback)
    .mutation(({ ctx, input, signal = neverFires }) =>
      ctx.services.pullRequests.sendFeedback(input.sessionId, input.path, signal),
    ),
});
