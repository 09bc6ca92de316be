import type { Connection } from './connection.ts';
import type { Inputs, Outputs } from './types.ts';

export type Note = Outputs['memory']['notes'][number];
export type NoteText = Outputs['memory']['read'];
export type NoteVersion = Outputs['memory']['history'][number];
type Holder = Inputs['memory']['notes'];

export interface MemoryOptions {
  /** The id of the project whose notes to use; default: the caller's own notes. */
  readonly project?: string;
  /** The id of another session owner whose notes to use; only for administrators. */
  readonly person?: string;
}

/**
 * The notes of a person or a project. Notes outlive sessions. All methods but `list` and `write` reject with not_found for a path
 * without a note.
 *
 * @example
 * await new Corral().memory().write('build/commands.md', 'make test');
 */
export class Memory {
  readonly #server: Connection;
  readonly #holder: Holder;

  constructor(server: Connection, { project, person }: MemoryOptions = {}) {
    this.#server = server;
    this.#holder =
      project === undefined
        ? { of: 'person', ...(person !== undefined && { id: person }) }
        : { of: 'project', id: project };
  }

  /** Sorted by path. `deleted`: includes deleted notes that can be restored. */
  async list({ deleted = false }: { readonly deleted?: boolean } = {}): Promise<readonly Note[]> {
    const all = await this.#server.call((api) => api.memory.notes.query(this.#holder));
    return deleted ? all : all.filter((note) => !note.deleted);
  }
  /** The current text of a note, or the text of an earlier version. */
  read(path: string, options: { readonly version?: number } = {}): Promise<NoteText> {
    return this.#server.call((api) => api.memory.read.query({ ...this.#holder, path, ...options }));
  }
  /** With `expect`, rejects with conflict unless the note is at that version; 0: the note must not exist. */
  write(path: string, text: string, options: { readonly expect?: number } = {}): Promise<Note> {
    return this.#server.call((api) => api.memory.write.mutate({ ...this.#holder, path, text, ...options }));
  }
  /** Deletes a note. `undo` restores it. */
  delete(path: string): Promise<Note> {
    return this.#server.call((api) => api.memory.delete.mutate({ ...this.#holder, path }));
  }
  /** The kept versions, newest first. */
  history(path: string): Promise<readonly NoteVersion[]> {
    return this.#server.call((api) => api.memory.history.query({ ...this.#holder, path }));
  }
  /** Reverts the newest change, or restores the text of version `to`. */
  undo(path: string, options: { readonly to?: number } = {}): Promise<Note> {
    return this.#server.call((api) => api.memory.undo.mutate({ ...this.#holder, path, ...options }));
  }
  /** Permanently removes an earlier version's text. `all` removes all text and the note; path and history remain. */
  redact(path: string, version: number | 'all'): Promise<Note> {
    return this.#server.call((api) => api.memory.redact.mutate({ ...this.#holder, path, version }));
  }
}
