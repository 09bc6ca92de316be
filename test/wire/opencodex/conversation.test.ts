import { expect } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { MessageId, SessionId } from '../../../src/core/model/ids.ts';
import { type OpencodexServer, opencodexServer } from '../../support/clients/opencodex.ts';
import { serverTest, opencodexTest as test } from '../../support/clients/server-tests.ts';
import { runEnd } from '../../support/egress/fake-service.ts';
import { demoRun, playDemoRun } from '../../support/servers/demo-run.ts';

const text = 'Working on it: Say hi\n\nIt says hi.\n\nAll done: hi';
const types = (frames: { type: string }[]) => frames.map(({ type }) => type);
/** With an agent that does the demo run for each message. */
const playing = serverTest(() => opencodexServer({ play: playDemoRun })).extend('sid', ({ server }) =>
  server.newChat(),
);
/** A server with a chat whose agent has just done this much of the demo run. */
async function working(facts: number, profile: 'first' | 'current' = 'first') {
  const server = await opencodexServer({ profile });
  const sid = await server.newChat();
  const id = SessionId.parse(sid);
  const { runId } = await server.fake.sessions.send(id, { text: 'Work', mode: 'queue' });
  await server.fake.say(id, ...demoRun(runId).slice(0, facts));
  return { ...server, sid, id, runId };
}
const settled = (server: OpencodexServer, sid: string) =>
  expect.poll(async () => (await server.fake.sessions.get(SessionId.parse(sid))).status).toBe('completed');

playing("a message is stored at once, and its run's answer is one with its actions", async ({ server, sid }) => {
  const input = { content: 'Say hi', message_metadata: { from: 'page' } };
  const sent = await server.call('POST', `/chats/${sid}/messages`, input);
  expect(sent).toMatchObject({
    status: 201,
    body: { ...input, chat_session_id: sid, role: 'user', agent_actions: [] },
  });
  await settled(server, sid);
  const { messages, total } = (await server.call('GET', `/chats/${sid}/messages`)).body;
  expect([total, messages[0]]).toEqual([2, sent.body]);
  expect(messages[1]).toMatchObject({ role: 'assistant', content: text, message_metadata: {} });
  const [action] = messages[1].agent_actions;
  expect(action).toMatchObject({ message_id: messages[1].id, action_type: 'bash', status: 'success' });
  expect((await server.call('GET', `/chats/${sid}/agent-actions`)).body).toEqual({ agent_actions: [action], total: 1 });
  expect((await server.call('GET', `/agent-actions/${action.id}`)).body).toEqual(action);
});

playing('messages of the assistant and the system create no run, event or block', async ({ server, sid }) => {
  const note = { content: 'Be brief', role: 'system', message_metadata: { n: 1 } };
  const first = await server.call('POST', `/chats/${sid}/messages`, note);
  const expected = { status: 201, body: { role: 'system', content: 'Be brief', message_metadata: { n: 1 } } };
  expect(first).toMatchObject(expected);
  await server.call('POST', `/chats/${sid}/messages`, { content: 'Say hi' });
  await settled(server, sid);
  await server.call('POST', `/chats/${sid}/messages`, { content: 'An aside', role: 'assistant' });
  const { messages, total } = (await server.call('GET', `/chats/${sid}/messages`)).body;
  expect([total, messages.map((one: { content: string }) => one.content)]).toEqual([
    4,
    ['Be brief', 'Say hi', text, 'An aside'],
  ]);
  expect(messages[0]).toEqual(first.body);
  const { blocks } = (await server.call('GET', `/chats/${sid}/blocks`)).body;
  expect(JSON.stringify(blocks)).not.toMatch(/Be brief|An aside/);
});

playing('blocks are the parts of the conversation, and each can be read alone', async ({ server, sid }) => {
  await server.call('POST', `/chats/${sid}/messages`, { content: 'Say hi' });
  await settled(server, sid);
  const { blocks, total } = (await server.call('GET', `/chats/${sid}/blocks`)).body;
  expect(total).toBe(6);
  for (const block of blocks.slice(0, 4))
    expect((await server.call('GET', `/chats/${sid}/blocks/${block.id}`)).body).toEqual(block);
  const expected = { status: 404, body: { detail: 'Block with id nothing not found' } };
  expect(await server.call('GET', `/chats/${sid}/blocks/nothing`)).toMatchObject(expected);
  expect((await server.call('GET', `/chats/${sid}/blocks?skip=1&limit=2`)).body).toEqual({
    blocks: blocks.slice(1, 3),
    total: 6,
  });
});

