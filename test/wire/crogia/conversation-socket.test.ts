import { once } from 'node:events';
import { expect } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { MessageId, SessionId } from '../../../src/core/model/ids.ts';
import { type TestServer, testServer } from '../../support/clients/http.ts';
import { httpTest } from '../../support/clients/server-tests.ts';
import { openWebSocket, type TestSocket } from '../../support/clients/sockets.ts';
import { runEnd } from '../../support/egress/fake-service.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

type Server = TestServer;
const types = ({ frames }: TestSocket) => frames.map(({ type }) => type);
const seqs = ({ frames }: TestSocket) =>
  frames.flatMap(({ seq, type }) => (type === 'connection_established' ? [] : [seq]));

async function crogiaSession(server: Server): Promise<{ sid: string; id: SessionId }> {
  const sid = (await server.call('POST', '/api/sessions', { task: 'T' })).body.session_id;
  return { sid, id: SessionId.parse(sid) };
}
async function cambioSession(server: Server): Promise<{ sid: string; id: SessionId }> {
  const sid = (await server.call('POST', '/sessions')).body.id;
  return { sid, id: SessionId.parse(sid) };
}
const test = httpTest.extend('session', ({ server }) => crogiaSession(server));
const connect = (server: Server, path: string) => openWebSocket(`ws://127.0.0.1:${server.port}/ws/${path}`);
const played = (server: Server, id: SessionId) =>
  server.fake.sessions.send(id, { text: 'Say hi', mode: 'queue' }).then(async ({ runId }) => {
    await server.fake.say(id, ...demoRun(runId));
    return runId;
  });

test('a run is sent frame by frame, each with its seq in the log', async ({ server, session: { sid, id } }) => {
  using client = await connect(server, sid);
  await expect.poll(() => types(client)).toEqual(['connection_established']);
  expect(client.frames[0]).toEqual({
    type: 'connection_established',
    session_id: sid,
    message: 'Connected',
    seq: 0,
    content: '',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*\.\d{3}Z$/),
  });
  const runId = await played(server, id);
  await expect.poll(() => types(client).at(-1)).toBe('task_completed');
  expect(types(client)).toEqual([
    'connection_established',
    ...['task_started', 'text_delta', 'text_delta', 'tool_call', 'tool_complete'],
    ...['text_delta', 'text_delta', 'text_delta', 'text_delta', 'task_completed'],
  ]);
  expect(client.frames[1]).toMatchObject({ task: 'Say hi', run_id: runId, seq: 2, content: '' });
  expect(client.frames.at(-1)).toMatchObject({ run_id: runId, status: 'completed', content: '' });
  expect(seqs(client)).toEqual(seqs(client).toSorted((a, b) => a - b));
});

test('a session of CambioML sends each text whole unless the client asks otherwise', async ({ server }) => {
  const { sid, id } = await cambioSession(server);
  await played(server, id);
  using whole = await connect(server, `${sid}?after_seq=0`);
  await expect.poll(() => types(whole).at(-1)).toBe('task_completed');
  const texts = ({ frames }: TestSocket) =>
    frames.filter(({ type }) => type === 'text_delta').map((one) => one.content);
  expect(texts(whole)).toEqual(['Working on it: Say hi', 'It says hi.', 'All done: hi']);
  using cut = await connect(server, `${sid}?after_seq=0&profile=crogia`);
  await expect.poll(() => types(cut).at(-1)).toBe('task_completed');
  expect(texts(cut)).toHaveLength(6);
});

test('a client that resumes after any frame receives every frame once and in order', async ({
  server,
  session: { sid, id },
}) => {
  await played(server, id);
  using all = await connect(server, `${sid}?after_seq=0`);
  await expect.poll(() => types(all).at(-1)).toBe('task_completed');
  const frames = all.frames.slice(1);
  for (const [n, { seq }] of frames.entries()) {
    using rest = await connect(server, `${sid}?after_seq=${seq}`);
    await expect.poll(() => rest.frames.length).toBe(frames.length - n);
    expect(rest.frames.slice(1)).toEqual(frames.slice(n + 1));
  }
});

test('a client that connects during a run gets it from its start, a later one only new runs', async ({
  server,
  session: { sid, id },
}) => {
  await played(server, id);
  const { runId } = await server.fake.sessions.send(id, { text: 'Second', mode: 'queue' });
  await server.fake.say(id, { type: 'title', runId, data: { title: 'T' } });
  using during = await connect(server, sid);
  await expect.poll(() => types(during)).toEqual(['connection_established', 'task_started']);
  expect(during.frames[1]).toMatchObject({ task: 'Second', run_id: runId });
  await server.fake.say(id, runEnd(runId, 'completed'));
  await expect.poll(() => types(during).at(-1)).toBe('task_completed');
  using after = await connect(server, sid);
  const third = await server.fake.sessions.send(id, { text: 'Third', mode: 'queue' });
  await expect.poll(() => types(after)).toEqual(['connection_established', 'task_started']);
  expect(after.frames[1]).toMatchObject({ run_id: third.runId });
});

test('a client can stop the run, and gets its end', async ({ server, session: { sid, id } }) => {
  using client = await connect(server, sid);
  await server.fake.sessions.send(id, { text: 'Work', mode: 'queue' });
  client.ws.send('{"type":"stop"}');
  await expect.poll(() => client.frames.at(-1)).toMatchObject({ type: 'task_completed', status: 'stopped', seq: 3 });
});

