import { z } from 'zod';
import { neverFires } from '../../core/concurrency/cancel.ts';
import { SessionRepository } from '../../core/model/repository.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { ofSession } from '../procedure/schemas.ts';
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
} from '../views/repositories.ts';

const ofRepository = ofSession.extend(OfRepository.shape);

/** The repositories of a session. Git runs in its sandbox alone. */
export const repositoriesRouter = router({
  list: procedure
    .input(ofSession)
    .output(z.array(SessionRepository).readonly())
    .query(({ ctx, input }) => ctx.services.repositories.list(input.sessionId)),

  /** Fetches one that failed again, such as after its credential was bound. */
  fetch: procedure
    .input(ofRepository)
    .output(SessionRepository)
    .mutation(({ ctx, input, signal = neverFires }) =>
      ctx.services.repositories.fetch(input.sessionId, input.path, signal),
    ),

  status: procedure
    .input(ofRepository)
    .output(RepositoryStatus)
    .query(({ ctx, input, signal = neverFires }) =>
      ctx.services.repositories.status(input.sessionId, input.path, signal),
    ),

  /** Against the commit with which the session began, or the one that is checked out. */
  diff: procedure
    .input(ofSession.extend(DiffInput.shape))
    .output(DiffText)
    .query(({ ctx, input, signal = neverFires }) =>
      ctx.services.repositories.diff(input.sessionId, input.path, diffQuery(input), signal),
    ),

  /** The commits since the base, for `git am`. */
  patch: procedure
    .input(ofRepository)
    .output(z.object({ text: z.string() }))
    .query(async ({ ctx, input, signal = neverFires }) => ({
      text: await ctx.services.repositories.patch(input.sessionId, input.path, signal),
    })),

  commit: procedure
    .input(ofSession.extend(CommitInput.shape))
    .output(MadeCommit)
    .mutation(({ ctx, input, signal = neverFires }) =>
      ctx.services.repositories.commit(input.sessionId, input.path, commitCommand(input), signal),
    ),

  push: procedure
    .input(ofSession.extend(PushInput.shape))
    .output(PushedBranch)
    .mutation(({ ctx, input: { sessionId, path, branch }, signal = neverFires }) =>
      ctx.services.repositories.push(sessionId, path, branch === undefined ? {} : { branch }, signal),
    ),

  /** Runs the checks that the repository names, all or some, and answers with their results. */
  check: procedure
    .input(ofSession.extend(ChecksInput.shape))
    .output(RanChecks)
    .mutation(async ({ ctx, input: { sessionId, path, names }, signal = neverFires }) =>
      ranChecks(await ctx.services.repositories.check(sessionId, path, names, signal)),
    ),

  /** Allows the services that the repository asks for, all or some. A sandbox that runs is ended, and starts with them at its next use. */
  allowServices: procedure
    .input(ofSession.extend(AllowedServicesInput.shape))
    .output(AllowedServices)
    .mutation(async ({ ctx, input: { sessionId, path, names }, signal = neverFires }) => ({
      services: await ctx.services.repositories.allowServices(sessionId, path, names, signal),
    })),
});
