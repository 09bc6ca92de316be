import { z } from 'zod';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict, ignoreNotFound } from '../../core/errors/errors.ts';
import { changeRecordWithResult } from '../../storage/collection.ts';
import { type MemoryOwner, type Note, type NoteAuthor, NoteVersion, type NoteWithText } from '../api/server/memory.ts';
import {
  applyNoteChange,
  countLiveNotes,
  dropOldNoteHistory,
  findDroppedVersions,
  findNote,
  NoteIndex,
  type NoteLimits,
  type NoteVersionRef,
  type StoredNote,
  sumNoteSizes,
  toNote,
} from './note-index.ts';

const maxPath = 200; // characters
const maxParts = 8;
// Control characters, and characters that are invisible to people but visible to models.
const unseen = /[\p{C}\p{Zl}\p{Zp}]/u;

const refusal = (text: string, field = 'path') => new AppError('invalid_request', text, { field });

function checkNotePath(path: string): void {
  const shown = JSON.stringify(path.slice(0, 60));
  if (path === '' || path.length > maxPath)
    throw refusal(`The path of a note has 1 to ${maxPath} characters, such as build/commands.md.`);
  if (unseen.test(path)) throw refusal(`The path ${shown} has invisible characters. Remove them.`);
  if (path !== path.normalize('NFC')) throw refusal(`The path ${shown} is not in Unicode normal form (NFC).`);
  const parts = path.split('/');
  if (parts.length > maxParts) throw refusal(`The path ${shown} has more than ${maxParts} parts. Use fewer folders.`);
  for (const part of parts) {
    if (part === '') throw refusal(`The path ${shown} begins or ends with a slash, or has two in a row. Remove it.`);
    if (part === '.' || part === '..') throw refusal(`The path ${shown} has the part "${part}". Remove it.`);
    if (part !== part.trim()) throw refusal(`A part of the path ${shown} begins or ends with a space. Remove it.`);
  }
}

/** Returns the size in bytes. Throws: invalid_request, payload_too_large. */
function checkNoteText(text: string, most: number): number {
  if (!text.isWellFormed() || text.includes('\0'))
    throw refusal('The text of a note has an incomplete character or a NUL. Notes are plain text.', 'text');
  const size = Buffer.byteLength(text);
  if (size <= most) return size;
  const what = `The note has ${size} bytes, and memory.max-note-bytes allows ${most}.`;
  throw new AppError('payload_too_large', `${what} Shorten it, or split it into several notes.`, { field: 'text' });
}

interface Deps extends Pick<ServerDependencies, 'clock' | 'newId' | 'records'> {
  readonly limits: NoteLimits;
}
const kinds = { index: 'memory', version: 'memory-version' } as const;
const StoredVersion = NoteVersion.extend({ id: z.string(), note: z.string() });
type StoredVersion = z.infer<typeof StoredVersion>;
interface KeyedVersion {
  readonly key: string;
  /** The record's version, for the conditional write. */
  readonly stored: number;
  readonly version: StoredVersion;
}
/** A holder's id never contains a colon. */
const keyOf = ({ of, id }: MemoryOwner) => `${of}:${id}`;
const holderOf = (key: string): MemoryOwner => {
  const at = key.indexOf(':');
  return { of: key.slice(0, at) as MemoryOwner['of'], id: key.slice(at + 1) };
};
const noNote = (path: string) => new AppError('not_found', `There is no note ${path}.`);

interface Draft {
  readonly action: StoredVersion['action'];
  readonly text: string | null;
}

/** Callers must check permissions. */
export class NoteStore extends ServerComponent<Deps> {
  get limits(): NoteLimits {
    return this.deps.limits;
  }

