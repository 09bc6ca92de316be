import type { RecordStore, StoredRecord } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { EventAppender } from './append.ts';
import type { MongoConnection } from './connection.ts';
import {
  changedTimeUpdate,
  erasedRecordKind,
  type RecordDocument,
  toListFilter,
  toPutDocument,
  toRecordId,
  toSessionRecordFilter,
} from './documents.ts';
import { isDuplicateKeyError } from './errors.ts';
import { searchTitles } from './search.ts';

export function createMongoRecords(
  { at, run }: MongoConnection,
  appender: EventAppender,
  newId: () => string,
): RecordStore {
  const stored = ({ id, doc, version }: RecordDocument): StoredRecord => ({ id, doc: JSON.parse(doc), version });

  async function settleSession(id: string): Promise<void> {
    const { data: session } = SessionId.safeParse(id.slice(0, 16));
    if (session && (id.length === 16 || id[16] === ':')) await appender.settleRecords(session);
  }

  async function create(fields: Omit<RecordDocument, 'version'>): Promise<number> {
    const { _id, put } = fields;
    return await run(async () => {
      try {
        const created = { $setOnInsert: { ...fields, version: 1 }, ...changedTimeUpdate };
        const { upsertedCount } = await at.records.updateOne({ _id }, created, { upsert: true });
        if (upsertedCount === 1) return 1;
      } catch (thrown) {
        if (!isDuplicateKeyError(thrown)) throw thrown;
      }
      if ((await at.records.findOne({ _id }))?.put !== put) throw changed();
      return 1;
    });
  }

  async function replace(fields: Omit<RecordDocument, 'version'>, expect: number): Promise<number> {
    const { _id, put } = fields;
    return await run(async () => {
      try {
        const done = await at.records.updateOne(
          { _id, version: expect },
          { $set: fields, $inc: { version: 1 }, ...changedTimeUpdate },
        );
        if (done.matchedCount === 0 && (await at.records.findOne({ _id }))?.put !== put) throw changed();
      } catch (thrown) {
        throw isDuplicateKeyError(thrown) ? changed() : thrown;
      }
      return expect + 1;
    });
  }

  /** Runs before the write, because FerretDB reports an index violation as an internal failure. */
  async function expectFree(name: string, _id: string): Promise<void> {
    const holder = await run(() => at.records.findOne({ name }, { projection: { _id: 1 } }));
    if (holder && holder._id !== _id) throw new AppError('conflict', 'Another record has this name.');
  }

  return {
    async get(kind, id) {
      await settleSession(id);
      const found = await run(() => at.records.findOne({ _id: toRecordId(kind, id) }));
      return found?.kind === kind ? stored(found) : undefined;
    },
    async put(record) {
      const { kind, id, expect } = record;
      const fields = { ...toPutDocument(record), _id: toRecordId(kind, id), put: newId() };
      if (fields.name !== undefined) await expectFree(fields.name, fields._id);
      if (expect === 0) return await create(fields);
      if (expect !== undefined) return await replace(fields, expect);
      const { _id, ...set } = fields;
      const update = { $set: set, $inc: { version: 1 }, ...changedTimeUpdate };
      const done = await run(() =>
        at.records.findOneAndUpdate({ _id }, update, { upsert: true, returnDocument: 'after' }),
      );
      return done?.version ?? 1;
    },
    async delete(kind, id, version) {
      const which = { _id: toRecordId(kind, id), ...(version !== undefined && { version }) };
      await run(() => at.records.deleteOne(which));
    },
    searchTitles: (text, limit) => searchTitles({ at }, text, limit),
    async count(kind, only = {}) {
      return await run(() => at.records.countDocuments({ kind, ...toListFilter(only) }));
    },
    async changes(kind, mark) {
      const since = { changed: { $gte: new Date((mark ?? 0) - overlapMs) } };
      const kinds = kind === 'session' ? [kind, erasedRecordKind] : [kind];
      // Reads the mark first, so that nothing is missed between the two reads.
      const newest = await run(() => at.records.findOne({ kind: { $in: kinds } }, { sort: { changed: -1 } }));
      const which = { kind: { $in: kinds }, ...(mark !== undefined && since) };
      const found = await run(() => at.records.find(which).toArray());
      return {
        records: found.filter((one) => one.kind === kind).map(stored),
        gone: found.filter((one) => one.kind !== kind).map(({ id }) => id),
        mark: newest?.changed?.getTime() ?? 0,
      };
    },
    async belonging(session) {
      const found = await run(() =>
        at.records
          .find({ $or: toSessionRecordFilter(session), kind: { $ne: erasedRecordKind } }, { sort: { id: 1, kind: 1 } })
          .toArray(),
      );
      return found.map(({ kind, id, doc, sort }) => ({ kind, id, doc: JSON.parse(doc), sort }));
    },
    async list(kind, { limit, idPrefix = '', after, ...only } = {}) {
      const behind = after && { $or: [{ sort: { $lt: after.sort } }, { sort: after.sort, id: { $gt: after.id } }] };
      const ids = idPrefix === '' ? { ...behind } : { id: { $gte: idPrefix, $lt: `${idPrefix}\u{10ffff}` } };
      const options = { sort: { sort: -1, id: 1 } as const, ...(limit === undefined ? {} : { limit }) };
      if (limit === 0) return [];
      return (await run(() => at.records.find({ kind, ...toListFilter(only), ...ids }, options).toArray())).map(stored);
    },
  };
}

/** Longer than a write takes to become visible to other readers. */
const overlapMs = 10_000;
const changed = () => new AppError('conflict', 'The record was changed in the meantime.');
