import { z } from 'zod';
import { ResourceOwnership } from '../../../core/model/access/holder.ts';
import type { ServiceRules } from '../rules.ts';

export const documentIdPrefixes = { agent: 'agent', environment: 'env', file: 'file' } as const;
export type DocumentKind = keyof typeof documentIdPrefixes;

export const StoredDocument = z.object({
  ...ResourceOwnership.shape,
  /** The kind's prefix, `_` and 24 hex digits. */
  id: z.string(),
  kind: z.enum(Object.keys(documentIdPrefixes) as [DocumentKind, ...DocumentKind[]]),
  /** 1 at creation, incremented by each content change. */
  version: z.int(),
  content: z.record(z.string(), z.unknown()),
  createdAt: z.number(), // epoch ms
  updatedAt: z.number(),
  archivedAt: z.number().nullable(),
});
export type StoredDocument = z.infer<typeof StoredDocument>;
/** The content of a `file` document. Deleting the document deletes the upload. */
export const FileDocumentContent = z.object({
  upload: z.string(),
  filename: z.string(),
  mimeType: z.string(),
  size: z.int(),
  /** Milliseconds from creation to expiry; null: no expiry. */
  lifeMs: z.number().nullable().default(null),
});
/** Returns epoch ms, or null if the file does not expire. */
export function computeFileExpiry({
  content,
  createdAt,
}: Pick<StoredDocument, 'content' | 'createdAt'>): number | null {
  const { lifeMs } = FileDocumentContent.parse(content);
  return lifeMs === null ? null : createdAt + lifeMs;
}
export interface NewDocument extends ResourceOwnership {
  readonly kind: DocumentKind;
  readonly content: Readonly<Record<string, unknown>>;
}
export interface DocumentChange {
  /** Replaces the current content. Unchanged content does not create a new version. */
  readonly content?: Readonly<Record<string, unknown>>;
  readonly archived?: true;
  readonly version?: number;
}

/** Every method that takes an id rejects with not_found for an unknown document. */
export interface DocumentService {
  /** Newest first. With `owner`, lists only documents of that owner and of `projects`. */
  list(kind: DocumentKind, owner?: string, projects?: readonly string[]): Promise<readonly StoredDocument[]>;
  /** Rejects: quota (10,000 per kind and owner). */
  create(document: NewDocument): Promise<StoredDocument>;
  get(id: string, version?: number): Promise<StoredDocument>;
  /** Newest first. */
  versions(id: string): Promise<readonly StoredDocument[]>;
  /** Rejects: conflict (`version` is not the current version, or the document is archived). */
  update(id: string, change: DocumentChange): Promise<StoredDocument>;
  delete(id: string): Promise<void>;
}

export const documentRules: ServiceRules<DocumentService> = {
  list: { may: 'guarded', audit: null },
  create: { may: 'create', audit: 'document.create' },
  get: { may: 'read', audit: null },
  versions: { may: 'read', audit: null },
  update: { may: 'work', audit: 'document.change' },
  delete: { may: 'manage', audit: 'document.delete' },
};
