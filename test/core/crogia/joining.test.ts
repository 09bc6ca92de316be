import { expect, test } from 'vitest';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { MessageId, type RunId, SessionId } from '../../../src/core/model/ids.ts';
import { type TestServer, testServer } from '../../support/clients/http.ts';
import { openWebSocket, type TestSocket } from '../../support/clients/sockets.ts';
import { runEnd } from '../../support/egress/fake-service.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

// Crogia's page when a user selects a session: it requests both histories, then opens the socket.

const uuid = (n: number) => MessageId.parse(`00000000-0000-4000-8000-00000000000${n}`);
const message = (runId: RunId, n: number, text: string): SessionFact[] => [
  { type: 'message.delta', runId, data: { messageId: uuid(n), text } },
  { type: 'message.assistant', runId, data: { messageId: uuid(n), text, attachments: [] } },
];
const question = { callId: 'call_9', tool: 'message', function: 'message_ask_user', args: { text: 'Which?' } } as const;

async function picked(server: TestServer, sid: string) {
  const { messages } = (await server.call('GET', `/api/sessions/${sid}/conversation`)).body;
  const { conversation_history } = (await server.call('GET', `/api/sessions/${sid}/conversation/full`)).body;
  const socket = await openWebSocket(`ws://127.0.0.1:${server.port}/ws/${sid}`);
  return { messages, full: conversation_history, socket };
}
async function started(task = 'Say hi') {
  const server = await testServer();
  const { body } = await server.call('POST', '/api/sessions', { task });
  const id = SessionId.parse(body.session_id);
  const { runId } = await server.fake.sessions.send(id, { text: task, mode: 'queue' });
  return { server, id, runId };
}
const types = ({ frames }: TestSocket) => frames.map(({ type }) => type);
const texts = ({ frames }: TestSocket) =>
  frames.flatMap(({ type, content }) => (type === 'text_delta' ? [`${content}`.trim()] : []));
const contents = (messages: { content: string }[]) => messages.map(({ content }) => content);

test('during a run a joining page gets the user messages from the history and everything else from the socket', async () => {
  const { server, id, runId } = await started();
  await using _server = server;
  await server.fake.say(id, ...demoRun(runId).slice(0, -1));
  const { messages, full, socket } = await picked(server, id);
  using _socket = socket;
  expect([contents(messages), full]).toEqual([['Say hi'], [{ role: 'user', content: 'Say hi' }]]);
  await expect.poll(() => texts(socket).join('')).toContain('All done: hi');
  expect(texts(socket).filter((text) => text.startsWith('Working'))).toHaveLength(1);
  expect(types(socket)).toEqual(expect.arrayContaining(['task_started', 'tool_call', 'tool_complete']));
  await server.fake.say(id, ...demoRun(runId).slice(-1));
  await expect.poll(() => types(socket).at(-1)).toBe('task_completed');
  const after = await picked(server, id);
  using _after = after.socket;
  expect(contents(after.messages)).toEqual(['Say hi', 'Working on it: Say hi', 'It says hi.', 'All done: hi']);
  await expect.poll(() => types(after.socket)).toEqual(['connection_established']);
});

test('a joining page gets the question once from the history, and the reply to its answer once from the socket', async () => {
  const { server, id, runId } = await started('Ask');
  await using _server = server;
  await server.fake.say(
    id,
    ...message(runId, 1, 'Working on it: Ask'),
    ...demoRun(runId).filter(({ type }) => type.startsWith('tool.')),
    { type: 'tool.calling', runId, data: question },
    ...message(runId, 2, 'Which?'),
    { type: 'run.wait', runId, data: { question: 'Which?' } },
  );
  const { messages, full, socket } = await picked(server, id);
  using _socket = socket;
  expect(contents(messages)).toEqual(['Ask', 'Working on it: Ask', 'Which?']);
  expect(full.slice(2)).toMatchObject([
    { type: 'function_call', name: 'run_shell' },
    { type: 'function_call_output', output: 'hi\n' },
    { type: 'function_call', name: 'message_ask_user', call_id: 'call_9' },
  ]);
  expect(full.slice(4)).toHaveLength(1); // the question is listed once
  await expect.poll(() => types(socket)).toEqual(['connection_established', 'task_started', 'waiting']);
  expect(socket.frames.at(-1)).toMatchObject({ question: 'Which?' });
  await server.fake.sessions.send(id, { text: 'This', mode: 'queue' });
  await server.fake.say(
    id,
    { type: 'tool.called', runId, data: { ...question, success: true, output: 'This', content: null } },
    ...message(runId, 3, 'You answered: This'),
    runEnd(runId, 'completed'),
  );
  await expect.poll(() => types(socket).at(-1)).toBe('task_completed');
  expect(texts(socket)).toEqual(['You answered: This']);
  using cambio = await openWebSocket(`ws://127.0.0.1:${server.port}/ws/${id}?after_seq=0`);
  await expect.poll(() => types(cambio).at(-1)).toBe('task_completed');
  expect(types(cambio).filter((type) => `${type}`.startsWith('tool'))).toEqual(['tool_call', 'tool_complete']);
});
