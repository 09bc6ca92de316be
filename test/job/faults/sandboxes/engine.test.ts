// @module-tag nightly
// The Docker Engine stops a sandbox without the server, or becomes unreachable.
import { expect, test } from 'vitest';
import { ownEngine } from '../../../support/sandboxes/own-engine.ts';
import { needs } from '../../../support/servers/components.ts';
import { realServer } from '../../../support/servers/real-server.ts';
import { dockerWorld as world } from '../../../support/worlds.ts';

test.for([true, false])(
  'F023 after an engine restart during a call, live-restore %s, live sandboxes stay, dead ones are lost, and all sessions continue',
  async (liveRestore, context) => {
    await needs(context, 'docker');
    await using engine = await ownEngine({ liveRestore });
    const own = { ...world, running: engine.running, remains: async () => [] };
    await using real = await realServer(context, own, { DOCKER_HOST: engine.host, CORRAL_SANDBOX_IMAGE: engine.image });
    const id = await real.ready();
    await real.working(id, 'echo once >> ran; for n in $(seq 12); do echo tick $n; sleep 1; done');
    const before = await engine.running(id);
    await engine.restart();
    await real.rests(id, 'completed');
    const calls = real.factsOf(id, 'tool.called').map(({ data }) => data);
    if (liveRestore) {
      expect(calls).toMatchObject([{ success: true, output: expect.stringContaining('tick 12\n') }]);
      expect(await engine.running(id)).toEqual(before);
    } else {
      expect(calls).toMatchObject([{ success: false, reason: 'sandbox_lost' }]);
    }
    expect(await real.says(id, 'cat ran')).toBe('once\n');
    expect(await engine.running(id)).toHaveLength(1);
    expect(await real.client.remove(id)).toMatchObject({ status: 200 });
    expect(await engine.running(id)).toEqual([]);
  },
);

test('F040 after a machine restart running commands are lost, files are kept, and all sessions continue', async (context) => {
  await needs(context, 'docker');
  await using engine = await ownEngine({ liveRestore: false });
  const own = { ...world, running: engine.running, remains: async () => [] };
  await using real = await realServer(context, own, { DOCKER_HOST: engine.host, CORRAL_SANDBOX_IMAGE: engine.image });
  const id = await real.ready();
  await real.working(id, 'echo once >> ran; sleep 600');
  real.server.kill('SIGKILL');
  await real.server.exit;
  await engine.restart();
  expect(await engine.running(id)).toEqual([]);
  await real.server.restart();
  await real.rests(id, 'completed');
  expect(real.factsOf(id, 'tool.called')).toMatchObject([{ data: { success: false } }]);
  expect(await real.says(id, 'cat ran; pgrep -fa "slee[p] 600" || echo none')).toBe('once\nnone\n');
  expect(await engine.running(id)).toHaveLength(1);
  await real.holds(id);
  expect(await engine.running(id)).toEqual([]);
});
