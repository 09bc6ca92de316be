import { z } from 'zod';
import type { ServiceRules } from '../rules.ts';

export const memoryHolderKinds = ['person', 'project'] as const;
/** A person's id is the `owner` of their sessions; it is empty for sessions without an owner. */
export interface MemoryOwner {
  readonly of: (typeof memoryHolderKinds)[number];
  readonly id: string;
}
/** A person's id defaults to the caller's. A project's id is required. */
export interface MemoryOwnerRef {
  readonly of: MemoryOwner['of'];
  readonly id?: string | undefined;
}

/** The author of a version. `server`: the server removed an expired note. */
const NoteAuthor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('person'), id: z.string() }),
  /** `approved`: a person approved the tool call. */
  z.object({ kind: z.literal('agent'), sessionId: z.string(), runId: z.string(), approved: z.boolean() }),
  z.object({ kind: z.literal('server') }),
]);
export type NoteAuthor = z.infer<typeof NoteAuthor>;

export const Note = z.object({
  path: z.string(),
  /** In UTF-8 bytes. */
  size: z.int(),
  version: z.int(),
  /** A deleted note can be restored until retention removes it. */
  deleted: z.boolean(),
  createdAt: z.number(),
  updatedAt: z.number(),
  author: NoteAuthor,
});
export type Note = z.infer<typeof Note>;
export interface NoteWithText extends Note {
  readonly text: string;
}
export const NoteVersion = z.object({
  number: z.int(),
  at: z.number(),
  action: z.enum(['write', 'delete', 'undo']),
  author: NoteAuthor,
  size: z.int(),
  /** Null if the version deleted the note, or if the version's text was redacted. */
  text: z.string().nullable(),
  redacted: z.object({ at: z.number(), by: z.string() }).nullable(),
});
export type NoteVersion = z.infer<typeof NoteVersion>;
export const MemorySummary = z.object({
  of: z.enum(memoryHolderKinds),
  id: z.string(),
  name: z.string(),
  notes: z.int(),
  /** In bytes, excluding history. */
  size: z.int(),
  maxSize: z.int(),
  updatedAt: z.number().nullable(),
});
export type MemorySummary = z.infer<typeof MemorySummary>;

export interface NoteWrite {
  readonly path: string;
  readonly text: string;
  /** The version to replace; 0: the note must not exist. Absent: no check. */
  readonly expect?: number | undefined;
}

/**
 * Notes that belong to a person or project and outlive sessions. Every method rejects with not_found for an unknown person,
 * project or note. `by` is the acting person; the access layer fills it in.
 *
 * @example
 * await memory.write({ of: 'person' }, { path: 'style.md', text: 'Short sentences.' });
 */
export interface MemoryService {
  /** Lists the people and projects that `sees` accepts, or all without `sees`. */
  list(sees?: (holder: MemoryOwner) => Promise<boolean>): Promise<readonly MemorySummary[]>;
  /** Sorted by path, including deleted notes. */
  notes(holder: MemoryOwnerRef): Promise<readonly Note[]>;
  /** Without `version`, returns the current text. Rejects: conflict (the version's text is gone). */
  read(holder: MemoryOwnerRef, path: string, version?: number): Promise<NoteWithText>;
  /** Rejects: invalid_request, payload_too_large, conflict (`expect` mismatch, a folder at the path, or no room). */
  write(holder: MemoryOwnerRef, note: NoteWrite, by?: string): Promise<Note>;
  delete(holder: MemoryOwnerRef, path: string, by?: string): Promise<Note>;
  /** Newest first. */
  history(holder: MemoryOwnerRef, path: string): Promise<readonly NoteVersion[]>;
  /**
   * Restores version `to`, by default the second newest. Undoing the first version deletes the note. Rejects: conflict
   * (`to` is the newest version or redacted, or there is no room).
   */
  undo(holder: MemoryOwnerRef, path: string, to?: number, by?: string): Promise<Note>;
  /** Erases a version's text. `all` also deletes the note. Rejects: conflict (an existing note's newest version). */
  redact(holder: MemoryOwnerRef, path: string, version: number | 'all', by?: string): Promise<Note>;
}

export const memoryRules: ServiceRules<MemoryService> = {
  list: { may: 'guarded', audit: null },
  notes: { may: 'guarded', audit: null },
  read: { may: 'guarded', audit: null },
  write: { may: 'guarded', audit: 'memory.write' },
  delete: { may: 'guarded', audit: 'memory.delete' },
  history: { may: 'guarded', audit: null },
  undo: { may: 'guarded', audit: 'memory.undo' },
  redact: { may: 'guarded', audit: 'memory.redact' },
};
