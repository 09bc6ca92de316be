import { once } from 'node:events';
import { expect } from 'vitest';
import { testServer } from '../../support/clients/http.ts';
import { serverTest } from '../../support/clients/server-tests.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { fakeTerminals } from '../../support/sandboxes/fake-terminals.ts';

const now = '2023-11-14T22:13:20.000Z';

async function withTerminals() {
  const clock = manualClock(Date.parse(now));
  const server = await testServer({ clock });
  const terminals = fakeTerminals(server.fake.sessions, clock);
  Object.assign(server.others.services.terminals, terminals.service);
  const sid = (await server.call('POST', '/api/sessions', { task: 'T' })).body.session_id as string;
  const open = async () => (await server.call('POST', `/api/sessions/${sid}/shells`)).body.shell_id as string;
  const connect = (id: string) => openWebSocket(`ws://127.0.0.1:${server.port}/ws/shells/${id}`);
  return { server, terminals, sid, open, connect, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
const test = serverTest(withTerminals);

test('terminals can be opened, listed and closed', async ({ server: { server, sid } }) => {
  const shells = `/api/sessions/${sid}/shells`;
  const info = { shell_id: 'shell_00000000', session_id: sid, created: now, status: 'active' };
  expect((await server.call('POST', shells)).body).toEqual(info);
  expect((await server.call('GET', shells)).body).toEqual({ shells: [info] });
  expect((await server.call('DELETE', '/api/shells/shell_00000000')).body).toEqual({
    message: 'Shell session shell_00000000 deleted successfully',
  });
  expect(await server.call('DELETE', '/api/shells/shell_00000000')).toMatchObject({
    status: 404,
    body: { detail: 'Shell session not found' },
  });
});

test('a terminal shows its output, even a character that arrives in two parts, and accepts input and a size', async ({
  server,
}) => {
  const { terminals, sid, open, connect } = server;
  const id = await open();
  using client = await connect(id);
  await expect
    .poll(() => client.frames)
    .toEqual([{ type: 'shell_connected', shell_id: id, session_id: sid, message: 'Connected', timestamp: now }]);
  client.ws.send('{"type":"shell_resize","cols":120,"rows":40}');
  client.ws.send('{"type":"shell_input","data":"ls\\n"}');
  const shown = () =>
    client.frames
      .filter(({ type }) => type === 'shell_output')
      .map(({ data }) => data)
      .join('');
  await expect.poll(shown).toBe('ls\n');
  expect(client.frames[1]).toEqual({ type: 'shell_output', data: 'ls\n', timestamp: now });
  expect(terminals.sizes).toEqual(['120x40']);
  const bytes = Buffer.from('é');
  terminals.print(id, bytes.subarray(0, 1));
  terminals.print(id, bytes.subarray(1));
  await expect.poll(shown).toBe('ls\né');
});

test.for([
  ['nonsense', 'Invalid JSON'],
  ['{"type":"dance"}', 'Unknown message type: dance'],
  ['{"type":"shell_input"}', 'data: Invalid input: expected string, received undefined'],
  ['{"type":"shell_resize","cols":0,"rows":40}', 'cols: Too small: expected number to be >=1'],
  ['{"type":"shell_resize","cols":80,"rows":1001}', 'rows: Too big: expected number to be <=1000'],
  ['{"type":"shell_resize","cols":80.5,"rows":10}', 'cols: Invalid input: expected int, received number'],
] as const)('%s gets an error frame, and the terminal stays open', async ([sent, message], { server }) => {
  const { terminals, open, connect } = server;
  using client = await connect(await open());
  client.ws.send(sent);
  client.ws.send('{"type":"shell_input","data":"x"}');
  await expect.poll(() => client.frames.at(-1)?.data).toBe('x');
  expect([client.frames[1], terminals.sizes]).toEqual([{ type: 'error', message, timestamp: now }, []]);
});

test.for([
  ['exited', 1000],
  ['deleted', 1000],
  ['replaced', 1000], // a newer socket shows it
  ['session_deleted', 4410],
] as const)('a terminal that %s closes its socket with %i', async ([how, code], { server }) => {
  const { terminals, open, connect } = server;
  const id = await open();
  using client = await connect(id);
  await expect.poll(() => client.frames.length).toBe(1);
  terminals.end(id, how);
  expect(await client.closed).toMatchObject({ code });
});

test('a terminal stays alive without a socket, and a new socket replaces the one before', async ({
  server: { server, open, connect },
}) => {
  const id = await open();
  using first = await connect(id);
  await expect.poll(() => first.frames.length).toBe(1);
  first.ws.close();
  await expect.poll(() => server.streams()).toBe(0);
  using second = await connect(id);
  await expect.poll(() => second.frames[0]?.type).toBe('shell_connected');
  using _third = await connect(id);
  expect(await second.closed).toMatchObject({ code: 1000 });
});

test('the greeting is the first frame, even if the client speaks before its terminal is found', async ({
  server: it,
}) => {
  const { server, terminals, open, connect } = it;
  const id = await open();
  const { get } = terminals.service;
  const found = Promise.withResolvers<void>();
  server.others.services.terminals.get = (input) => found.promise.then(() => get(input));
  using client = await connect(id);
  const received = once(client.ws, 'pong');
  client.ws.send('nonsense');
  client.ws.ping();
  await received; // so that the server has the input
  found.resolve();
  await expect.poll(() => client.frames.map(({ type }) => type)).toEqual(['shell_connected', 'error']);
});

test('F105 an unknown or malformed terminal id closes the socket with 1008', async ({ server: { connect } }) => {
  for (const id of ['shell_ffffffff', 'x', '%00', 'SHELL_00000000', 'x'.repeat(4_000), '..%2f']) {
    using client = await connect(id);
    expect(await client.closed).toMatchObject({ code: 1008 });
    expect(client.frames).toEqual([{ type: 'error', message: 'Shell session not found', timestamp: now }]);
  }
});
