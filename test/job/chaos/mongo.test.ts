// @module-tag nightly
import { MongoClient } from 'mongodb';
import { expect, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { mongoStore } from '../../../src/storage/mongo/store.ts';
import { needs } from '../../support/servers/components.ts';
import { chaosKill, chaosSeed, killsFor, processLeftovers } from '../../support/stores/chaos.ts';
import { mongoUrl, skipMongo } from '../../support/stores/mongo.ts';

const points = killsFor(5);
const seed = chaosSeed();

test.skipIf(skipMongo)(
  `F002 MongoDB: kills at random moments lose nothing, repeat nothing and leak nothing (CHAOS_SEED=${seed})`,
  async (context) => {
    await needs(context, 'bubblewrap');
    const url = new URL(mongoUrl ?? 'mongodb://127.0.0.1:27017/');
    url.pathname = `/corral_${crypto.randomUUID().slice(0, 8)}`;
    const events = async (id: string) => {
      await using store = await mongoStore({ url: new Secret(url.href) });
      return (await store.events.page(SessionId.parse(id), 0, 1_000_000)).events;
    };
    const store = { settings: { MONGODB_URL: url.href }, events };
    try {
      const { resumed, problems } = await chaosKill({
        driver: 'process',
        points,
        seed,
        leftovers: processLeftovers,
        store,
      });
      expect(problems).toEqual([]);
      expect(resumed).toBeGreaterThan(points / 6);
    } finally {
      await using client = new MongoClient(url.href);
      await client.db().dropDatabase();
    }
  },
);
