// @module-tag all
// The sandbox, or the daemon in it, ends or hangs without the server.
import { expect, test } from 'vitest';
import { fence } from '../../../support/clients/api.ts';
import { reaches, type WorldServer, worldServer } from '../../../support/servers/real-server.ts';
import { inEachWorld } from '../../../support/worlds.ts';

const phases = (real: WorldServer, id: string) => real.factsOf(id, 'sandbox.phase').map(({ data }) => data.phase);
const isLost = (real: WorldServer, id: string) => phases(real, id).includes('lost');

inEachWorld('docker', 'with $driver', (world) => {
  test('F017 a sandbox killed during a call is reported, and the run continues in a new one', async (context) => {
    await using real = await worldServer(context, world);
    const id = await real.ready();
    const task = `${fence('sh', 'echo kept > file; echo begun; sleep 600')}\n${fence('sh', 'cat file')}`;
    await real.client.send(id, task);
    await reaches(() => real.factsOf(id, 'tool.output').length > 0);
    await world.kill(id);
    await reaches(() => real.factsOf(id, 'tool.called').length > 0);
    await reaches(() => isLost(real, id)); // the call can notice it first
    await real.rests(id);
    expect(real.factsOf(id, 'tool.called').map(({ data }) => data)).toMatchObject([
      { success: false, reason: 'sandbox_lost' },
      { success: true, output: 'kept\n' },
    ]);
    expect(await world.running(id)).toHaveLength(1);
    await real.holds(id);
  });
});
