import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { fillPath, procedures } from './caller-doors.ts';
import { inputOf } from './caller-inputs.ts';
import type { Rule } from './caller-rights.ts';
import { procedureRules } from './caller-rules.ts';
import { nobodys, type Targets } from './caller-targets.ts';
import { routeRules } from './route-rules.ts';

// A server on loopback without a token, and a page of a default origin: the page can read, but change nothing, in any
// facade.

const origin = 'http://localhost:5173';
const signal = new AbortController().signal;
const changes = new Set<Rule | undefined>([
  ...(['create', 'work', 'manage', 'own-work', 'stop', 'signed', 'auditor', 'observe', 'operator', 'admin'] as const),
  'visitor',
]);
/** Routes that make signed links: they are refused too, because a link outlives the page. */
const links = /signed-url$/;
/** Routes that change only a caller's own sign-in. */
const signIns = /^\/(sign-in|api\/v1\/people\/me)\//;
/** Without a message it only joins the active run. */
const joins = new Set(['POST /api/v1/sessions/{sid}/chat']);

let server: ComposedServer;
let sid: string;
let to: Targets;

beforeAll(async () => {
  server = await composedServer();
  const { services } = server.core;
  const { id: project } = await services.projects.create({ name: 'One' });
  const session = await services.sessions.create({ origin: 'trpc', projectId: project });
  sid = session.id;
  await services.files.write(session.id, 'report.md', 'hello', signal);
  const { id: terminal } = await services.terminals.open(session.id, signal);
  to = { ...nobodys, sid, project, terminal };
});
afterAll(() => server[Symbol.asyncDispose]());

const heads = async () =>
  (await server.core.services.sessions.list()).map(({ id, status, title }) => [id, status, title]);

test('F128 a page of a default origin can use every route that reads, and no route that changes something', async () => {
  const before = await heads();
  const wrong: string[] = [];
  for (const [name, rule] of Object.entries(routeRules)) {
    const [method = '', path = ''] = name.split(' ');
    if (path.startsWith('/ws') || path.endsWith('/vnc') || path.startsWith('/trpc')) continue; // sockets
    if (/^\/(e2b|anthropic)\//.test(path) || rule === 'preview') continue; // this server has none
    const left = new AbortController();
    const init = { method, headers: { origin, 'sec-fetch-site': 'same-site' }, signal: left.signal };
    const { status, headers } = await fetch(server.url + fillPath(path, to), init);
    left.abort(); // some answers are streams
    const isRefused = status === 403;
    const isChange =
      (changes.has(rule) && !joins.has(name)) ||
      links.test(path) ||
      path === '/mcp' ||
      (method !== 'GET' && signIns.test(path));
    if (isRefused !== isChange) wrong.push(`${name} (${rule}): ${status}`);
    if (headers.get('access-control-allow-origin') !== origin) wrong.push(`${name}: it may not read the answer`);
  }
  expect([wrong, await heads()]).toEqual([[], before]);
});

test('F128 a page of a default origin joins a SheikhBox stream with an empty message, and cannot send one', async () => {
  const chat = (message: string, more = {}) =>
    fetch(`${server.url}/api/v1/sessions/${sid}/chat`, {
      method: 'POST',
      body: JSON.stringify({ message }),
      headers: { origin, 'sec-fetch-site': 'same-site', ...more },
    });
  const joined = await chat('');
  expect([joined.status, joined.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  expect(await joined.text()).toBe(': connected\n\n'); // no run is active
  const before = await heads();
  for (const more of [{}, { 'idempotency-key': 'k' }]) {
    const sent = await chat('do it', more);
    expect([sent.status, (await sent.json()).msg]).toEqual([
      403,
      expect.stringContaining(`Pages of ${origin} may only`),
    ]);
  }
  expect(await heads()).toEqual(before);
});

test('F130 a page of a default origin can query over the tRPC socket, and every mutation is refused', async () => {
  const before = await heads();
  using client = await openWebSocket(`${server.url.replace('http', 'ws')}/trpc`, { headers: { origin } });
  const names = Object.keys(procedureRules).filter((name) => procedures[name]?._def.type !== 'subscription');
  for (const [id, path] of names.entries()) {
    client.ws.send(
      JSON.stringify({ id, method: procedures[path]?._def.type, params: { path, input: inputOf(path, to) } }),
    );
  }
  await expect.poll(() => client.frames.length).toBe(names.length);
  const wrong = client.frames.flatMap(({ id, error }) => {
    const name = names[id] as string;
    const isRefused = error?.data?.code === 'FORBIDDEN';
    const should = procedures[name]?._def.type === 'mutation' || changes.has(procedureRules[name]);
    return isRefused === should ? [] : [`${name}: ${JSON.stringify(error)}`];
  });
  expect([wrong, await heads()]).toEqual([[], before]);
});

test('F130 a page of a default origin gets the events of a conversation socket, and its messages are refused', async () => {
  using client = await openWebSocket(`${server.url.replace('http', 'ws')}/ws/${sid}`, { headers: { origin } });
  await expect.poll(() => client.frames.map(({ type }) => type)).toContain('connection_established');
  client.ws.send(JSON.stringify({ type: 'message', content: 'do it', message: 'do it', task: 'do it' }));
  client.ws.send(JSON.stringify({ type: 'stop' }));
  await expect.poll(() => client.frames.filter(({ type }) => type === 'error').length).toBe(2);
  expect(JSON.stringify(client.frames.at(-1))).toContain('may only read');
  expect((await heads()).map(([, status]) => status)).not.toContain('running');
});

test.each(['/ws', '/ws/shells/x'])('F130 the socket %s closes for a page of a default origin', async (path) => {
  const socket = new WebSocket(server.url.replace('http', 'ws') + path, { headers: { origin } });
  const { promise, resolve } = Promise.withResolvers<number>();
  socket.on('error', () => {}).on('close', resolve);
  expect(await promise).toBe(1008);
});

test('F130 a page of a default origin can watch a screen but not use its keyboard', async () => {
  const { desktop } = server.core.services;
  const requests: unknown[] = [];
  const watch = desktop.watch;
  Object.assign(desktop, {
    watch: (_id: string, request: unknown) => {
      requests.push(request);
      return Promise.reject(new Error('seen'));
    },
  });
  const path = `/api/v1/sessions/${sid}/vnc`;
  for (const headers of [{ origin }, {}]) {
    const socket = new WebSocket(server.url.replace('http', 'ws') + path, 'binary', { headers });
    await new Promise((resolve) => socket.on('error', () => {}).on('close', resolve));
  }
  Object.assign(desktop, { watch });
  expect(requests).toMatchObject([{ mayControl: false }, { mayControl: true }]);
});
