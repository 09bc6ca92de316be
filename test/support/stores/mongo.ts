import { type Db, MongoClient } from 'mongodb';
import { Secret } from '../../../src/core/text/secret.ts';
import type { MongoOptions } from '../../../src/storage/mongo/store.ts';
import { openMongoStore } from '../../../src/storage/mongo/store.ts';
import { mongoProxy } from './mongo-proxy.ts';
import type { OpenStore } from './store.ts';

/** The address of a server for the tests that speaks MongoDB's protocol. */
export const mongoUrl = process.env.TEST_MONGODB_URL;
/** In CI a missing server is a failure; elsewhere its tests are skipped with a reason. */
export const skipMongo = !mongoUrl && process.env.CI !== 'true';

export async function openMongo(more: Partial<MongoOptions> = {}): Promise<OpenStore & { readonly database: string }> {
  const database = `corral_${crypto.randomUUID().slice(0, 8)}`;
  const url = new Secret(mongoUrl ?? 'mongodb://127.0.0.1:27017/');
  await using stack = new AsyncDisposableStack();
  stack.defer(() => dropDatabase(url, database));
  const store = stack.use(await openMongoStore({ url, database, ...more }));
  const held = stack.move();
  return { store, database, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** A store whose requests go through a proxy that makes trouble on demand. */
export async function behindProxy(deadlineMs = 3_000) {
  await using stack = new AsyncDisposableStack();
  const proxy = stack.use(await mongoProxy(mongoUrl as string));
  const opened = stack.use(await openMongo({ url: new Secret(proxy.url), deadlineMs }));
  const held = stack.move();
  return { ...opened, proxy, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function dropDatabase(url: Secret, database: string): Promise<void> {
  await using client = new MongoClient(url.reveal());
  await client.db(database).dropDatabase();
}

/** False for FerretDB 1: of two updates that expect the same version both can succeed there, and one is lost. */
export async function hasAtomicUpdates(): Promise<boolean> {
  await using client = new MongoClient(mongoUrl as string);
  return (await client.db().command({ buildInfo: 1 })).ferretdbVersion === undefined;
}

/** Reads the database directly, without the store. */
export async function rawDatabase<T>(database: string, look: (db: Db) => Promise<T>): Promise<T> {
  await using client = new MongoClient(mongoUrl as string);
  return await look(client.db(database));
}
