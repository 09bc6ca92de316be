// @module-tag nightly
// The Docker Engine stops a sandbox without the server, or becomes unreachable.
import { expect, test } from 'vitest';
import { fence, run } from '../../../support/clients/api.ts';
import { dockerHost } from '../../../support/sandboxes/docker.ts';
import { engineProxy } from '../../../support/sandboxes/engine-proxy.ts';
import { ownEngine } from '../../../support/sandboxes/own-engine.ts';
import { needs } from '../../../support/servers/components.ts';
import { reaches, realServer } from '../../../support/servers/real-server.ts';
import { worlds } from '../../../support/worlds.ts';

const [world] = worlds.filter(({ driver }) => driver === 'docker') as [(typeof worlds)[number]];

test('F020 docker pause during a call makes the sandbox unresponsive, the session continues, and nothing runs twice after unpause', async (context) => {
  await using real = await realServer(context, world);
  const id = await real.ready();
  await real.working(id, 'echo once >> ran; sleep 600');
  const [container = ''] = await world.running(id);
  await run('docker', ['pause', container]);
  await reaches(() => real.factsOf(id, 'tool.called').length > 0);
  expect(real.factsOf(id, 'tool.called')).toMatchObject([{ data: { success: false } }]);
  const details = real.factsOf(id, 'sandbox.phase').flatMap(({ data }) => (data.phase === 'lost' ? [data.detail] : []));
  expect(details).toEqual([expect.stringContaining('has not answered')]);
  await run('docker', ['unpause', container]).catch(() => {}); // ignores a container that is gone
  await real.rests(id);
  await real.client.chat(id, fence('sh', 'cat ran; pgrep -fa "slee[p] 600" || echo none'));
  expect(real.factsOf(id, 'tool.called').at(-1)).toMatchObject({ data: { output: 'once\nnone\n' } });
  expect(await world.running(id)).toHaveLength(1);
  await real.holds(id);
});

test('F024 while the engine hangs, active sessions go on, and a starting session gets one sandbox once it answers', async (context) => {
  await needs(context, 'docker');
  await using proxy = await engineProxy(dockerHost);
  await using real = await realServer(context, world, {
    DOCKER_HOST: proxy.host,
    CORRAL_SANDBOX_START_TIMEOUT_SECONDS: '10',
  });
  const { client } = real;
  const id = await real.ready();
  proxy.cause(/./, 'hang');
  const other = await client.create();
  await client.send(other, fence('sh', 'echo late'));
  await reaches(() => proxy.hits > 0);
  await client.chat(id, fence('sh', 'echo meanwhile'));
  expect(real.factsOf(id, 'tool.called')).toMatchObject([{ data: { success: true, output: 'meanwhile\n' } }]);
  expect(real.factsOf(other, 'tool.called')).toEqual([]);
  proxy.calm();
  await real.rests(other, 'completed'); // the server retries after the start's deadline
  expect(real.factsOf(other, 'tool.called')).toMatchObject([{ data: { success: true, output: 'late\n' } }]);
  expect(await world.running(other)).toHaveLength(1);
  await real.holds(other);
  await real.holds(id);
  real.server.kill('SIGTERM');
  expect(await real.server.exit, 'what still hangs must not hold its end up').toBe(0);
  await real.server.restart(); // the next server cleans up
});

test.for([true, false])(
  'F023 after an engine restart during a call, live-restore %s, live sandboxes stay, dead ones are lost, and all sessions continue',
  { tags: ['nightly'] },
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
    await real.client.chat(id, fence('sh', 'cat ran'));
    expect(real.factsOf(id, 'tool.called').at(-1)).toMatchObject({ data: { output: 'once\n' } });
    expect(await engine.running(id)).toHaveLength(1);
    expect(await real.client.remove(id)).toMatchObject({ status: 200 });
    expect(await engine.running(id)).toEqual([]);
  },
);

test('F029 an engine with no address for another network still starts sandboxes, which need no network', {
  tags: ['nightly'],
}, async (context) => {
  await needs(context, 'docker');
  await using engine = await ownEngine({ liveRestore: false });
  const networks: string[] = [];
  const create = (name: string) =>
    run('docker', ['--host', engine.host, 'network', 'create', name]).then(
      () => '',
      ({ stderr }: { stderr: string }) => stderr,
    );
  let refused = '';
  for (let n = 0; n < 80 && refused === ''; n++) {
    networks.push(`corral-test-${n}`);
    refused = await create(`corral-test-${n}`);
  }
  expect(refused).toMatch(/address pool/i);
  const own = { ...world, running: engine.running, remains: async () => [] };
  await using real = await realServer(context, own, { DOCKER_HOST: engine.host, CORRAL_SANDBOX_IMAGE: engine.image });
  const id = await real.ready();
  await real.client.chat(id, fence('sh', 'echo here'));
  expect(real.factsOf(id, 'tool.called')).toMatchObject([{ data: { success: true, output: 'here\n' } }]);
  await real.holds(id);
});

test('F040 after a machine restart running commands are lost, files are kept, and all sessions continue', {
  tags: ['nightly'],
}, async (context) => {
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
  await real.client.chat(id, fence('sh', 'cat ran; pgrep -fa "slee[p] 600" || echo none'));
  expect(real.factsOf(id, 'tool.called').at(-1)).toMatchObject({ data: { output: 'once\nnone\n' } });
  expect(await engine.running(id)).toHaveLength(1);
  await real.holds(id);
  expect(await engine.running(id)).toEqual([]);
});
