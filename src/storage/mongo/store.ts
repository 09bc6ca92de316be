import { systemClock } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { randomIds, type SessionId } from '../../core/model/ids.ts';
import { Appender } from './append.ts';
import { type ConnectionOptions, connect, ping } from './connection.ts';
import { mongoEvents } from './events.ts';
import { Heads } from './heads.ts';
import { mongoCommands, mongoInbox, mongoLeases } from './queues.ts';
import { mongoRecords } from './records.ts';
import { prepareDatabase } from './schema.ts';

export interface MongoOptions extends ConnectionOptions {
  readonly now?: () => number;
  readonly newId?: () => string;
}

/**
 * A database that several servers can share. Rejects: store_unavailable (a retry can help), invalid_request (wrong URL
 * or password), unsupported (too old, or written by a newer Corral), forbidden, store_corrupt.
 */
export async function mongoStore(options: MongoOptions): Promise<Store> {
  const { now = systemClock.now, newId = randomIds().short } = options;
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connect(options));
  await prepareDatabase(connection);
  const heads = new Heads(connection);
  stack.defer(() => heads.close());
  const onAppend = (session: SessionId, head: number) => heads.appended(session, head);
  const appender = new Appender({ connection, newId, now, onAppend });
  stack.defer(() => appender.close());
  const held = stack.move();
  return {
    name: 'mongo',
    durable: true,
    shared: true,
    events: mongoEvents({ connection, appender, heads, now }),
    records: mongoRecords(connection, appender, newId),
    inbox: mongoInbox(connection, newId),
    leases: mongoLeases(connection),
    commands: mongoCommands(connection),
    async size() {
      const { storageSize, indexSize } = await connection.run(() => connection.db.stats());
      return storageSize + indexSize;
    },
    settle: () => appender.settleAll(),
    check: (signal) => ping(connection, signal),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
