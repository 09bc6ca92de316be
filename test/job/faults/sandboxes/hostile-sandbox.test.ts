// @module-tag nightly
// A hostile program takes the daemon's place in a real sandbox and answers the whole server with garbage at full speed.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type HostileServer, hostileServer } from '../../../support/hostile/hostile-server.ts';
import { expectUnhurt, healthWatch } from '../../../support/servers/health-watch.ts';
import { reaches } from '../../../support/servers/real-server.ts';
import { inEachWorld } from '../../../support/worlds.ts';

const floodMs = 4_000;
const atOnce = 2;

inEachWorld('process', 'a hostile daemon in a sandbox of $driver', (world) => {
  test('cannot slow down or bloat the server, is removed, and is not adopted after kill -9', async (context) => {
    await using hostile = await hostileServer(context, world);
    const { server, factsOf } = hostile.real;
    {
      await using watch = await healthWatch(server);
      const quiet = await watch.during(() => pause(1_000));
      let met = 0;
      const loud = await watch.during(async () => {
        const until = performance.now() + floodMs;
        const one = async () => {
          do {
            await meet(hostile);
            met++;
          } while (performance.now() < until);
        };
        await Promise.all(Array.from({ length: atOnce }, one));
      });
      expectUnhurt(loud, quiet, `${met} hostile sandboxes`);
    }

    // The server is killed when it has found the sandbox hostile, and has not ended it yet.
    server.kill('SIGTERM');
    await hostile.restart({ NODE_ENV: 'test', CORRAL_FAILPOINTS: 'driver.destroy.before=hang' });
    const id = await hostile.create('takeover');
    await reaches(() => factsOf(id, 'sandbox.untrusted').length > 0);
    server.kill('SIGKILL');
    await server.exit;
    expect(await world.running(id)).toHaveLength(1);

    await server.restart({ NODE_OPTIONS: '--max-old-space-size=1024' });
    await using watch = await healthWatch(server);
    const after = await watch.during(() => reaches(async () => (await world.running(id)).length === 0));
    expect(after.rss).toBeLessThan(400);
    expect(factsOf(id, 'sandbox.untrusted'), 'it was not asked again').toHaveLength(1);
    expect(factsOf(id, 'sandbox.phase').filter(({ data }) => data.phase === 'ready')).toEqual([]);
    await hostile.real.holds(id);
  });
});

/** Starts a hostile sandbox and waits until the server has found it so, and has ended it. */
async function meet({ real, create }: HostileServer): Promise<void> {
  const id = await create('takeover');
  await reaches(() => real.factsOf(id, 'sandbox.untrusted').length > 0);
  await reaches(async () => (await real.world.running(id)).length === 0);
  expect(real.factsOf(id, 'sandbox.phase').some(({ data }) => data.phase === 'ready')).toBe(false);
  await real.holds(id);
}
