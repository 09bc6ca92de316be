import { once } from 'node:events';
import { type Duplex, PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { openDockerEngine } from '../../../drivers/docker/engine.ts';
import { IdleConnections } from '../../../drivers/shared/link/idle-connections.ts';

const taken = (connections: IdleConnections) =>
  new Promise<Duplex>((give, fail) => {
    connections.take({ give, fail });
  });

test('a connection that was used is closed when no request wants it soon; an unused one stays', async () => {
  const connections = new IdleConnections(20);
  const [used, unused] = [new PassThrough(), new PassThrough()];
  connections.add(used);
  expect(await taken(connections)).toBe(used);
  connections.add(unused);
  connections.add(used);
  await once(used, 'close');
  expect(unused.destroyed).toBe(false);
  expect(await taken(connections)).toBe(unused);
});

test('a connection that is used again in time is not closed under its request', async () => {
  const connections = new IdleConnections(20);
  const [used, other] = [new PassThrough(), new PassThrough()];
  connections.add(used);
  await taken(connections);
  connections.add(used);
  expect(await taken(connections)).toBe(used);
  connections.add(other); // its close shows that its time ended
  await taken(connections);
  connections.add(other);
  await once(other, 'close');
  expect(used.destroyed).toBe(false);
});

/** Other requests use their whole share, and one more waits although there is a spare connection. */
async function allInUse() {
  const connections = new IdleConnections();
  const busy = Array.from({ length: 92 }, () => new PassThrough());
  for (const one of busy) {
    connections.add(one);
    await taken(connections);
  }
  const spare = new PassThrough();
  connections.add(spare);
  return { connections, busy, spare, waiting: taken(connections) };
}

test('a health check gets a connection at once, although other requests use all that they may and more wait', async () => {
  const { connections, busy, spare, waiting } = await allInUse();
  const health = await new Promise<Duplex>((give, fail) => connections.take({ isLight: true, give, fail }));
  expect(health).toBe(spare);
  connections.add(spare);
  busy[0]?.destroy();
  expect(await waiting).toBe(spare);
});

test('a connection that became a stream makes room for a request that waits', async () => {
  const { connections, busy, spare, waiting } = await allInUse();
  connections.giveUp(busy[0] as Duplex);
  expect(await waiting).toBe(spare);
});

test('printing the options of a request to the engine does not print the open connections', () => {
  const { modem } = openDockerEngine('unix:///nothing/docker.sock') as unknown as { modem: { agent: object } };
  expect(inspect({ agent: modem.agent }, { showHidden: true, depth: null })).toBe('{ agent: Agent }');
});
