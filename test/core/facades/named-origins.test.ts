import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

// The front ends of the documents run on a development server and send no token. One variable names their origin.

const origin = 'http://localhost:5173';
const headers = { origin, 'sec-fetch-site': 'same-site' };
let server: ComposedServer;

beforeAll(async () => {
  server = await composedServer({ CORRAL_CORS_ORIGINS: origin });
});
afterAll(() => server[Symbol.asyncDispose]());

const ask = async (method: string, path: string, body?: object) => {
  const answer = await fetch(server.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
  const text = await answer.text();
  return { status: answer.status, text, body: text.startsWith('{') ? JSON.parse(text) : undefined };
};
const socket = (path: string) => openWebSocket(server.url.replace('http', 'ws') + path, { headers });

test('a SheikhBox page of a named origin makes a session and talks with the agent', async () => {
  const { session_id: sid } = (await ask('PUT', '/api/v1/sessions')).body.data;
  const { status, text } = await ask('POST', `/api/v1/sessions/${sid}/chat`, { message: 'Say hi' });
  expect(status).toBe(200);
  expect(text).toContain('event: done');
});

test('a Crogia page of a named origin sends a task over REST and another one over its socket', async () => {
  const { session_id: sid } = (await ask('POST', '/api/sessions', { task: 'Say hi' })).body;
  expect((await ask('POST', `/api/sessions/${sid}/tasks`, { task: 'Say hi' })).status).toBe(200);
  using client = await socket(`/ws/${sid}`);
  client.ws.send(JSON.stringify({ type: 'message', content: 'And again' }));
  const ended = () => client.frames.filter(({ type }) => type === 'task_completed').length;
  await expect.poll(ended).toBe(2);
});

test('an OpenCodex page of a named origin makes project and chat, and streams a run', async () => {
  const project = (await ask('POST', '/api/v1/projects', { name: 'One' })).body;
  const chat = (await ask('POST', `/api/v1/projects/${project.id}/chat-sessions`, {})).body;
  using client = await socket(`/api/v1/chats/${chat.id}/stream`);
  client.ws.send(JSON.stringify({ type: 'message', content: 'Say hi' }));
  await expect.poll(() => client.frames.map(({ type }) => type)).toContain('end');
});

test('a CambioML page and a Workspace page of a named origin work too', async () => {
  const session = (await ask('POST', '/sessions', {})).body;
  expect(session.status).toBe('active');
  using client = await socket('/ws?user_id=ada');
  client.ws.send(JSON.stringify({ type: 'save_file', sessionId: 'one', filename: 'a.txt', content: 'x' }));
  await expect.poll(() => client.frames.map(({ type }) => type)).toContain('save_result');
});
