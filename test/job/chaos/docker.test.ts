// @module-tag nightly
import { expect, test } from 'vitest';
import { run } from '../../support/clients/api.ts';
import { needs } from '../../support/servers/components.ts';
import { chaosKill, chaosSeed, killsFor } from '../../support/stores/chaos.ts';

const points = killsFor(6);
const seed = chaosSeed();

test(`F001 docker: kills at random moments lose nothing, repeat nothing and leak nothing (CHAOS_SEED=${seed})`, async (context) => {
  await needs(context, 'docker');
  const leftovers = async (id: string) => {
    const filter = ['--filter', `label=corral.session=${id}`, '-q'];
    const found = await Promise.all([
      run('docker', ['ps', '-a', ...filter]),
      run('docker', ['volume', 'ls', ...filter]),
    ]);
    return found.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean));
  };
  const { resumed, problems } = await chaosKill({ driver: 'docker', points, seed, leftovers });
  expect(problems).toEqual([]);
  expect(resumed).toBeGreaterThan(points / 6);
});
