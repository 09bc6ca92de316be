// @module-tag nightly
import { expect, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { chaosReplicas } from '../../support/stores/chaos-replicas.ts';
import { mongoUrl, skipMongo } from '../../support/stores/mongo.ts';

const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const points = Number(process.env.CHAOS_POINTS ?? 40);

test.skipIf(skipMongo)(
  `F055 F060 two servers are killed, paused and stopped at random: one writer at a time, and no client misses an event (CHAOS_SEED=${seed})`,
  async (context) => {
    await needs(context, 'bubblewrap');
    const mongo = mongoUrl ?? 'mongodb://127.0.0.1:27017/';
    const result = await chaosReplicas({ mongo, driver: 'process', points, seed, leaseSeconds: 2 });
    expect(result, JSON.stringify(result)).toMatchObject({ problems: [] });
    expect(result.moved).toBeGreaterThan(points >= 12 ? points / 6 : 0);
  },
);
