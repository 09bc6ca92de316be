import { z } from 'zod';
import { neverFires } from '../../../../core/concurrency/cancel.ts';
import { GitPerson, GitRef, SessionRepository } from '../../../../core/model/repository.ts';
import { procedure, router } from '../../base.ts';
import { ofSession } from '../../schemas.ts';

const noNul = (text: string) => !/[\0\n]/.test(text);
const FileInput = z.string().min(1).max(4_096).refine(noNul, 'must be one line');
const ofRepository = ofSession.extend({ path: z.string().min(1).max(200) });

const Change = z.object({
  path: z.string(),
  change: z.enum(['added', 'modified', 'deleted', 'renamed']),
  from: z.string().nullable(),
});
const Status = z.object({
  branch: z.string().nullable(),
  head: z.string().nullable(),
  /** The commits of `head` that the base commit does not have. */
  ahead: z.int(),
  files: z.array(Change).readonly(),
  truncated: z.boolean(),
});
const Diff = z.object({ text: z.string(), truncated: z.boolean() });

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
    .output(Status)
    .query(({ ctx, input, signal = neverFires }) =>
      ctx.services.repositories.status(input.sessionId, input.path, signal),
    ),

  /** Against the commit with which the session began, or the one that is checked out. */
  diff: procedure
    .input(ofRepository.extend({ since: z.enum(['base', 'head']).default('base'), file: FileInput.optional() }))
    .output(Diff)
    .query(({ ctx, input: { sessionId, path, since, file }, signal = neverFires }) =>
      ctx.services.repositories.diff(sessionId, path, { since, ...(file !== undefined && { file }) }, signal),
    ),

  /** The commits since the base, for `git am`. */
  patch: procedure
    .input(ofRepository)
    .output(z.object({ text: z.string() }))
    .query(async ({ ctx, input, signal = neverFires }) => ({
      text: await ctx.services.repositories.patch(input.sessionId, input.path, signal),
    })),

  commit: procedure
    .input(
      ofRepository.extend({
        message: z
          .string()
          .trim()
          .min(1)
          .max(20_000)
          .refine((text) => !text.includes('\0'), 'must not contain NUL'),
        author: GitPerson.optional(),
        files: z.array(FileInput).min(1).max(2_000).optional(),
      }),
    )
    .output(z.object({ commit: z.string(), branch: z.string() }))
    .mutation(({ ctx, input: { sessionId, path, message, author, files }, signal = neverFires }) =>
      ctx.services.repositories.commit(
        sessionId,
        path,
        { message, ...(author && { author }), ...(files && { files }) },
        signal,
      ),
    ),

  push: procedure
    .input(ofRepository.extend({ branch: GitRef.optional() }))
    .output(z.object({ url: z.string(), branch: z.string(), commit: z.string() }))
    .mutation(({ ctx, input: { sessionId, path, branch }, signal = neverFires }) =>
      ctx.services.repositories.push(sessionId, path, branch === undefined ? {} : { branch }, signal),
    ),
});