test.for([
  ['crogia', 'queue', crogiaSession],
  ['cambioml', 'inject', cambioSession],
] as const)(
  'a message to a session of %s means %s, unless it has its own mode',
  async ([_origin, mode, make], { server }) => {
    const { sid, id } = await make(server);
    const requests: unknown[] = [];
    server.fake.instead.send = async (_id, command) => {
      requests.push(command);
      return { messageId: MessageId.parse(crypto.randomUUID()), runId: '' as never, seq: 1 };
    };
    using client = await connect(server, `${sid}?profile=cambioml`);
    client.ws.send(JSON.stringify({ content: 'hi', id }));
    client.ws.send(JSON.stringify({ type: 'message', content: 'ho', mode: 'replace' }));
    await expect
      .poll(() => requests)
      .toEqual([
        { text: 'hi', mode },
        { text: 'ho', mode: 'replace' },
      ]);
  },
);

test('a message sent while the client connects starts a run whose frames all arrive', async () => {
  await using server = await testServer({
    play: (fake, id, { runId }) => fake.say(id, ...demoRun(runId)).then(() => {}),
  });
  const { sid } = await cambioSession(server);
  using client = await connect(server, sid);
  client.ws.send(JSON.stringify({ content: 'Say hi' }));
  await expect.poll(() => types(client).at(-1)).toBe('task_completed');
  expect(types(client).slice(0, 2)).toEqual(['connection_established', 'task_started']);
});

test('the greeting is the first frame, even if the client speaks before its session is found; an error has no seq', async ({
  server,
  session: { sid },
}) => {
  const { get } = server.fake.sessions;
  const found = Promise.withResolvers<void>();
  server.fake.instead.get = (id) => found.promise.then(() => get(id));
  using client = await connect(server, sid);
  const received = once(client.ws, 'pong');
  client.ws.send('nonsense');
  client.ws.send('{"type":"ping"}');
  client.ws.ping();
  await received; // so that the server has both frames
  found.resolve();
  await expect.poll(() => types(client)).toEqual(['connection_established', 'error', 'pong']);
  const common = { session_id: sid, timestamp: expect.any(String) };
  const message = 'Invalid JSON';
  expect(client.frames[1]).toEqual({ ...common, type: 'error', message, content: message });
  expect(client.frames[2]).toEqual({ ...common, type: 'pong', content: '' });
});

test('an error of the service is a frame without a seq, and a bug shows no details', async ({
  server,
  session: { sid },
}) => {
  using client = await connect(server, sid);
  server.fake.instead.send = async () => {
    throw new AppError('queue_full', 'There are 100 messages in the queue already.');
  };
  client.ws.send('{"content":"hi"}');
  await expect.poll(() => client.frames.at(-1)?.message).toBe('There are 100 messages in the queue already.');
  server.fake.instead.send = async () => {
    throw new Error('/srv/secret broke');
  };
  client.ws.send('{"content":"hi"}');
  await expect.poll(() => client.frames.at(-1)?.message).toBe('Internal server error');
  expect(client.frames.at(-1)).not.toHaveProperty('seq');
  expect(server.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
});

test('F105 an unknown, deleted or malformed session id is one error frame, then 1008', async ({
  server,
  session: { sid, id },
}) => {
  await server.fake.sessions.delete(id);
  for (const input of [sid, '0123456789abcdef', 'x', 'x'.repeat(4_000), '%00', 'ff%2f', sid.toUpperCase()]) {
    using client = await connect(server, input);
    expect(await client.closed).toMatchObject({ code: 1008 });
    expect(client.frames).toEqual([
      expect.objectContaining({ type: 'error', message: 'Session not found', content: 'Session not found' }),
    ]);
  }
});

test.for(['after_seq=x', 'after_seq=-1', 'after_seq=01', 'after_seq=1&after_seq=2', 'after_seq=1e3', 'profile=other'])(
  'a bad query (%s) is one error frame, then 1008',
  async (query, { server, session: { sid } }) => {
    using client = await connect(server, `${sid}?${query}`);
    expect(await client.closed).toMatchObject({ code: 1008 });
    expect(types(client)).toEqual(['error']);
  },
);

test('a cursor whose deltas are compacted gets a resync; cambioml gets whole texts', async ({
  server,
  session: { sid, id },
}) => {
  await played(server, id);
  await server.fake.store.events.compact(id, { keepDroppable: 0, keepAll: 1_000 });
  using old = await connect(server, `${sid}?after_seq=1`);
  await expect.poll(() => old.frames.at(-1)).toMatchObject({ type: 'resync', reason: 'cursor_too_old' });
  using whole = await connect(server, `${sid}?after_seq=1&profile=cambioml`);
  await expect.poll(() => types(whole).at(-1)).toBe('task_completed');
  expect(types(whole)).not.toContain('resync');
});

test('deleting the session closes the socket with 4410', async ({ server, session: { sid } }) => {
  using client = await connect(server, sid);
  await server.call('DELETE', `/api/sessions/${sid}`);
  expect(await client.closed).toMatchObject({ code: 4410 });
});
