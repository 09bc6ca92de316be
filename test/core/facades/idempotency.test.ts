import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

// Every route that creates something accepts an idempotency key, in every facade. The wire contract has the list, and
// the OpenAPI document names no other route.

interface CreateRequest {
  readonly body: string;
  /** A body with different values. */
  readonly other: string;
  readonly type?: string;
  readonly query?: string;
}
const boundary = 'a-boundary';
const form = (content: string) =>
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n${content}\r\n--${boundary}--\r\n`;
const file = { body: form('one'), other: form('two'), type: `multipart/form-data; boundary=${boundary}` };
const json = (body: object, other: object = { ...body, more: 1 }) => ({
  body: JSON.stringify(body),
  other: JSON.stringify(other),
});
const making: Record<string, (project: string) => CreateRequest> = {
  'PUT /api/v1/sessions': () => json({}),
  'POST /api/v1/sessions/{sid}/chat': () => json({ message: 'Say hi' }),
  'POST /api/v1/files': () => file,
  'POST /api/sessions': () => json({ task: 'Later' }),
  'POST /api/sessions/{sid}/tasks': () => json({ task: 'Say hi' }),
  'POST /api/sessions/{sid}/files/content': () => json({ path: 'a.txt', content: 'a' }),
  'POST /api/sessions/{sid}/shells': () => json({}),
  'POST /api/sessions/{sid}/shell': () => json({ cmd: 'echo hi' }),
  'POST /sessions': () => json({}),
  'POST /api/v1/projects': () => json({ name: 'One' }),
  'POST /api/v1/projects/{project_id}/chat-sessions': () => json({ name: 'One' }),
  'POST /api/v1/chats': (project) => ({ ...json({ name: 'One' }), query: `?project_id=${project}` }),
  'POST /api/v1/chats/{sid}/messages': () => json({ content: 'Say hi' }),
  'POST /api/v1/sandbox/{sid}/execute': () => json({ command: 'echo hi' }),
  'POST /api/v1/chats/{sid}/workspace/files/upload-to-project': (project) =>
    json({ path: '/workspace/report.md', project_id: project }),
  'POST /api/v1/files/upload/{project_id}': () => file,
  'POST /api/v1/settings/api-keys': () => json({ provider: 'gemini', api_key: 'a-key' }),
};

let server: ComposedServer;
let documented: string[];
beforeAll(async () => {
  server = await composedServer();
  const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
  };
  documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { parameters = [] }]) => parameters.some(({ name }) => name === 'Idempotency-Key'))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
});
afterAll(() => server[Symbol.asyncDispose]());

test('the OpenAPI document shows the idempotency key at every route that creates something, and only there', () => {
  // A fork needs a finished step, and an edit a message, which the sessions of this file lack.
  const needy = ['fork', 'edit'].map((what) => `POST /api/v1/sessions/{sid}/${what}`);
  const all = [...Object.keys(making), ...needy];
  expect(documented.sort()).toEqual(all.sort());
});

test.each(Object.entries(making))('F095 %s happens once per key; another body is refused', async (name, made) => {
  const { services } = server.core;
  const project = await services.projects.create({ name: 'One' });
  const session = await services.sessions.create({ origin: 'trpc', projectId: project.id });
  await services.files.write(session.id, 'report.md', 'hello', new AbortController().signal);
  const { body, other, type, query = '' } = made(project.id);
  const [method = '', path = ''] = name.split(' ');
  const url = server.url + path.replace('{sid}', session.id).replace('{project_id}', project.id) + query;
  const send = async (content: string) => {
    const headers = { 'idempotency-key': name.replace(' ', ':'), 'content-type': type ?? 'application/json' };
    const response = await fetch(url, { method, headers, body: content });
    const text = await response.text();
    const replayed = response.headers.get('idempotency-replayed');
    return { status: response.status, replayed, reply: /^[[{]/.test(text) ? JSON.parse(text) : text };
  };
  const first = await send(body);
  expect([first.status < 300, first.replayed]).toEqual([true, null]);
  expect([await send(body), (await send(other)).status]).toEqual([{ ...first, replayed: 'true' }, 409]);
});
