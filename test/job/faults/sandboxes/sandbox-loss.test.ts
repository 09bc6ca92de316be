// @module-tag all
// The sandbox, or the daemon in it, ends or hangs without the server.
import { expect, test } from 'vitest';
import { fence, run } from '../../../support/clients/api.ts';
import { type RealServer, reaches, realServer } from '../../../support/servers/real-server.ts';
import { inEachWorld } from '../../../support/worlds.ts';

const phases = (real: RealServer, id: string) => real.factsOf(id, 'sandbox.phase').map(({ data }) => data.phase);
const isLost = (real: RealServer, id: string) => phases(real, id).includes('lost');

inEachWorld('docker', 'with $driver', (world) => {
  test('F017 a sandbox killed during a call is reported, and the run continues in a new one', async (context) => {
    await using real = await realServer(context, world);
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

  test('F018 a sandbox removed while idle is noticed without any client, and the log has the reason', {
    tags: ['nightly'],
  }, async (context) => {
    await using real = await realServer(context, world);
    const id = await real.ready();
    if (world.driver === 'docker') await run('docker', ['rm', '-f', ...(await world.running(id))]);
    else await world.kill(id);
    await reaches(() => isLost(real, id));
    const [lost] = real.factsOf(id, 'sandbox.phase').filter(({ data }) => data.phase === 'lost');
    expect(lost?.data.detail).toMatch(/sandbox (ended|was removed|is gone)|removed|exit code 137/);
    await real.client.chat(id, fence('sh', 'echo again'));
    expect(real.factsOf(id, 'tool.called')).toMatchObject([{ data: { success: true, output: 'again\n' } }]);
    await real.holds(id);
  });

  test('F031 a daemon killed during a call restarts in the same sandbox; the call ran once and has one outcome', {
    tags: ['nightly'],
  }, async (context) => {
    await using real = await realServer(context, world);
    const id = await real.ready();
    const before = await world.running(id);
    await real.working(id, 'echo once >> ran; sleep 600');
    await world.signalDaemon(id, 'KILL');
    await real.rests(id);
    expect(real.factsOf(id, 'tool.called')).toMatchObject([{ data: { success: false, reason: expect.any(String) } }]);
    await real.client.chat(id, fence('sh', 'cat ran; pgrep -fa "slee[p] 600" || echo none'));
    expect(real.factsOf(id, 'tool.called').at(-1)).toMatchObject({ data: { output: 'once\nnone\n' } });
    expect(await world.running(id)).toEqual(before);
    await real.holds(id);
  });
});
