import type { AnyBulkWriteOperation, Collection, CreateIndexesOptions, Document, Filter } from 'mongodb';
import { recordKindsWithParent } from '../../core/contracts/record-index.ts';
import { AppError } from '../../core/errors/errors.ts';
import { searchableEventTypes } from '../../core/model/event-traits.ts';
import { webhookKind } from '../../core/model/records.ts';
import type { MongoConnection } from './connection.ts';
import { type RecordDocument, toIndexFields } from './documents.ts';
import { toPermanentError, toStoreError } from './errors.ts';

interface Index {
  readonly of: 'events' | 'logs' | 'records' | 'inbox' | 'commands';
  readonly key: Record<string, 1 | -1>;
  readonly options?: CreateIndexesOptions;
}
const indexes: readonly Index[] = [
  { of: 'events', key: { mark: 1 }, options: { sparse: true } },
  { of: 'events', key: { said: 1 }, options: { sparse: true } },
  { of: 'events', key: { used: 1, at: 1 }, options: { sparse: true } },
  { of: 'logs', key: { writer: 1 }, options: { sparse: true } },
  { of: 'records', key: { kind: 1, sort: -1, id: 1 } },
  { of: 'records', key: { kind: 1, id: 1 } },
  { of: 'records', key: { kind: 1, of: 1, sort: -1, id: 1 } },
  { of: 'records', key: { kind: 1, changed: 1 } },
  { of: 'records', key: { name: 1 }, options: { unique: true, sparse: true } },
  { of: 'inbox', key: { at: 1 } },
  { of: 'commands', key: { open: 1, session: 1, at: 1 }, options: { sparse: true } },
  { of: 'commands', key: { at: 1 } },
];

/** `migrations[n]` upgrades version n to n + 1. Each must be idempotent: it may run repeatedly and concurrently. */
const migrations: readonly ((connection: MongoConnection) => Promise<void>)[] = [
  async () => {},
  async ({ at, run }) => {
    const messages = { type: { $in: [...searchableEventTypes] }, said: { $exists: false } };
    for (const events of at.allEvents) await run(() => events.updateMany(messages, { $set: { said: 1 } }));
  },
  async ({ at, run }) => {
    const usage = { type: 'usage', used: { $exists: false } };
    for (const events of at.allEvents) await run(() => events.updateMany(usage, { $set: { used: 1 } }));
  },
  (connection) => indexRecords(connection, { of: { $exists: false } }),
  (connection) => indexRecords(connection, { kind: { $in: [...recordKindsWithParent] } }),
  // Records of these kinds can also belong to projects.
  (connection) => indexRecords(connection, { kind: { $in: ['automation', webhookKind] } }),
];
const indexedAtOnce = 200;

/** Adds each record's index entry. Deletes the obsolete records of skill names. */
async function indexRecords({ at, run }: MongoConnection, which: Filter<RecordDocument>): Promise<void> {
  const updates: AnyBulkWriteOperation<RecordDocument>[] = [];
  const write = () => run(() => at.records.bulkWrite(updates, { ordered: false }));
  const options = { projection: { kind: 1, doc: 1 }, batchSize: indexedAtOnce };
  const names = new Set<string>();
  await using cursor = at.records.find(which, options);
  for (let found = await run(() => cursor.next()); found; found = await run(() => cursor.next())) {
    const { _id, kind, doc } = found;
    const { name, of } = toIndexFields(kind, JSON.parse(doc));
    const isFirst = name !== undefined && !names.has(name); // a crash could leave two records with the same name
    if (isFirst) names.add(name);
    updates.push({ updateOne: { filter: { _id, doc }, update: { $set: { of, ...(isFirst && { name }) } } } });
    if (updates.length === indexedAtOnce) await write().then(() => updates.splice(0));
  }
  if (updates.length > 0) await write();
  await run(() => at.records.deleteMany({ kind: 'skill-name' }));
}

/** Rejects: unsupported (a newer version wrote the database), store_corrupt, store_unavailable, forbidden. */
export async function prepareDatabase(connection: MongoConnection): Promise<void> {
  const { at, run } = connection;
  const found = (await run(() => at.meta.findOne({ _id: 'schema' })))?.version ?? 0;
  if (found > migrations.length) {
    const text = `The database in MONGODB_URL was written by a newer Corral (schema ${found}; this one supports up to ${migrations.length}). Start that version again, or use another database.`;
    throw new AppError('unsupported', text);
  }
  const useful = connection.can.ranges ? indexes : indexes.filter(({ of }) => of !== 'events');
  for (const index of useful) await create(connection, index);
  for (const step of migrations.slice(found)) await step(connection);
  const version: Document = { $max: { version: migrations.length } };
  await run(() => at.meta.updateOne({ _id: 'schema' }, version, { upsert: true }));
  await refuseEmptied(connection);
}

async function create({ at, run }: MongoConnection, { of, key, options = {} }: Index): Promise<void> {
  try {
    for (const collection of of === 'events' ? at.allEvents : [at[of]]) {
      await run(() => (collection as unknown as Collection).createIndex(key, options));
    }
  } catch (thrown) {
    const cause = thrown instanceof AppError ? thrown.cause : thrown;
    const name = `${of} (${Object.keys(key).join(', ')})`;
    const refused = toPermanentError(cause);
    if (refused)
      throw new AppError(refused.code, `The index ${name} cannot be created. ${refused.publicMessage}`, { cause });
    const failed = toStoreError(thrown);
    throw new AppError(failed.code, `The index ${name} cannot be created. ${failed.publicMessage}`, { cause });
  }
}

async function refuseEmptied({ at, run }: MongoConnection): Promise<void> {
  for (const events of at.allEvents) {
    if (await run(() => events.findOne({}, { projection: { _id: 1 } }))) return;
  }
  if (!(await run(() => at.logs.findOne({ head: { $gt: 0 } })))) return;
  const text =
    'The collection events of the database in MONGODB_URL is empty, although logs has sessions with history. Restore it from a backup, or drop the whole database to start over.';
  throw new AppError('store_corrupt', text);
}
