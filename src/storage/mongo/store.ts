import { systemClock } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { createIdSource, type SessionId } from '../../core/model/ids.ts';
import { EventAppender } from './append.ts';
import { connectToMongo, type MongoConnectionOptions, pingMongo } from './connection.ts';
import { createMongoEvents } from './events.ts';
import { LogHeadTracker } from './heads.ts';
import { createMongoCommands, createMongoIdempotencyStore, createMongoLeases } from './queues.ts';
import { createMongoRecords } from './records.ts';
import { prepareDatabase } from './schema.ts';

export interface MongoOptions extends MongoConnectionOptions {
  readonly now?: () => number;
  readonly newId?: () => string;
}

/**
 * Several servers can share the store. Rejects: store_unavailable (a retry can help), invalid_request (wrong URL or
 * password), unsupported (the database server is too old, or a newer version wrote the data), forbidden, store_corrupt.
 */
export async function openMongoStore(options: MongoOptions): Promise<Store> {
  const { now = systemClock.now, newId = createIdSource().short } = options;
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connectToMongo(options));
  await prepareDatabase(connection);
  const heads = new LogHeadTracker(connection);
  stack.defer(() => heads.close());
  const onAppend = (session: SessionId, head: number) => heads.appended(session, head);
  const appender = new EventAppender({ connection, newId, now, onAppend });
  stack.defer(() => appender.close());
  const held = stack.move();
  return {
    name: 'mongo',
    durable: true,
    shared: true,
    events: createMongoEvents({ connection, appender, heads, now }),
    records: createMongoRecords(connection, appender, newId),
    inbox: createMongoIdempotencyStore(connection, newId),
    leases: createMongoLeases(connection),
    commands: createMongoCommands(connection),
    async size() {
      const { storageSize, indexSize } = await connection.run(() => connection.db.stats());
      return storageSize + indexSize;
    },
    settle: () => appender.settleAll(),
    check: (signal) => pingMongo(connection, signal),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
