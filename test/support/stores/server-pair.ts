import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { test } from 'vitest';
import { toAppError } from '../../../src/core/errors/errors.ts';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { openMongoStore } from '../../../src/storage/mongo/store.ts';
import { api } from '../clients/api.ts';
import { endSandboxes } from '../sandboxes/ended-sandboxes.ts';
import { needs } from '../servers/components.ts';
import { type ServerProcess, serverProcess } from '../servers/server-process.ts';
import { mongoUrl, skipMongo } from './mongo.ts';
import { removeFolder } from './store.ts';

interface Pair extends AsyncDisposable {
  readonly servers: readonly [ServerProcess, ServerProcess];
  readonly data: string;
  events(id: string): Promise<SessionEvent[]>;
}

/** Two real servers on one database and one set of sandboxes. */
async function serverPair(mongo: string, settings: Record<string, string>): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const data = await mkdtemp(join(tmpdir(), 'corral-pair-'));
  stack.defer(() => removeFolder(data));
  stack.defer(() => endSandboxes(data));
  const database = `corral_${crypto.randomUUID().slice(0, 8)}`;
  stack.defer(async () => {
    await using client = new MongoClient(mongo);
    await client.db(database).dropDatabase();
  });
  const url = new URL(mongo);
  url.pathname = `/${database}`;
  const common = { MONGODB_URL: url.href, CORRAL_DATA_DIR: data, CORRAL_RATE_LIMIT_PER_MINUTE: '0' };
  const open = () => serverProcess({ ...common, CORRAL_EGRESS_POLICY: 'none', ...settings });
  const servers = [stack.use(await open()), stack.use(await open())] as const;
  const store = stack.use(await openMongoStore({ url: new Secret(url.href) }));
  const held = stack.move();
  return {
    servers,
    data,
    events: async (id) => (await patiently(() => store.events.page(SessionId.parse(id), 0, 1_000_000))).events,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Reads until the database answers: on a busy machine its stand-in can take longer than a server waits. */
async function patiently<Value>(read: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (thrown) {
      if (toAppError(thrown).code !== 'store_unavailable' || tries === 60) throw thrown;
      await sleep(1_000);
    }
  }
}

/** A test with a pair of servers on the tests' database, with the process driver and leases of two seconds. */
export function testPair(
  name: string,
  play: (pair: Pair & Record<'atOld' | 'atHeir', ReturnType<typeof api>>) => Promise<void>,
): void {
  test.skipIf(skipMongo)(name, async (context) => {
    await needs(context, 'bubblewrap');
    const leases = { CORRAL_DRIVER: 'process', CORRAL_REPLICAS_LEASE_SECONDS: '2' };
    await using pair = await serverPair(mongoUrl ?? 'mongodb://127.0.0.1:27017/', leases);
    const [old, heir] = pair.servers;
    await play({ ...pair, atOld: api(old.url), atHeir: api(heir.url) });
  });
}
