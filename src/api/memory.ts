import { z } from 'zod';
import { procedure, router } from './procedure/procedure.ts';
import {
  MemoryHolder,
  MemorySummary,
  Note,
  NotePath,
  NotePlace,
  NoteRedaction,
  NoteText,
  NoteUndo,
  NoteVersion,
  NoteWrite,
  toNote,
  toSummary,
  toText,
  toVersion,
} from './views/memory.ts';

/** Notes that outlive sessions, of people and projects. Agents read and write them where settings or a template let them. */
export const memoryRouter = router({
  /** The caller's own, and those of each project that it sees. */
  list: procedure
    .output(z.array(MemorySummary))
    .query(async ({ ctx }) => (await ctx.services.memory.list()).map(toSummary)),
  /** By path, deleted ones too. */
  notes: procedure
    .input(MemoryHolder)
    .output(z.array(Note))
    .query(async ({ ctx, input }) => (await ctx.services.memory.notes(input)).map(toNote)),
  read: procedure
    .input(NotePlace)
    .output(NoteText)
    .query(async ({ ctx, input: { path, version, ...holder } }) =>
      toText(await ctx.services.memory.read(holder, path, version)),
    ),
  write: procedure
    .input(NoteWrite)
    .output(Note)
    .mutation(async ({ ctx, input: { of, id, ...note } }) => toNote(await ctx.services.memory.write({ of, id }, note))),
  /** The note keeps its history for a while, so that `undo` can bring it back. */
  delete: procedure
    .input(NotePath)
    .output(Note)
    .mutation(async ({ ctx, input: { path, ...holder } }) => toNote(await ctx.services.memory.delete(holder, path))),
  /** The newest first. */
  history: procedure
    .input(NotePath)
    .output(z.array(NoteVersion))
    .query(async ({ ctx, input: { path, ...holder } }) =>
      (await ctx.services.memory.history(holder, path)).map(toVersion),
    ),
  undo: procedure
    .input(NoteUndo)
    .output(Note)
    .mutation(async ({ ctx, input: { path, to, ...holder } }) =>
      toNote(await ctx.services.memory.undo(holder, path, to)),
    ),
  /** Removes the text of a version for good. */
  redact: procedure
    .input(NoteRedaction)
    .output(Note)
    .mutation(async ({ ctx, input: { path, version, ...holder } }) =>
      toNote(await ctx.services.memory.redact(holder, path, version)),
    ),
});