  /** Without `among`, lists all holders, including those whose notes are all deleted. */
  async holders(
    among?: readonly MemoryOwner[],
  ): Promise<ReadonlyMap<string, { readonly notes: number; readonly size: number; updatedAt: number }>> {
    const { records } = this.deps;
    const all = among
      ? await Promise.all(among.map((holder) => records.get(kinds.index, keyOf(holder))))
      : await records.list(kinds.index);
    return new Map(
      all.flatMap((found) => {
        if (!found) return [];
        const { id, doc } = found;
        const index = NoteIndex.parse(doc);
        const updatedAt = Math.max(0, ...index.notes.map((note) => note.updatedAt));
        return [[id, { notes: countLiveNotes(index), size: sumNoteSizes(index), updatedAt }] as const];
      }),
    );
  }

  /** All notes, including deleted ones, sorted by path. */
  async list(holder: MemoryOwner): Promise<readonly Note[]> {
    return (await this.#index(holder)).notes.map(toNote);
  }

  /** Rejects: not_found, conflict (the version was redacted or records the note's deletion). */
  async read(holder: MemoryOwner, path: string, number?: number): Promise<NoteWithText> {
    return await this.#changeIndex(holder, async (index) => {
      const note = findNote(index, path);
      if (!note || (note.deleted && number === undefined)) throw noNote(path);
      const version = await this.#version(holder, note, number ?? note.version);
      if (version === 'again') return 'again';
      const { text, size, author, at } = version;
      if (text === null) throw new AppError('conflict', goneText(version));
      return { value: { ...toNote(note), version: version.number, size, author, updatedAt: at, text } };
    });
  }

  /** Newest first. Rejects: not_found. */
  async history(holder: MemoryOwner, path: string): Promise<readonly NoteVersion[]> {
    const { clock, records } = this.deps;
    const note = findNote(await this.#index(holder), path);
    if (!note) throw noNote(path);
    const kept = new Set(note.versions.map(({ id }) => id));
    const all = await this.#listVersions(holder, note);
    // Deletes versions left by a server that died between two writes.
    for (const { key, version } of all)
      if (!kept.has(version.id) && version.at < clock.now() - lostMs) await records.delete(kinds.version, key);
    return all
      .map(({ version }) => version)
      .filter(({ id }) => kept.has(id))
      .sort((a, b) => b.number - a.number)
      .map(({ id: _, note: __, ...version }) => version);
  }

  /** A function `text` receives the current text, or '' if there is no note. Unchanged text creates no version. */
  async write(
    holder: MemoryOwner,
    { path, text, expect }: { path: string; text: string | ((now: string) => string); expect?: number | undefined },
    author: NoteAuthor,
  ): Promise<Note> {
    checkNotePath(path);
    return await this.#change(holder, path, author, async (now) => {
      if (expect !== undefined && (now && !now.deleted ? now.version : 0) !== expect) throw changedMeanwhile(path, now);
      const present = now && !now.deleted ? await this.#version(holder, now, now.version) : undefined;
      if (present === 'again') return 'again';
      const next = typeof text === 'string' ? text : text(present?.text ?? '');
      checkNoteText(next, this.limits.maxNoteBytes);
      return present?.text === next ? undefined : { action: 'write', text: next };
    });
  }

  async delete(holder: MemoryOwner, path: string, author: NoteAuthor): Promise<Note> {
    return await this.#change(holder, path, author, async (now) => {
      if (!now || now.deleted) throw noNote(path);
      return { action: 'delete', text: null };
    });
  }

  /** Rejects: not_found, conflict (`to` is current or redacted, or would exceed a limit or clash with another note). */
  async undo(holder: MemoryOwner, path: string, to: number | undefined, author: NoteAuthor): Promise<Note> {
    return await this.#change(holder, path, author, async (now) => {
      if (!now) throw noNote(path);
      const number = to ?? now.version - 1;
      if (number === now.version) throw new AppError('conflict', `${path} already has version ${number}.`);
      if (number === 0) return now.deleted ? undefined : { action: 'undo', text: null };
      const version = await this.#version(holder, now, number);
      if (version === 'again') return 'again';
      if (version.redacted) throw new AppError('conflict', goneText(version));
      if (version.text === null && now.deleted) return undefined;
      return { action: 'undo', text: version.text };
    });
  }

  /** Rejects: not_found, conflict (the newest version of an existing note cannot be redacted). */
  async redact(
    holder: MemoryOwner,
    { path, version }: { readonly path: string; readonly version: number | 'all' },
    by: string,
  ): Promise<Note> {
    if (version === 'all') {
      const note = findNote(await this.#index(holder), path);
      if (!note) throw noNote(path);
      if (!note.deleted) await this.delete(holder, path, { kind: 'person', id: by });
    }
    return await this.#changeIndex(holder, async (index) => {
      const note = findNote(index, path);
      if (!note) throw noNote(path);
      if (!note.deleted && (version === 'all' || version === note.version)) {
        const text = `Version ${note.version} of ${path} is its current text. Change or delete the note first, or redact all of it.`;
        throw new AppError('conflict', text);
      }
      if (version !== 'all') idOf(note, version); // throws for an unknown number
      // Includes versions left by a server that died between two writes.
      const erased = (await this.#listVersions(holder, note)).filter(
        (one) => version === 'all' || one.version.number === version,
      );
      for (const one of erased) await this.#erase(one, by);
      const ids = new Set(erased.map((one) => one.version.id));
      const without = (one: StoredNote): StoredNote =>
        one.id === note.id
          ? { ...one, versions: one.versions.map((it) => (ids.has(it.id) ? { ...it, size: 0 } : it)) }
          : one;
      // Writes the index, so that a concurrent change that has read the redacted text fails and retries.
      return { value: toNote(note), doc: { notes: index.notes.map(without) } };
    });
  }

  async forget(holder: MemoryOwner): Promise<void> {
    const { records } = this.deps;
    await records.delete(kinds.index, keyOf(holder));
    for (const { id } of await records.list(kinds.version, { idPrefix: `${keyOf(holder)}:` }))
      await records.delete(kinds.version, id);
  }

  /** Deletes notes unchanged for `noteMs` and history older than `historyMs`. Returns the count of dropped versions. */
  async age({ noteMs, historyMs }: { noteMs?: number | undefined; historyMs?: number | undefined }): Promise<number> {
    const now = this.deps.clock.now();
    let gone = 0;
    for (const key of (await this.holders()).keys()) {
      const holder = holderOf(key);
      for (const { path, updatedAt, deleted } of await this.list(holder)) {
        if (deleted || noteMs === undefined || updatedAt > now - noteMs) continue;
        await this.delete(holder, path, { kind: 'server' }).catch(ignoreNotFound);
      }
      if (historyMs !== undefined) gone += await this.#forgetOld(holder, now - historyMs);
    }
    return gone;
  }

  async #forgetOld(holder: MemoryOwner, before: number): Promise<number> {
    const gone = await this.#changeIndex(holder, async (index) => {
      const doc = dropOldNoteHistory(index, before);
      const value = findDroppedVersions(index, doc);
      return value.length === 0 ? { value } : { value, doc };
    });
    await this.#drop(holder, gone);
    return gone.length;
  }

  /** If `draft` resolves with undefined, nothing is changed; with `again`, everything is read again. */
  async #change(
    holder: MemoryOwner,
    path: string,
    author: NoteAuthor,
    draft: (now: StoredNote | undefined) => Promise<Draft | 'again' | undefined>,
  ): Promise<Note> {
    const { clock, newId, limits, records } = this.deps;
    let refused: readonly NoteVersionRef[] = []; // the version written by an attempt that lost to another write
    const { note, dropped } = await this.#changeIndex<Pick<ReturnType<typeof applyNoteChange>, 'note' | 'dropped'>>(
      holder,
      async (index) => {
        await this.#drop(holder, refused);
        refused = [];
        const now = findNote(index, path);
        const next = await draft(now);
        if (next === 'again') return 'again';
        if (next === undefined) {
          if (!now) throw noNote(path);
          return { value: { note: now, dropped: [] } };
        }
        const at = clock.now();
        const versionId = newId();
        const size = next.text === null ? null : Buffer.byteLength(next.text);
        const change = applyNoteChange(index, { path, versionId, size, at, author }, { limits, newId });
        const { note } = change;
        const doc: StoredVersion = {
          id: versionId,
          note: note.id,
          number: note.version,
          at,
          action: next.action,
          author,
          size: size ?? 0,
          text: next.text,
          redacted: null,
        };
        const place = { note: note.id, version: versionId };
        await records.put({ kind: kinds.version, id: versionKey(holder, place), doc, expect: 0 });
        refused = [place];
        return { value: change, doc: change.index };
      },
    );
    await this.#drop(holder, dropped);
    return toNote(note);
  }

  async #index(holder: MemoryOwner): Promise<NoteIndex> {
    return indexIn(await this.deps.records.get(kinds.index, keyOf(holder)));
  }

  async #changeIndex<Value>(
    holder: MemoryOwner,
    change: (index: NoteIndex) => Promise<{ readonly value: Value; readonly doc?: NoteIndex } | 'again'>,
  ): Promise<Value> {
    const place = { kind: kinds.index, id: keyOf(holder) };
    return await changeRecordWithResult(this.deps.records, place, async (found) => {
      const next = await change(indexIn(found));
      return next === 'again' ? next : { ...next, sort: this.deps.clock.now() };
    });
  }

  /** `again`: the version was dropped after the index was read. Rejects: not_found. */
  async #version(holder: MemoryOwner, note: StoredNote, number: number): Promise<StoredVersion | 'again'> {
    const id = versionKey(holder, { note: note.id, version: idOf(note, number) });
    const found = await this.deps.records.get(kinds.version, id);
    if (found) return StoredVersion.parse(found.doc);
    const now = findNote(await this.#index(holder), note.path);
    if (now && now.version === note.version && now.versions.length === note.versions.length)
      throw new AppError('internal', `The text of version ${number} of the note ${note.path} is missing.`);
    return 'again';
  }

  async #listVersions(holder: MemoryOwner, { id }: StoredNote): Promise<readonly KeyedVersion[]> {
    const all = await this.deps.records.list(kinds.version, { idPrefix: `${keyOf(holder)}:${id}:` });
    return all.map((one) => ({ key: one.id, stored: one.version, version: StoredVersion.parse(one.doc) }));
  }

  async #erase({ key, stored, version }: KeyedVersion, by: string): Promise<void> {
    const { records, clock } = this.deps;
    if (version.text === null) return;
    const doc = { ...version, text: null, size: 0, redacted: { at: clock.now(), by } };
    // A conflict means that the version was already redacted or dropped.
    await records.put({ kind: kinds.version, id: key, doc, expect: stored }).catch(ignoreConflict);
  }

  async #drop(holder: MemoryOwner, versions: readonly NoteVersionRef[]): Promise<void> {
    for (const version of versions) await this.deps.records.delete(kinds.version, versionKey(holder, version));
  }
}

const lostMs = 3_600_000;
const indexIn = (found: { readonly doc: unknown } | undefined): NoteIndex =>
  found ? NoteIndex.parse(found.doc) : { notes: [] };
const versionKey = (holder: MemoryOwner, { note, version }: NoteVersionRef) => `${keyOf(holder)}:${note}:${version}`;

/** Throws: not_found. */
function idOf({ path, version, versions }: StoredNote, number: number): string {
  const found = versions[versions.length - 1 - (version - number)];
  if (found !== undefined && number <= version) return found.id;
  const first = version - versions.length + 1;
  throw new AppError('not_found', `${path} has no version ${number}. Its versions are ${first} to ${version}.`);
}

const goneText = ({ number, redacted }: Pick<StoredVersion, 'number' | 'redacted'>) =>
  redacted
    ? `The text of version ${number} was redacted and cannot be restored.`
    : `Version ${number} deleted the note, so it has no text.`;

function changedMeanwhile(path: string, now: StoredNote | undefined): AppError {
  const is = now && !now.deleted ? `is at version ${now.version}` : 'does not exist';
  return new AppError('conflict', `${path} ${is}: it was changed in the meantime. Read it again before you write.`);
}
