import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreFileNotFound, ignoreNotFound } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { digestJson } from '../../core/text/digest.ts';
import { Collection, createRecordSweep } from '../../storage/collection.ts';
import {
  computeFileExpiry,
  type DocumentKind,
  type DocumentService,
  documentIdPrefixes,
  FileDocumentContent,
  StoredDocument,
} from '../api/server/documents.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly ids: Pick<IdSource, 'short'>;
  /** Rejects: file_not_found. */
  readonly deleteUpload: (id: string) => Promise<void>;
}
const maxOfOwner = 10_000;
const recordKind = (kind: DocumentKind) => `document-${kind}`;
const earlierKind = 'document-version'; // its ids have the form `<document>:<version>`
const missing = () => new AppError('not_found', 'There is no such document.');
const kinds = new Map(Object.entries(documentIdPrefixes).map(([kind, prefix]) => [prefix, kind as DocumentKind]));
const kindOf = (id: string): DocumentKind => {
  const kind = kinds.get(id.split('_')[0] as (typeof documentIdPrefixes)[DocumentKind]);
  if (kind === undefined || !/^[a-z]+_[0-9a-f]{24}$/.test(id)) throw missing();
  return kind;
};
const versionId = (id: string, version: number) => `${id}:${String(version).padStart(9, '0')}`;

export function createDocumentService({ records, clock, ids, deleteUpload }: Deps): DocumentService {
  const collections = new Map(
    Object.keys(documentIdPrefixes).map((kind) => {
      const rules = { kind: recordKind(kind as DocumentKind), schema: StoredDocument, missing };
      return [kind, new Collection<StoredDocument>(records, rules)];
    }),
  );
  const of = (kind: DocumentKind) => collections.get(kind) as Collection<StoredDocument>;
  const found = (id: string) => of(kindOf(id)).get(id);
  // Concurrent changes all store the same earlier version, so overwriting it is harmless.
  const keepVersion = (doc: StoredDocument) =>
    records.put({ kind: earlierKind, id: versionId(doc.id, doc.version), doc, sort: doc.version });

  const service: DocumentService = {
    list: (kind, owner, parents) => of(kind).listFor(owner, { parents }),
    async create({ kind, content, owner, projectId }) {
      const now = clock.now();
      const doc: StoredDocument = {
        id: `${documentIdPrefixes[kind]}_${ids.short()}${ids.short()}`,
        kind,
        ...(owner !== undefined && { owner }),
        ...(projectId && { projectId }),
        version: 1,
        content,
        createdAt: now,
        updatedAt: now,
        archivedAt: null,
      };
      return await of(kind).create(doc, {
        most: maxOfOwner,
        text: `There are already ${maxOfOwner} of them. Delete some first.`,
        now,
      });
    },
    async get(id, version) {
      const now = await found(id);
      if (version === undefined || version === now.version) return now;
      const earlier = await records.get(earlierKind, versionId(id, version));
      if (!earlier) throw new AppError('not_found', `There is no version ${version}; the newest is ${now.version}.`);
      return { ...StoredDocument.parse(earlier.doc), archivedAt: now.archivedAt };
    },
    async versions(id) {
      const now = await found(id);
      const { archivedAt } = now;
      const kept = (await records.list(earlierKind, { idPrefix: `${id}:` })).map(({ doc }) =>
        StoredDocument.parse(doc),
      );
      const earlier = kept.filter(({ version }) => version < now.version).sort((a, b) => b.version - a.version);
      return [now, ...earlier.map((doc) => ({ ...doc, archivedAt }))];
    },
    update: (id, { content, archived, version }) =>
      of(kindOf(id)).change(id, async (now) => {
        if (version !== undefined && version !== now.version)
          throw new AppError('conflict', `It has version ${now.version} now, not ${version}. Read it again first.`);
        if (content && now.archivedAt !== null)
          throw new AppError('conflict', 'It is archived and can no longer be changed.');
        const isNew = content !== undefined && digestJson(content) !== digestJson(now.content);
        const isEnding = archived && now.archivedAt === null;
        if (!isNew && !isEnding) return undefined;
        const at = clock.now();
        if (isNew) await keepVersion(now);
        return {
          ...now,
          ...(isNew && { content, version: now.version + 1 }),
          updatedAt: at,
          archivedAt: isEnding ? at : now.archivedAt,
        };
      }),
    async delete(id) {
      const { kind, content } = await found(id);
      await of(kind).deleteWith(id, async () => {
        if (kind === 'file') await deleteUpload(FileDocumentContent.parse(content).upload).catch(ignoreFileNotFound);
        for (const one of await records.list(earlierKind, { idPrefix: `${id}:` }))
          await records.delete(earlierKind, one.id);
      });
    },
  };
  return service;
}

/** Each call checks one batch, and resolves with the number of expired files. */
export function createExpiredFileSweep(
  { records, clock }: Pick<Deps, 'records' | 'clock'>,
  documents: DocumentService,
) {
  const nextFiles = createRecordSweep(records, recordKind('file'), ({ id, doc }) => ({
    id,
    sort: StoredDocument.parse(doc).createdAt,
  }));
  return async (): Promise<number> => {
    const files = (await nextFiles()).map(({ doc }) => StoredDocument.parse(doc));
    const expired = files.filter((file) => (computeFileExpiry(file) ?? Number.POSITIVE_INFINITY) <= clock.now());
    for (const { id } of expired) await documents.delete(id).catch(ignoreNotFound);
    return expired.length;
  };
}
