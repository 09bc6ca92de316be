import { z } from 'zod';
import type { ServiceRules } from '../rules.ts';

/** The kinds of documents that programs keep here, each with the prefix of its ids. */
export const documentPrefixes = { agent: 'agent', environment: 'env', file: 'file' } as const;
export type DocumentKind = keyof typeof documentPrefixes;

/** Something that a program keeps on the server between its calls. Interfaces give the content its meaning. */
export const KeptDocument = z.object({
  /** The prefix of its kind, `_` and 24 hex digits. */
  id: z.string(),
  kind: z.enum(Object.keys(documentPrefixes) as [DocumentKind, ...DocumentKind[]]),
  owner: z.string().optional(),
  /** 1 at creation; each new content adds one. */
  version: z.int(),
  content: z.record(z.string(), z.unknown()),
  createdAt: z.number(), // epoch ms
  updatedAt: z.number(),
  archivedAt: z.number().nullable(),
});
export type KeptDocument = z.infer<typeof KeptDocument>;
export interface NewDocument {
  readonly kind: DocumentKind;
  readonly content: Readonly<Record<string, unknown>>;
  readonly owner?: string;
}
export interface DocumentChange {
  /** In place of the present content; the same content makes no new version. */
  readonly content?: Readonly<Record<string, unknown>>;
  /** The document stays readable, and cannot be changed any more. */
  readonly archived?: true;
  /** The version that the change begins with. */
  readonly version?: number;
}

/** Every method that takes an id rejects with not_found for an unknown document. */
export interface DocumentService {
  /** The newest first; only that owner's if `owner` is set. */
  list(kind: DocumentKind, owner?: string): Promise<readonly KeptDocument[]>;
  /** Rejects: quota (10,000 of one kind and owner). */
  create(document: NewDocument): Promise<KeptDocument>;
  /** With a version: as it was then. */
  get(id: string, version?: number): Promise<KeptDocument>;
  /** The newest version first. */
  versions(id: string): Promise<readonly KeptDocument[]>;
  /** Rejects: conflict (another version is the present one, or it is archived). */
  update(id: string, change: DocumentChange): Promise<KeptDocument>;
  /** Deletes the versions too. */
  delete(id: string): Promise<void>;
}

export const documentRules: ServiceRules<DocumentService> = {
  list: { may: 'guarded', audit: null },
  create: { may: 'create', audit: 'document.create' },
  get: { may: 'read', audit: null },
  versions: { may: 'read', audit: null },
  update: { may: 'work', audit: 'document.change' },
  delete: { may: 'stop', audit: 'document.delete' },
};
