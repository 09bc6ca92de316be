// @module-tag all
import { MongoClient } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { createMongoBlobs } from '../../../src/storage/mongo/blobs.ts';
import { mongoUrl, skipMongo } from '../../support/stores/mongo.ts';
import { blobStoreContract } from './blob-store.ts';

const url = mongoUrl ?? 'mongodb://127.0.0.1:27017/';

describe.skipIf(skipMongo)('kept in MongoDB', () => {
  blobStoreContract('mongo', async () => {
    const database = `corral_blobs_${crypto.randomUUID().slice(0, 8)}`;
    const blobs = createMongoBlobs({ url: new Secret(url), database }, Date.now);
    const client = new MongoClient(url);
    const db = client.db(database);
    return {
      blobs,
      async everything() {
        const files = await db.collection('blobs.files').find().toArray();
        const chunks = await db.collection('blobs.chunks').find().toArray();
        return [
          ...files.map(({ _id, filename }) => `${filename} ${_id}`),
          ...chunks.map(({ files_id, n }) => `${files_id} ${n}`),
        ].sort();
      },
      async [Symbol.asyncDispose]() {
        await db.dropDatabase();
        await client.close();
        await blobs[Symbol.asyncDispose]();
      },
    };
  });
});

test('a database that is not there makes uploads unavailable, not the server', async () => {
  await using blobs = createMongoBlobs({ url: new Secret('mongodb://127.0.0.1:1/'), deadlineMs: 300 }, Date.now);
  await expect(blobs.check(new AbortController().signal)).rejects.toMatchObject({ code: 'store_unavailable' });
});
