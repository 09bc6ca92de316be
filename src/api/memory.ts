import { z } from 'zod';
import * as stored from '../sessions/api/server/memory.ts';
import { defineOperations, router } from './procedure/procedure.ts';
import { IsoTime } from './procedure/schemas.ts';

const maxText = 1024 * 1024; // memory.max-note-bytes has the same maximum
const MemoryHolder = z.strictObject({
  of: z.enum(stored.memoryHolderKinds),
  /** Empty for sessions without an owner. Default: the caller's own notes. */
  id: z.string().max(100).optional(),
});
/** A relative path, such as `build/commands.md`. */
const path = z.string().min(1).max(200);
const number = z.int().min(1).max(1_000_000_000);
const NotePath = MemoryHolder.extend({ path });
const NotePlace = NotePath.extend({
  /** Default: the current version. */
  version: number.optional(),
});
const NoteWrite = NotePath.extend({
  text: z.string().max(maxText),
  /** The version to replace. 0: a new note. Absent: no check. */
  expect: z.int().nonnegative().max(1_000_000_000).optional(),
});
const NoteUndo = NotePath.extend({
  /** Default: the version before the newest. */
  to: number.optional(),
});
const NoteRedaction = NotePath.extend({
  /** `all` also deletes the note itself. */
  version: z.union([number, z.literal('all')]),
});

const Note = stored.Note.extend({ createdAt: IsoTime, updatedAt: IsoTime });
const NoteText = Note.extend({ text: z.string() });
const NoteVersion = stored.NoteVersion.extend({
  at: IsoTime,
  redacted: z.object({ at: IsoTime, by: z.string() }).nullable(),
});
const MemorySummary = stored.MemorySummary.extend({ updatedAt: IsoTime.nullable() });

const at = '2026-11-24T12:00:00.000Z';
const text = 'Run the tests with make test.\n';
const project = { of: 'project', id: '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10' } as const;
const place = { ...project, path: 'build.md' } as const;
const author = { kind: 'person', id: '0123456789ab' } as const;
const example: z.output<typeof Note> = {
  path: place.path,
  size: text.length,
  version: 1,
  deleted: false,
  createdAt: at,
  updatedAt: at,
  author,
};
const exampleVersion: z.output<typeof NoteVersion> = {
  number: 1,
  at,
  action: 'write',
  author,
  size: text.length,
  text,
  redacted: null,
};
const summary: z.output<typeof MemorySummary> = {
  of: 'person',
  id: author.id,
  name: 'Ada',
  notes: 1,
  size: text.length,
  maxSize: 4_194_304,
  updatedAt: at,
};
const whose =
  '`of` is `person` or `project`, and `id` the owner or the project. Without `id`: the notes of the caller. ';

const authorColumn =
  '{?author.approved}agent of {author.sessionId}, approved | agent of {author.sessionId} | person {author.id} | {author.kind}';
const operation = defineOperations({
  tag: 'Memory',
  prefix: 'memory',
  command: {
    name: 'memory',
    item: 'note',
    about: 'shows and changes the notes of agents that outlive their sessions: your own, or those of a project',
    args: [
      ['[path]', 'the path of the note, such as build/commands.md'],
      ['[version]', 'its number: the text to show, to restore with undo, or to remove with redact (or all)'],
    ],
    examples: [
      'corral memory --project web',
      'corral memory edit build/commands.md',
      'corral memory undo build/commands.md',
      'corral memory redact build/commands.md 2',
    ],
    columns: ['{path}', 'v{version}', '{?deleted}deleted | {size} bytes', '{updatedAt}', authorColumn],
  },
});
const base = '/api/v1/memory';
const one = { out: Note, answer: example };

export const memoryRouter = router({
  list: operation({
    rest: `GET ${base}`,
    summary: 'The people and projects whose notes you can read, with their sizes',
    may: 'any',
    out: z.array(MemorySummary).readonly(),
    answer: [summary],
  }).query(async ({ ctx }) => await ctx.services.memory.list()),
  notes: operation({
    rest: `GET ${base}/notes`,
    summary: 'List the notes of a person or a project, by path',
    description: `${whose}Deleted notes are also listed while they can be restored.`,
    may: 'read',
    in: MemoryHolder,
    out: z.array(Note).readonly(),
    answer: [example],
    fails: [404],
  }).query(async ({ ctx, input }) => await ctx.services.memory.notes(input)),
  read: operation({
    rest: `GET ${base}/note`,
    summary: 'Read a note, or an earlier version of it',
    description: whose,
    may: 'read',
    in: NotePlace,
    out: NoteText,
    answer: { ...example, text },
    fails: [404, 409],
  }).query(
    async ({ ctx, input: { path, version, ...holder } }) => await ctx.services.memory.read(holder, path, version),
  ),
  history: operation({
    rest: `GET ${base}/history`,
    summary: 'The versions of a note that are kept, the newest first',
    verb: {
      name: 'history',
      words: ['path'],
      columns: ['v{number}', '{at}', '{action}', '{?redacted}redacted | {size} bytes', authorColumn],
    },
    description: `${whose}\`text\` is null where the version deleted the note, or was redacted.`,
    may: 'read',
    in: NotePath,
    out: z.array(NoteVersion).readonly(),
    answer: [exampleVersion],
    fails: [404],
  }).query(async ({ ctx, input: { path, ...holder } }) => await ctx.services.memory.history(holder, path)),
  write: operation({
    ...one,
    rest: `PUT ${base}/note`,
    summary: 'Write a note',
    description: `${whose}With \`expect\` the write fails when the note is at another version; 0 means that there must be none.`,
    may: 'work',
    in: NoteWrite,
    example: { ...place, text },
    fails: [400, 403, 404, 409, 413, 422],
  }).mutation(async ({ ctx, input: { of, id, ...note } }) => await ctx.services.memory.write({ of, id }, note)),
  delete: operation({
    ...one,
    rest: `DELETE ${base}/note`,
    summary: 'Delete a note; `undo` restores it',
    verb: { name: 'delete', words: ['path'] },
    description: whose,
    may: 'work',
    in: NotePath,
    fails: [403, 404],
  }).mutation(async ({ ctx, input: { path, ...holder } }) => await ctx.services.memory.delete(holder, path)),
  undo: operation({
    ...one,
    rest: `POST ${base}/undo`,
    summary: 'Undo the newest change of a note, or restore the text of an earlier version',
    verb: { name: 'undo', words: ['path', 'to'] },
    description: whose,
    may: 'work',
    in: NoteUndo,
    example: place,
    fails: [400, 403, 404, 409, 413, 422],
  }).mutation(async ({ ctx, input: { path, to, ...holder } }) => await ctx.services.memory.undo(holder, path, to)),
  redact: operation({
    ...one,
    rest: `POST ${base}/redact`,
    summary: 'Remove the text of a version for good',
    verb: { name: 'redact', words: ['path', 'version'] },
    description: `${whose}\`all\` removes the texts of all versions, and deletes the note. The newest version of an existing note cannot be redacted alone.`,
    may: 'work',
    in: NoteRedaction,
    example: { ...place, path: 'tokens.md', version: 1 },
    fails: [400, 403, 404, 409, 413, 422],
  }).mutation(
    async ({ ctx, input: { path, version, ...holder } }) => await ctx.services.memory.redact(holder, path, version),
  ),
});