test.for([
  {},
  { content: '' },
  { content: ' \n' },
  { content: 'x'.repeat(200_001) },
  { content: 'x', role: 'tool' },
  { content: 'x', mode: 'now' },
])('a message such as %o is refused', async (body, { server, sid }) => {
  expect((await server.call('POST', `/chats/${sid}/messages`, body)).status).toBe(422);
});

test('a stream without a cursor replays an active run, but not a waiting or finished one', async () => {
  await using server = await working(4, 'current');
  const { sid, id, runId } = server;
  using joined = server.stream(sid);
  await expect.poll(() => types(joined.frames)).toEqual(['resuming_stream', 'title_updated', 'chunk', 'chunk']);
  await server.fake.say(id, { type: 'run.wait', runId, data: { question: 'Which?' } });
  await expect.poll(() => types(joined.frames).at(-1)).toBe('end');
  using waiting = server.stream(sid);
  await waiting.send({ type: 'message', content: 'The first' });
  await expect.poll(() => types(waiting.frames)).toEqual(['user_text_block', 'start']);
  expect(waiting.frames[1]).toMatchObject({ run_id: runId, user_message_id: waiting.frames[0].block.id });
});

test('the oldest page, which does not know resuming_stream, gets start when it joins', async () => {
  await using server = await working(2);
  const { sid, runId } = server;
  using client = server.stream(sid);
  await server.call('GET', `/chats/${sid}/messages`);
  await expect.poll(() => types(client.frames)).toEqual(['start', 'title_updated', 'chunk']);
  expect(client.frames[0]).toMatchObject({ run_id: runId, user_message_id: expect.any(String) });
});

test('the oldest page, which overwrites its list with the answer, gets a joined run after it, wherever the run ends', async () => {
  for (const endsBefore of [false, true]) {
    await using server = await working(2);
    const { sid, id, runId } = server;
    using client = server.stream(sid);
    await client.send({ type: 'ping' });
    await expect.poll(() => types(client.frames)).toEqual(['pong']);
    const end = () => server.fake.say(id, ...demoRun(runId).slice(2), runEnd(runId, 'completed'));
    if (endsBefore) await end();
    const { messages } = (await server.call('GET', `/chats/${sid}/messages`)).body;
    expect(types(client.frames)).toEqual(['pong']);
    if (!endsBefore) await end();
    expect(messages).toHaveLength(endsBefore ? 2 : 1);
    if (!endsBefore) await expect.poll(() => types(client.frames).at(-1)).toBe('end');
    await client.send({ type: 'message', content: 'Next' });
    await expect.poll(() => types(client.frames)).toContain('user_text_block');
    expect(types(client.frames).includes('chunk')).toBe(!endsBefore);
  }
});

test('the oldest page, which makes a bubble of its own when it joins, finds no empty row of the run at work', async () => {
  const responseTo = async (profile: 'first' | 'current') => {
    await using server = await working(4, profile);
    const { body } = await server.call('GET', `/chats/${server.sid}/messages`);
    return [body.messages.map(({ role }: { role: string }) => role), body.total];
  };
  expect([await responseTo('first'), await responseTo('current')]).toEqual([
    [['user'], 1],
    [['user', 'assistant'], 2],
  ]);
});

playing('a cursor ahead of the log gets a resync, and the stream continues live', async ({ server, sid }) => {
  using client = server.stream(sid, '?after_seq=99');
  await expect
    .poll(() => client.frames[0])
    .toMatchObject({ type: 'resync', reason: 'cursor_ahead', latest_seq: 0, seq: 0, content: '' });
  await client.send({ type: 'message', content: 'Say hi' });
  await expect.poll(() => types(client.frames)).toContain('end');
});

test('cancel and stop end the run, and a ping gets an answer', async ({ server, sid }) => {
  using client = server.stream(sid);
  for (const type of ['cancel', 'stop']) {
    client.frames.length = 0;
    await client.send({ type: 'message', content: 'Work' });
    await client.send({ type });
    await expect.poll(() => types(client.frames)).toEqual(['user_text_block', 'start', 'end']);
    expect(client.frames[2]).toMatchObject({ cancelled: true });
  }
  await client.send({ type: 'ping' });
  await expect.poll(() => client.frames.at(-1)).toEqual({ type: 'pong', timestamp: expect.stringMatching(/Z$/) });
});

test.for([
  ['no json', 'Invalid JSON'],
  ['[1]', 'Invalid JSON'],
  ['{"type":"dance"}', 'Unknown message type: dance'],
  ['{"type":"message"}', 'content must be a non-empty string'],
  ['{"type":"message","content":" "}', 'content must be a non-empty string'],
  ['{"type":"message","content":"x","mode":"now"}', expect.stringContaining('mode')],
])('the bad frame %s gets an answer, and the connection stays open', async ([frame, message], { server, sid }) => {
  using client = server.stream(sid);
  await client.send(frame);
  await expect
    .poll(() => client.frames)
    .toEqual([{ type: 'error', content: message, message, timestamp: expect.any(String) }]);
  await client.send({ type: 'ping' });
  await expect.poll(() => types(client.frames)).toEqual(['error', 'pong']);
});

