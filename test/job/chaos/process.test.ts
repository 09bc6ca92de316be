// @module-tag nightly
import { expect, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { chaosKill, chaosSeed, killsFor, processLeftovers } from '../../support/stores/chaos.ts';

const points = killsFor(5);
const seed = chaosSeed();

test(`F001 process: kills at random moments lose nothing, repeat nothing and leak nothing (CHAOS_SEED=${seed})`, async (context) => {
  await needs(context, 'bubblewrap');
  const { resumed, problems } = await chaosKill({ driver: 'process', points, seed, leftovers: processLeftovers });
  expect(problems).toEqual([]);
  expect(resumed).toBeGreaterThan(points / 5);
});
