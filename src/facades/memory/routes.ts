import { z } from 'zod';
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
} from '../../api/views/memory.ts';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing, ok } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import type { MemoryService } from '../../sessions/api/server/memory.ts';

const base = '/api/v1/memory';
const about = describing({ tag: 'Memory', prefix: 'memory', failures: detailFailures });
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
const one = ok(Note, example);
const whose =
  '`of` is `person` or `project`, and `id` the owner or the project. Without `id`: the notes of the caller. ';
/** In a query every value is a text. */
const InQuery = NotePlace.extend({ version: z.coerce.number().pipe(NotePlace.shape.version.unwrap()).optional() });

/** The notes of people and projects, below `/api/v1/memory`. */
export function memoryRoutes(service: MemoryService): FacadeRoutes {
  return {
    mount(app) {
      mountReads(app, service);
      mountChanges(app, service);
    },
  };
}

function mountReads(app: App, service: MemoryService): void {
  app.get(
    base,
    {
      schema: { response: { 200: ok(z.array(MemorySummary), [summary]) } },
      config: { doc: about('List', 'The people and projects whose notes you can read, with their sizes') },
    },
    async () => (await service.list()).map(toSummary),
  );
  app.get(
    `${base}/notes`,
    {
      schema: { querystring: MemoryHolder, response: { 200: ok(z.array(Note), [example]) } },
      config: {
        doc: about('Notes', 'List the notes of a person or a project, by path', {
          description: `${whose}Deleted notes are listed too while they can come back.`,
          fails: [404],
        }),
      },
    },
    async ({ query }) => (await service.notes(query)).map(toNote),
  );
  app.get(
    `${base}/note`,
    {
      schema: { querystring: InQuery, response: { 200: ok(NoteText, { ...example, text }) } },
      config: {
        doc: about('Read', 'Read a note, or an earlier version of it', { description: whose, fails: [404, 409] }),
      },
    },
    async ({ query: { path, version, ...holder } }) => toText(await service.read(holder, path, version)),
  );
  app.get(
    `${base}/history`,
    {
      schema: { querystring: NotePath, response: { 200: ok(z.array(NoteVersion), [exampleVersion]) } },
      config: {
        doc: about('History', 'The versions of a note that are kept, the newest first', {
          description: `${whose}\`text\` is null where the version deleted the note, or was redacted.`,
          fails: [404],
        }),
      },
    },
    async ({ query: { path, ...holder } }) => (await service.history(holder, path)).map(toVersion),
  );
}

function mountChanges(app: App, service: MemoryService): void {
  app.put(
    `${base}/note`,
    {
      schema: { body: NoteWrite, response: { 200: one } },
      config: {
        doc: about('Write', 'Write a note', {
          description: `${whose}With \`expect\` the write fails when the note is at another version; 0 means that there must be none.`,
          bodyExample: { ...place, text },
          fails: [400, 403, 404, 409, 413, 422],
        }),
      },
    },
    async ({ body: { of, id, ...note } }) => toNote(await service.write({ of, id }, note)),
  );
  app.delete(
    `${base}/note`,
    {
      schema: { querystring: NotePath, response: { 200: one } },
      config: {
        doc: about('Delete', 'Delete a note; `undo` brings it back', { description: whose, fails: [403, 404] }),
      },
    },
    async ({ query: { path, ...holder } }) => toNote(await service.delete(holder, path)),
  );
  app.post(
    `${base}/undo`,
    {
      schema: { body: NoteUndo, response: { 200: one } },
      config: {
        doc: about('Undo', 'Take the newest change of a note back, or bring the text of an earlier version back', {
          description: whose,
          bodyExample: place,
          fails: [400, 403, 404, 409, 413, 422],
        }),
      },
    },
    async ({ body: { path, to, ...holder } }) => toNote(await service.undo(holder, path, to)),
  );
  app.post(
    `${base}/redact`,
    {
      schema: { body: NoteRedaction, response: { 200: one } },
      config: {
        doc: about('Redact', 'Remove the text of a version for good', {
          description: `${whose}\`all\` removes the texts of all versions, and deletes the note. The newest version of a note that is there cannot be redacted alone.`,
          bodyExample: { ...place, path: 'tokens.md', version: 1 },
          fails: [400, 403, 404, 409, 413, 422],
        }),
      },
    },
    async ({ body: { path, version, ...holder } }) => toNote(await service.redact(holder, path, version)),
  );
}
