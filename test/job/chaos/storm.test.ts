// @module-tag nightly
import { expect, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { skipMongo } from '../../support/stores/mongo.ts';
import { storm } from '../../support/storm/storm.ts';

// `npm run chaos -- --minutes 10 --seed 7 --store mongodb` sets these.
const { CI, CHAOS_SEED, CHAOS_MINUTES, CHAOS_STORE, CHAOS_DRIVER } = process.env;
const minutes = Number(CHAOS_MINUTES ?? 0.3);
// Every change meets the same storm. `npm run chaos` and runs outside of CI use other seeds.
const seed =
  CI === 'true' && CHAOS_SEED === undefined ? 1_219_097_926 : Number(CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const say = (line: string) => void process.stdout.write(`${line}\n`);
const drivers = { docker: 'docker', process: 'bubblewrap' } as const;
const both = [
  ['docker', 'sqlite'],
  ['process', 'mongodb'],
] as const;
const requests = [[CHAOS_DRIVER ?? 'docker', CHAOS_STORE ?? 'sqlite']] as unknown as typeof both;

test.for(CHAOS_STORE === undefined ? both : requests)(
  `F001 F002 F023 F062 F110 %s and %s: after a storm of all faults nothing is lost, repeated or leaked (CHAOS_SEED=${seed})`,
  async ([driver, store], context) => {
    await needs(context, drivers[driver]);
    if (store === 'mongodb' && skipMongo) context.skip('needs TEST_MONGODB_URL');
    const { problems } = await storm({ driver, store, seed, ms: minutes * 60_000, say });
    expect(problems).toEqual([]);
  },
);
