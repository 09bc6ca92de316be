// @module-tag nightly
// A hostile program takes the daemon's place in a real sandbox and answers the whole server with garbage.
import { expect, test } from 'vitest';
import { type HostileServer, hostileServer } from '../../../support/hostile/hostile-server.ts';
import { reaches } from '../../../support/servers/real-server.ts';
import { inEachWorld } from '../../../support/worlds.ts';

inEachWorld('process', 'a hostile daemon in a sandbox of $driver', (world) => {
  test('is removed, and is not adopted after kill -9', async (context) => {
    await using hostile = await hostileServer(context, world);
    const { server, factsOf } = hostile.real;
    await meet(hostile);

    // The server is killed after it has detected the hostile sandbox and before it has ended it.
    server.kill('SIGTERM');
    await hostile.restart({ NODE_ENV: 'test', CORRAL_FAILPOINTS: 'driver.destroy.before=hang' });
    const id = await hostile.create('takeover');
    await reaches(() => factsOf(id, 'sandbox.untrusted').length > 0);
    server.kill('SIGKILL');
    await server.exit;
    expect(await world.running(id)).toHaveLength(1);

    await server.restart();
    await reaches(async () => (await world.running(id)).length === 0);
    expect(factsOf(id, 'sandbox.untrusted'), 'it was not called again').toHaveLength(1);
    expect(factsOf(id, 'sandbox.phase').filter(({ data }) => data.phase === 'ready')).toEqual([]);
    await hostile.real.holds(id);
  });
});

/** Starts a hostile sandbox and waits until the server has detected and ended it. */
async function meet({ real, create }: HostileServer): Promise<void> {
  const id = await create('takeover');
  await reaches(() => real.factsOf(id, 'sandbox.untrusted').length > 0);
  await reaches(async () => (await real.world.running(id)).length === 0);
  expect(real.factsOf(id, 'sandbox.phase').some(({ data }) => data.phase === 'ready')).toBe(false);
  await real.holds(id);
}
