import { z } from 'zod';
import {
  type NoteAuthor as AuthorDoc,
  memoryHolders,
  type Note as NoteDoc,
  type MemorySummary as SummaryDoc,
  type NoteText as TextDoc,
  type NoteVersion as VersionDoc,
} from '../../sessions/api/server/memory.ts';

// The notes of people and projects, as clients see and change them. Times are ISO 8601 in UTC.

const maxText = 1024 * 1024; // memory.max-note-bytes cannot be larger
export const MemoryHolder = z.strictObject({
  of: z.enum(memoryHolders),
  /** The project, or the owner of sessions (empty: those without one). Without it: the caller's own notes. */
  id: z.string().max(100).optional(),
});
/** Relative, such as `build/commands.md`. */
const path = z.string().min(1).max(200);
const number = z.int().min(1).max(1_000_000_000);
export const NotePath = MemoryHolder.extend({ path });
export const NotePlace = NotePath.extend({
  /** An earlier version; absent: the present text. */
  version: number.optional(),
});
export const NoteWrite = NotePath.extend({
  text: z.string().max(maxText),
  /** The version that you have seen; 0: there must be no such note. Absent: the last write wins. */
  expect: z.int().nonnegative().max(1_000_000_000).optional(),
});
export const NoteUndo = NotePath.extend({
  /** The version whose text comes back; absent: the one before the newest. */
  to: number.optional(),
});
export const NoteRedaction = NotePath.extend({
  /** `all` deletes the note too. */
  version: z.union([number, z.literal('all')]),
});

const time = z.iso.datetime();
const NoteAuthor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('person'), id: z.string() }),
  z.object({
    kind: z.literal('agent'),
    sessionId: z.string(),
    runId: z.string(),
    /** A person approved it. */
    approved: z.boolean(),
  }),
  /** The server removed a note by its age. */
  z.object({ kind: z.literal('server') }),
]);
export const Note = z.object({
  path: z.string(),
  /** In bytes (UTF-8). */
  size: z.int(),
  /** 1, 2, 3 and so on. */
  version: z.int(),
  /** A deleted note keeps its history for a while. */
  deleted: z.boolean(),
  createdAt: time,
  updatedAt: time,
  author: NoteAuthor,
});
export const NoteText = Note.extend({ text: z.string() });
export const NoteVersion = z.object({
  number: z.int(),
  at: time,
  action: z.enum(['write', 'delete', 'undo']),
  author: NoteAuthor,
  size: z.int(),
  /** Null: the version deleted the note, or its text was redacted. */
  text: z.string().nullable(),
  redacted: z.object({ at: time, by: z.string() }).nullable(),
});
export const MemorySummary = z.object({
  of: z.enum(memoryHolders),
  id: z.string(),
  name: z.string(),
  notes: z.int(),
  /** In bytes, without the history. */
  size: z.int(),
  maxSize: z.int(),
  updatedAt: time.nullable(),
});

const iso = (ms: number): string => new Date(ms).toISOString();
const toAuthor = (author: AuthorDoc): z.output<typeof NoteAuthor> => author;
export const toNote = ({ path: name, size, version, deleted, createdAt, updatedAt, author }: NoteDoc) => ({
  path: name,
  size,
  version,
  deleted,
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
  author: toAuthor(author),
});
export const toText = (doc: TextDoc): z.output<typeof NoteText> => ({ ...toNote(doc), text: doc.text });
export const toVersion = ({ at, redacted, ...doc }: VersionDoc): z.output<typeof NoteVersion> => ({
  ...doc,
  at: iso(at),
  redacted: redacted && { ...redacted, at: iso(redacted.at) },
});
export const toSummary = ({ updatedAt, ...doc }: SummaryDoc): z.output<typeof MemorySummary> => ({
  ...doc,
  updatedAt: updatedAt === null ? null : iso(updatedAt),
});
