import { z } from 'zod';
import { inTurns } from '../../core/concurrency/keyed-queue.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { digestOf } from '../../core/text/digest.ts';
import {
  type DocumentKind,
  type DocumentService,
  documentPrefixes,
  type KeptDocument,
} from '../api/server/documents.ts';

const Stored = z.object({
  id: z.string(),
  kind: z.enum(Object.keys(documentPrefixes) as [DocumentKind, ...DocumentKind[]]),
  owner: z.string().optional(),
  version: z.int(),
  content: z.record(z.string(), z.unknown()),
  createdAt: z.number(),
  updatedAt: z.number(),
  archivedAt: z.number().nullable(),
});
interface Deps {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short'>;
}
const maxOfOwner = 10_000;
const recordKind = (kind: DocumentKind) => `document-${kind}`;
const earlierKind = 'document-version'; // id `<document>:<version>`
const missing = () => new AppError('not_found', 'There is no such document.');
const kinds = new Map(Object.entries(documentPrefixes).map(([kind, prefix]) => [prefix, kind as DocumentKind]));
const kindOf = (id: string): DocumentKind => {
  const kind = kinds.get(id.split('_')[0] as (typeof documentPrefixes)[DocumentKind]);
  if (kind === undefined || !/^[a-z]+_[0-9a-f]{24}$/.test(id)) throw missing();
  return kind;
};
const versionId = (id: string, version: number) => `${id}:${String(version).padStart(9, '0')}`;

/** The documents of programs, in the records of the store. */
export function documentService({ records, clock, ids }: Deps): DocumentService {
  const found = async (id: string): Promise<KeptDocument> => {
    const record = await records.get(recordKind(kindOf(id)), id);
    if (!record) throw missing();
    return Stored.parse(record.doc);
  };
  const all = async (kind: DocumentKind) => (await records.list(recordKind(kind))).map(({ doc }) => Stored.parse(doc));
  // A version is kept before the next one takes its place. Two servers that change one at once keep the same.
  const keepVersion = (doc: KeptDocument) =>
    records.put({ kind: earlierKind, id: versionId(doc.id, doc.version), doc, sort: doc.version });

  const service: DocumentService = {
    async list(kind, owner) {
      return (await all(kind)).filter((one) => owner === undefined || one.owner === owner);
    },
    async create({ kind, content, owner }) {
      const own = (await all(kind)).filter((one) => one.owner === owner);
      if (own.length >= maxOfOwner)
        throw new AppError('quota', `There are ${maxOfOwner} of them already. Delete some first.`);
      const now = clock.now();
      const doc: KeptDocument = {
        id: `${documentPrefixes[kind]}_${ids.short()}${ids.short()}`,
        kind,
        ...(owner !== undefined && { owner }),
        version: 1,
        content,
        createdAt: now,
        updatedAt: now,
        archivedAt: null,
      };
      await records.put({ kind: recordKind(kind), id: doc.id, doc, sort: now, expect: 0 });
      return doc;
    },
    async get(id, version) {
      const now = await found(id);
      if (version === undefined || version === now.version) return now;
      const earlier = await records.get(earlierKind, versionId(id, version));
      if (!earlier) throw new AppError('not_found', `There is no version ${version}; the newest is ${now.version}.`);
      return { ...Stored.parse(earlier.doc), archivedAt: now.archivedAt };
    },
    async versions(id) {
      const now = await found(id);
      const { archivedAt } = now;
      const kept = (await records.list(earlierKind, { idPrefix: `${id}:` })).map(({ doc }) => Stored.parse(doc));
      const earlier = kept.filter(({ version }) => version < now.version).sort((a, b) => b.version - a.version);
      return [now, ...earlier.map((doc) => ({ ...doc, archivedAt }))];
    },
    async update(id, { content, archived, version }) {
      const kind = recordKind(kindOf(id));
      for (;;) {
        const record = await records.get(kind, id);
        if (!record) throw missing();
        const now = Stored.parse(record.doc);
        if (version !== undefined && version !== now.version)
          throw new AppError('conflict', `It has version ${now.version} now, not ${version}. Read it again first.`);
        if (content && now.archivedAt !== null)
          throw new AppError('conflict', 'It is archived and cannot be changed any more.');
        const isNew = content !== undefined && digestOf(content) !== digestOf(now.content);
        const isEnding = archived && now.archivedAt === null;
        if (!isNew && !isEnding) return now;
        const at = clock.now();
        const doc: KeptDocument = {
          ...now,
          ...(isNew && { content, version: now.version + 1 }),
          updatedAt: at,
          archivedAt: isEnding ? at : now.archivedAt,
        };
        try {
          if (isNew) await keepVersion(now);
          await records.put({ kind, id, doc, sort: doc.createdAt, expect: record.version });
          return doc;
        } catch (thrown) {
          if (toAppError(thrown).code !== 'conflict') throw thrown; // another server was first: begins again
        }
      }
    },
    async delete(id) {
      await found(id);
      await records.delete(recordKind(kindOf(id)), id);
      for (const one of await records.list(earlierKind, { idPrefix: `${id}:` }))
        await records.delete(earlierKind, one.id);
    },
  };
  return inTurns(service, 'create');
}
