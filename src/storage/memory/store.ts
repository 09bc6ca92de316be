import type { Store } from '../../core/contracts/ports.ts';
import { errorOf, type StoreChannel } from '../sqlite/channel.ts';
import { openInMemory } from '../sqlite/database.ts';
import { createReadOperations } from '../sqlite/reads.ts';
import { createStore } from '../sqlite/store.ts';
import {
  createCallRunner,
  createGroupCommitter,
  type ErrorReply,
  type StoreCall,
  type StoreOperations,
  type StoreReply,
} from '../sqlite/transaction.ts';
import { createWriteOperations } from '../sqlite/writes.ts';

/** The database in error messages. */
const path = ':memory:';

/**
 * An SQLite database in this thread's memory, for the lifetime of the process. `shared` is for tests with several
 * servers in one process.
 */
export function createInMemoryStore({ shared = false } = {}): Store {
  const db = openInMemory();
  const channels = {
    reads: directChannel(createReadOperations(db), (operations) => createCallRunner(operations, path)),
    writes: directChannel(createWriteOperations(db), (operations) => createGroupCommitter(db, operations, path)),
  };
  return {
    ...createStore(channels, path),
    name: 'memory',
    durable: false,
    shared,
    [Symbol.asyncDispose]: async () => {},
  };
}

function directChannel<Operations extends StoreOperations>(
  operations: Operations,
  runnerOf: (operations: StoreOperations) => (calls: readonly StoreCall[]) => StoreReply[],
): StoreChannel<Operations> {
  const run = runnerOf(operations);
  return {
    async call(name, args) {
      const [reply] = run([[name, ...args]]);
      if (!reply?.[0]) throw errorOf(reply as ErrorReply);
      return reply[1] as never;
    },
  };
}
