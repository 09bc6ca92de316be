import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { Note, type NoteAuthor } from '../api/server/memory.ts';

// One record per holder, so that one conditional write checks paths and sizes. Texts are separate records.

const StoredNote = Note.extend({
  id: z.string(),
  /** Oldest first. The last version has the number `version`. */
  versions: z.array(z.object({ id: z.string(), at: z.number(), size: z.int() })).min(1),
});
export type StoredNote = z.infer<typeof StoredNote>;
export const NoteIndex = z.object({ notes: z.array(StoredNote) });
export type NoteIndex = z.infer<typeof NoteIndex>;

export interface NoteLimits {
  readonly maxNoteBytes: number;
  /** Per holder, excluding history. */
  readonly maxBytes: number;
  readonly maxVersions: number;
}
export const maxNotes = 500; // per holder; deleted notes are counted separately

export const findNote = ({ notes }: NoteIndex, path: string): StoredNote | undefined =>
  notes.find((note) => note.path === path);
export const sumNoteSizes = ({ notes }: NoteIndex): number =>
  notes.reduce((sum, { deleted, size }) => sum + (deleted ? 0 : size), 0);
export const countLiveNotes = ({ notes }: NoteIndex): number => notes.filter(({ deleted }) => !deleted).length;

export interface NoteChange {
  readonly path: string;
  readonly versionId: string;
  readonly size: number | null;
  readonly at: number;
  readonly author: NoteAuthor;
}

/** Also returns the versions dropped to make room. Throws: conflict. */
export function applyNoteChange(
  index: NoteIndex,
  { path, versionId, size, at, author }: NoteChange,
  { limits, newId }: { readonly limits: NoteLimits; readonly newId: () => string },
): { readonly index: NoteIndex; readonly note: StoredNote; readonly dropped: readonly NoteVersionRef[] } {
  const before = findNote(index, path);
  const others = index.notes.filter((note) => note !== before);
  if (size !== null) refuseUnlessFits(others, { path, size, isNew: before?.deleted !== false }, limits);
  const note: StoredNote = {
    id: before?.id ?? newId(),
    path,
    versions: [...(before?.versions ?? []), { id: versionId, at, size: size ?? 0 }].slice(-limits.maxVersions),
    version: (before?.version ?? 0) + 1,
    size: size ?? 0,
    deleted: size === null,
    createdAt: before && !before.deleted ? before.createdAt : at,
    updatedAt: at,
    author,
  };
  const next = { notes: roomy([...others, note], limits).sort((a, b) => (a.path < b.path ? -1 : 1)) };
  const kept = next.notes.find(({ id }) => id === note.id) ?? note;
  return { index: next, note: kept, dropped: findDroppedVersions(index, next) };
}

function roomy(notes: readonly StoredNote[], { maxBytes }: NoteLimits): StoredNote[] {
  const deleted = notes.filter((one) => one.deleted).sort((a, b) => b.updatedAt - a.updatedAt);
  const gone = new Set(deleted.slice(maxNotes));
  const replaced = notes.flatMap(({ versions }) => versions.slice(0, -1)).sort((a, b) => b.at - a.at);
  const tooMuch = new Set<string>();
  let history = 0;
  for (const { id, size } of replaced) {
    history += size;
    if (history > maxBytes) tooMuch.add(id);
  }
  return notes
    .filter((one) => !gone.has(one))
    .map((one) => {
      const last = one.versions.findLastIndex(({ id }) => tooMuch.has(id));
      return { ...one, versions: one.versions.slice(last + 1) };
    });
}

export const dropOldNoteHistory = ({ notes }: NoteIndex, before: number): NoteIndex => ({
  notes: notes
    .filter(({ deleted, updatedAt }) => !deleted || updatedAt >= before)
    .map((note) => {
      // A version's age is measured from when it was replaced.
      const first = note.versions.findIndex((_, n) => (note.versions[n + 1]?.at ?? Number.POSITIVE_INFINITY) >= before);
      return { ...note, versions: note.versions.slice(first) };
    }),
});

export function findDroppedVersions(before: NoteIndex, after: NoteIndex): NoteVersionRef[] {
  const kept = new Set(after.notes.flatMap(({ versions }) => versions.map(({ id }) => id)));
  return before.notes.flatMap(({ id: note, versions }) =>
    versions.filter(({ id }) => !kept.has(id)).map(({ id: version }) => ({ note, version })),
  );
}
export interface NoteVersionRef {
  readonly note: string;
  readonly version: string;
}

function refuseUnlessFits(
  others: readonly StoredNote[],
  { path, size, isNew }: { readonly path: string; readonly size: number; readonly isNew: boolean },
  { maxBytes }: NoteLimits,
): void {
  const live = others.filter(({ deleted }) => !deleted);
  if (isNew && live.length >= maxNotes)
    throw new AppError('conflict', `There are already ${maxNotes} notes. Delete or merge some.`);
  const rest = live.reduce((sum, note) => sum + note.size, 0);
  if (rest + size > maxBytes) {
    const what = `The notes would have ${rest + size} bytes in total, and memory.max-bytes allows ${maxBytes}.`;
    throw new AppError('conflict', `${what} Shorten or delete some.`);
  }
  const clash = live.find((one) => one.path.startsWith(`${path}/`) || path.startsWith(`${one.path}/`));
  if (clash) {
    const text = `${path} cannot be a note, because ${clash.path} is one: a name is a note or a folder. Choose another name.`;
    throw new AppError('conflict', text);
  }
}

export const toNote = ({ path, size, version, deleted, createdAt, updatedAt, author }: StoredNote): Note => ({
  path,
  size,
  version,
  deleted,
  createdAt,
  updatedAt,
  author,
});
