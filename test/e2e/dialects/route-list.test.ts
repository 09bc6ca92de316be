import { afterAll, beforeAll, expect, test } from 'vitest';
import { dialects } from '../../../src/facades/list.ts';
import { type ServerProcess, serverProcess } from '../../support/server-process.ts';

// The wire contract's routes of the two largest dialects, compared with the real server's OpenAPI document.
const sheikhbox = [
  'DELETE /api/v1/sessions/{sid}',
  'DELETE /api/v1/sessions/{sid}/favorite',
  'DELETE /api/v1/sessions/{sid}/share',
  'GET /api/v1/auth/status',
  'GET /api/v1/config/frontend',
  'GET /api/v1/files/{id}',
  'GET /api/v1/files/{id}/info',
  'GET /api/v1/sessions',
  'GET /api/v1/sessions/shared/{sid}',
  'GET /api/v1/sessions/{sid}',
  'GET /api/v1/sessions/{sid}/events',
  'GET /api/v1/sessions/{sid}/files',
  'GET /api/v1/sessions/{sid}/links',
  'GET /api/v1/sessions/{sid}/share/files',
  'GET /api/v1/sessions/{sid}/vnc',
  'PATCH /api/v1/sessions/{sid}/title',
  'POST /api/v1/files',
  'POST /api/v1/files/{id}/signed-url',
  'POST /api/v1/sessions',
  'POST /api/v1/sessions/{sid}/chat',
  'POST /api/v1/sessions/{sid}/clear_unread_message_count',
  'POST /api/v1/sessions/{sid}/favorite',
  'POST /api/v1/sessions/{sid}/file',
  'DELETE /api/v1/sessions/{sid}/links/{link}',
  'POST /api/v1/sessions/{sid}/fork',
  'POST /api/v1/sessions/{sid}/links',
  'POST /api/v1/sessions/{sid}/pin',
  'POST /api/v1/sessions/{sid}/share',
  'POST /api/v1/sessions/{sid}/shell',
  'POST /api/v1/sessions/{sid}/stop',
  'POST /api/v1/sessions/{sid}/vnc/signed-url',
  'PUT /api/v1/sessions',
];
const opencodex = [
  // additions of Corral: credentials of one session or one project
  'GET /api/v1/chats/{sid}/credentials',
  'PUT /api/v1/chats/{sid}/credentials/{name}',
  'DELETE /api/v1/chats/{sid}/credentials/{name}',
  'GET /api/v1/projects/{id}/credentials',
  'PUT /api/v1/projects/{id}/credentials/{name}',
  'DELETE /api/v1/projects/{id}/credentials/{name}',
  'DELETE /api/v1/chats/{sid}',
  'DELETE /api/v1/files/{id}',
  'DELETE /api/v1/projects/{id}',
  'DELETE /api/v1/settings/api-keys/{provider}',
  'GET /api/v1/agent-actions/{id}',
  'GET /api/v1/chats',
  'GET /api/v1/chats/{sid}',
  'GET /api/v1/chats/{sid}/agent-actions',
  'GET /api/v1/chats/{sid}/blocks',
  'GET /api/v1/chats/{sid}/blocks/{id}',
  'GET /api/v1/chats/{sid}/messages',
  'GET /api/v1/chats/{sid}/stream',
  'GET /api/v1/chats/{sid}/workspace/download-all',
  'GET /api/v1/chats/{sid}/workspace/files',
  'GET /api/v1/chats/{sid}/workspace/files/content',
  'GET /api/v1/chats/{sid}/workspace/files/download',
  'GET /api/v1/files/project/{project_id}',
  'GET /api/v1/files/{id}/download',
  'GET /api/v1/projects',
  'GET /api/v1/projects/templates/list',
  'GET /api/v1/projects/templates/{tid}',
  'GET /api/v1/projects/{id}',
  'GET /api/v1/projects/{id}/agent-config',
  'GET /api/v1/projects/{id}/chat-sessions',
  'GET /api/v1/sandbox/{sid}/status',
  'GET /api/v1/settings/api-keys',
  'GET /api/v1/settings/llm-providers',
  'POST /api/v1/chats',
  'POST /api/v1/chats/{sid}/messages',
  'POST /api/v1/chats/{sid}/workspace/files/upload-to-project',
  'POST /api/v1/files/upload/{project_id}',
  'POST /api/v1/projects',
  'POST /api/v1/projects/{id}/agent-config/apply-template/{tid}',
  'POST /api/v1/projects/{id}/chat-sessions',
  'POST /api/v1/sandbox/{sid}/execute',
  'POST /api/v1/sandbox/{sid}/reset',
  'POST /api/v1/sandbox/{sid}/start',
  'POST /api/v1/sandbox/{sid}/stop',
  'POST /api/v1/settings/api-keys',
  'POST /api/v1/settings/api-keys/test',
  'PUT /api/v1/chats/{sid}',
  'PUT /api/v1/projects/{id}',
  'PUT /api/v1/projects/{id}/agent-config',
];

let server: ServerProcess;
let documented: Map<string, string>;
// The contract does not fix the names of path parameters.
const nameless = (route: string) => route.replaceAll(/\{[^}]+\}/g, '{}');

beforeAll(async () => {
  server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { tags: string[] }>>;
  };
  const entries = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { tags }]) => [nameless(`${method.toUpperCase()} ${path}`), tags[0] ?? ''] as const,
    ),
  );
  documented = new Map(entries);
});
afterAll(() => server[Symbol.asyncDispose]());

test.each([
  ['SheikhBox', sheikhbox],
  ['OpenCodex', opencodex],
])('%s: the documented routes are exactly those of the wire contract', (tag, listed) => {
  const wanted = listed.map(nameless);
  expect(wanted.filter((route) => !documented.has(route))).toEqual([]);
  const own = [...documented].filter(([, tags]) => tags === tag).map(([route]) => route);
  expect(own.filter((route) => !wanted.includes(route))).toEqual([]);
});

/** Whether a path is one of the dialect's, or below one. The root has nothing below. */
const serves = (paths: readonly string[], route: string) =>
  paths.map(nameless).some((path) => route === path || (path !== '/' && route.startsWith(`${path}/`)));

test('the tag and path of every documented route name its dialect', () => {
  const strays = [...documented].filter(([route, tag]) => {
    const path = route.split(' ')[1] ?? '';
    return !Object.values(dialects).some((it) => it.tag === tag && serves(it.paths, path));
  });
  expect(strays).toEqual([]);
});

test.each(Object.entries(dialects))('%s: the server routes every path of the descriptor', (_name, { tag, paths }) => {
  if (tag === undefined) return expect(['/trpc', '/e2b']).toContain(paths.join()); // the document names neither's procedures
  const routes = [...documented.keys()].map((route) => route.split(' ')[1] ?? '');
  const pages = ['/static', '/guide']; // files of pages are no part of the API
  const listed = paths.filter((path) => !pages.includes(path));
  expect(listed.filter((path) => !routes.some((route) => serves([path], route)))).toEqual([]);
});