test.for(['0123456789abcdef', 'nothing', 'ABCDEF0123456789'])(
  'a stream of the unknown chat %s gets an error',
  async (sid, { server }) => {
    using client = server.stream(sid);
    expect(await client.closed).toMatchObject({ code: 1008 });
    const message = `Chat session with id ${sid} not found`;
    expect(client.frames).toEqual([{ type: 'error', content: message, message, timestamp: expect.any(String) }]);
  },
);

test.for(['x', '-1', '1.5', '01'])('the cursor %s closes the stream', async (cursor, { server }) => {
  using client = server.stream(await server.newChat(), `?after_seq=${cursor}`);
  expect(await client.closed).toMatchObject({ code: 1008 });
  expect(types(client.frames)).toEqual(['error']);
});

test('deleting a chat ends its streams with 4410', async ({ server, sid }) => {
  using client = server.stream(sid);
  await client.opened;
  await client.send({ type: 'ping' });
  await expect.poll(() => types(client.frames)).toEqual(['pong']);
  await server.call('DELETE', `/chats/${sid}`);
  expect(await client.closed).toMatchObject({ code: 4410 });
});

test('a message waits for the active run, unless it asks for another mode', async ({ server, sid }) => {
  const modes: string[] = [];
  const { send } = server.fake.sessions;
  server.fake.instead.send = (id, command) => {
    modes.push(command.mode);
    return send(id, command);
  };
  using client = server.stream(sid);
  for (const mode of [undefined, null, 'inject', 'queue', 'replace']) {
    await server.call('POST', `/chats/${sid}/messages`, { content: 'By HTTP', mode });
    await client.send({ type: 'message', content: 'By the stream', mode });
    await expect.poll(() => modes.length % 2).toBe(0);
  }
  expect(modes).toEqual(['queue', 'queue', 'inject', 'queue', 'replace'].flatMap((mode) => [mode, mode]));
});

test('a long conversation lists the newest 500 messages and blocks and 100 actions', async ({ server, sid }) => {
  const id = SessionId.parse(sid);
  const { runId } = await server.fake.sessions.send(id, { text: 'Work', mode: 'queue' });
  const calls = demoRun(runId).filter(({ type }) => type.startsWith('tool.'));
  await server.fake.say(id, ...Array.from({ length: 300 }, () => calls).flat(), runEnd(runId, 'completed'));
  const facts = Array.from({ length: 601 }, (_, n): SessionFact => {
    const messageId = MessageId.parse(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
    return { type: 'message.user', runId: null, data: { messageId, text: `${n}`, attachments: [] } };
  });
  await server.fake.say(id, ...facts);
  const get = async (what: string) => (await server.call('GET', `/chats/${sid}/${what}`)).body;
  const { messages, total } = await get('messages');
  expect([total, messages.length, messages[0].content, messages.at(-1).content]).toEqual([602, 500, '101', '600']);
  const first = (await get('messages?limit=2')).messages;
  expect(first.map(({ content }: { content: string }) => content)).toEqual(['Work', '0']);
  expect((await get('messages?skip=3')).messages.length).toBe(100);
  const { blocks, total: pieces } = await get('blocks');
  expect([pieces, blocks.length, blocks.at(-1).content.text]).toEqual([1202, 500, '600']);
  const { agent_actions: actions, total: done } = await get('agent-actions');
  expect([done, actions.length]).toEqual([300, 100]);
  expect((await get('agent-actions?skip=299')).agent_actions).toHaveLength(1);
  expect((await get('agent-actions?skip=1&limit=1')).agent_actions).toEqual([actions[1]]);
});

playing('an unknown action is 404, and a failed lookup is 503', async ({ server, sid }) => {
  await server.call('POST', `/chats/${sid}/messages`, { content: 'Say hi' });
  await settled(server, sid);
  const [{ id }] = (await server.call('GET', `/chats/${sid}/agent-actions`)).body.agent_actions;
  const elsewhere = id.replace(/^.{8}/, '00000000');
  for (const unknown of ['nothing', crypto.randomUUID(), elsewhere]) {
    expect(await server.call('GET', `/agent-actions/${unknown}`)).toMatchObject({
      status: 404,
      body: { detail: `Agent action with id ${unknown} not found` },
    });
  }
  server.fake.instead.get = () => Promise.reject(new AppError('store_unavailable', 'The store is away.'));
  expect((await server.call('GET', `/agent-actions/${id}`)).status).toBe(503);
});
