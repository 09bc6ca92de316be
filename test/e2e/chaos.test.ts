import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { SessionId } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { mongoStore } from '../../src/store/mongo/store.ts';
import { run } from '../support/api.ts';
import { chaosKill } from '../support/chaos.ts';
import { needs } from '../support/components.ts';
import { mongoUrl, skipMongo } from '../support/mongo.ts';

const nightly = process.env.TEST_NIGHTLY === '1';
const kills = (usual: number) => Number(process.env.CHAOS_POINTS ?? (nightly ? 200 : usual));
const timeout = nightly || process.env.CHAOS_POINTS ? 3_600_000 : 400_000;
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

describe(`the server is killed again and again (CHAOS_SEED=${seed})`, () => {
  test('F001 docker: kills at random moments lose nothing, repeat nothing and leak nothing', {
    timeout,
  }, async (context) => {
    await needs(context, 'docker');
    const leftovers = async (id: string) => {
      const filter = ['--filter', `label=corral.session=${id}`, '-q'];
      const found = await Promise.all([
        run('docker', ['ps', '-a', ...filter]),
        run('docker', ['volume', 'ls', ...filter]),
      ]);
      return found.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean));
    };
    const { resumed, problems } = await chaosKill({ driver: 'docker', points: kills(50), seed, leftovers });
    expect(problems).toEqual([]);
    expect(resumed).toBeGreaterThan(12);
  });

  test('F001 process: kills at random moments lose nothing, repeat nothing and leak nothing', {
    timeout,
  }, async (context) => {
    await needs(context, 'bubblewrap');
    const leftovers = async (_: string, data: string) =>
      (await readdir(join(data, 's'))).filter((name) => name.startsWith('sbx-'));
    const { resumed, problems } = await chaosKill({ driver: 'process', points: kills(20), seed: seed + 1, leftovers });
    expect(problems).toEqual([]);
    expect(resumed).toBeGreaterThan(4);
  });

  test.skipIf(skipMongo)(
    'F002 MongoDB: kills at random moments lose nothing, repeat nothing and leak nothing',
    { timeout },
    async (context) => {
      await needs(context, 'bubblewrap');
      const database = `corral_${crypto.randomUUID().slice(0, 8)}`;
      const url = new URL(mongoUrl ?? 'mongodb://127.0.0.1:27017/');
      url.pathname = `/${database}`;
      const events = async (id: string) => {
        await using store = await mongoStore({ url: new Secret(url.href) });
        return (await store.events.page(SessionId.parse(id), 0, 1_000_000)).events;
      };
      const leftovers = async (_: string, data: string) =>
        (await readdir(join(data, 's'))).filter((name) => name.startsWith('sbx-'));
      const store = { settings: { MONGODB_URL: url.href }, events };
      try {
        const points = kills(15);
        const { resumed, problems } = await chaosKill({ driver: 'process', points, seed: seed + 2, leftovers, store });
        expect(problems).toEqual([]);
        expect(resumed).toBeGreaterThan(points / 6);
      } finally {
        await using client = new MongoClient(url.href);
        await client.db(database).dropDatabase();
      }
    },
  );
});
