// @module-tag all
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { openMongoStore } from '../../../src/storage/mongo/store.ts';
import { mongoUrl, openMongo, rawDatabase, skipMongo } from '../../support/stores/mongo.ts';
import { mongoProxy } from '../../support/stores/mongo-proxy.ts';
import { expectIndexed, recordsBeforeIndex } from '../../support/stores/records-before-index.ts';
import { facts, newSession } from '../../support/stores/store.ts';

describe.skipIf(skipMongo)('mongo store at its start (needs TEST_MONGODB_URL)', () => {
  const again = (database: string, url = mongoUrl as string) => openMongoStore({ url: new Secret(url), database });

  test('F014 a database that a newer version wrote is refused, says so, and is left as it is', async () => {
    await using mongo = await openMongo();
    const newer = { _id: 'schema' as never, version: 999 };
    await rawDatabase(mongo.database, (db) => db.collection('meta').replaceOne({ _id: newer._id }, newer));
    await expect(again(mongo.database)).rejects.toMatchObject({ code: 'unsupported' });
    await expect(again(mongo.database)).rejects.toThrow(/newer Corral \(schema 999; this one supports up to \d+\)/);
    expect(await rawDatabase(mongo.database, (db) => db.collection('meta').findOne())).toEqual(newer);
  });

  test('a database of an earlier version opens with all its records, which lists find by owner, sharing and name', async () => {
    await using mongo = await openMongo();
    const stored = recordsBeforeIndex.map(({ kind, id, doc }, sort) => {
      return { _id: `${id}\n${kind}` as never, kind, id, doc: JSON.stringify(doc), sort, version: 1 };
    });
    await rawDatabase(mongo.database, async (db) => {
      await db.collection('records').insertMany(stored);
      await db.collection('meta').updateOne({ _id: 'schema' as never }, { $set: { version: 3 } });
    });
    await using store = await again(mongo.database);
    await expectIndexed(store.records);
  });

  test('F067 an index that is missing is made again', async () => {
    await using mongo = await openMongo();
    await rawDatabase(mongo.database, (db) => db.collection('records').dropIndexes());
    await using _again = await again(mongo.database);
    const names = await rawDatabase(mongo.database, (db) => db.collection('records').indexes());
    expect(names.length).toBeGreaterThan(1);
  });

  test('F067 a collection of events that somebody emptied is refused by name', async () => {
    await using mongo = await openMongo();
    const sessionId = newSession();
    for (const after of [0, 1]) await mongo.store.events.append({ sessionId, after, at: 1, facts: facts(1) });
    {
      await using other = await again(mongo.database);
      await other.events.append({ sessionId, after: 2, at: 1, facts: facts(1) });
    }
    await rawDatabase(mongo.database, async (db) => {
      for (const { name } of await db.listCollections().toArray())
        if (name.startsWith('events')) await db.collection(name).deleteMany({});
    });
    await expect(again(mongo.database)).rejects.toMatchObject({ code: 'store_corrupt' });
    await expect(again(mongo.database)).rejects.toThrow('The collection events');
  });

  test('F067 a user without rights learns which right is missing', async () => {
    await using opened = await openMongo();
    await using proxy = await mongoProxy(mongoUrl as string);
    proxy.cause(/^createIndexes records/, 13);
    const starting = again(opened.database, proxy.url);
    await expect(starting).rejects.toMatchObject({ code: 'forbidden' });
    await expect(starting).rejects.toThrow(/index records .*readWrite/);
  });
});
