import { z } from 'zod';
import { FileChanges } from '../../sessions/api/files.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { awaitOkResult, OkResult, PathInput, sessionTarget, toIsoTime } from '../procedure/schemas.ts';

/** If false, the call fails when no sandbox is running, instead of starting one. */
const Starts = z.boolean().default(true);
const ofFile = sessionTarget.extend({ path: PathInput });
const SearchInput = sessionTarget.extend({
  /** A glob for `find`, a POSIX extended regular expression for `grep`. */
  pattern: z.string().min(1).max(10_000),
  path: PathInput.default('.'),
  /** Comma-separated globs for the base name. */
  fileTypes: z.string().max(1_000).default('*'),
});

const globs = (list: string): string[] =>
  list
    .split(',')
    .map((glob) => glob.trim())
    .filter((glob) => glob !== '' && glob !== '*');

export const filesRouter = router({
  list: procedure
    .input(
      sessionTarget.extend({
        path: PathInput.default('.'),
        starts: Starts,
      }),
    )
    .output(
      z.object({
        path: z.string(),
        items: z.array(
          z.object({
            name: z.string(),
            type: z.enum(['file', 'directory']),
            size: z.number().nullable(),
            modified: z.string(),
          }),
        ),
      }),
    )
    .query(async ({ ctx, input: { sessionId, path, starts } }) => {
      const entries = await ctx.services.files.list(sessionId, path, ctx.signal, { starts });
      const items = entries.map(({ name, type, size, modified }) => ({
        name,
        // the API has no other type for links and pipes
        type: type === 'directory' ? type : ('file' as const),
        size,
        modified,
      }));
      return { path, items: path === '.' ? items.filter(({ name }) => name !== '.corral') : items }; // Corral's own files
    }),

  read: procedure
    .input(ofFile.extend({ encoding: z.enum(['utf8', 'base64']).default('utf8') }))
    .output(z.object({ path: z.string(), content: z.string() }))
    .query(async ({ ctx, input: { sessionId, path, encoding } }) => {
      const bytes = await ctx.services.files.read(sessionId, path, ctx.signal);
      return { path, content: bytes.toString(encoding) };
    }),

  write: procedure
    .input(ofFile.extend({ content: z.string() }))
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, path, content } }) =>
      awaitOkResult(ctx.services.files.write(sessionId, path, content, ctx.signal)),
    ),

  delete: procedure
    .input(ofFile)
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, path } }) =>
      awaitOkResult(ctx.services.files.remove(sessionId, path, ctx.signal)),
    ),

  changes: procedure
    .input(sessionTarget.extend({ starts: Starts }))
    .output(FileChanges.extend({ since: z.object({ runId: z.string(), at: z.iso.datetime() }).nullable() }))
    .query(async ({ ctx, input: { sessionId, starts } }) => {
      const { since, ...changes } = await ctx.services.files.changes(sessionId, ctx.signal, { starts });
      return { since: since && { runId: since.runId, at: toIsoTime(since.at) }, ...changes };
    }),

  before: procedure
    .input(ofFile)
    .output(z.object({ path: z.string(), content: z.string() }))
    .query(async ({ ctx, input: { sessionId, path } }) => {
      const bytes = await ctx.services.files.before(sessionId, path, ctx.signal);
      return { path, content: bytes.toString('utf8') };
    }),

  find: procedure
    .input(SearchInput)
    .output(z.object({ matches: z.array(z.string()).readonly(), truncated: z.boolean() }))
    .query(({ ctx, input: { sessionId, pattern, path, fileTypes } }) =>
      ctx.services.files.find(sessionId, { pattern, path, types: globs(fileTypes) }, ctx.signal),
    ),

  grep: procedure
    .input(SearchInput)
    .output(
      z.object({
        matches: z.array(z.object({ file: z.string(), line: z.int(), content: z.string() })).readonly(),
        truncated: z.boolean(),
      }),
    )
    .query(({ ctx, input: { sessionId, pattern, path, fileTypes } }) =>
      ctx.services.files.grep(sessionId, { pattern, path, types: globs(fileTypes) }, ctx.signal),
    ),
});
