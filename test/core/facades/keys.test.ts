import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { toDownloadPath } from '../../../src/facades/compat/sheikhbox/files/file-infos.ts';
import { createScreenshotStore } from '../../../src/sessions/desktop/screenshots.ts';
import { creations, call as request } from '../../support/clients/call.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { openClient, transports } from '../../support/clients/trpc.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

// API keys, roles and owners on a whole server. callers.test.ts covers which caller can use which route.
let server: ComposedServer;
let stack: AsyncDisposableStack;
const token = 'the-token-of-these-tests';

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  server = stack.use(await composedServer({ CORRAL_TOKEN: token }));
});
afterAll(() => stack.disposeAsync());

type Role = 'viewer' | 'user' | 'operator' | 'admin';
async function keyOf(role: Role, more: { beside?: string; expiresAt?: number } = {}) {
  const { key, view } = await server.core.keys.create({ name: role, role, ...more });
  const headers = { authorization: `Bearer ${key}` };
  const call = (method: string, path: string, body?: unknown) => request(method, server.url + path, { headers, body });
  const session = async () => SessionId.parse((await call('PUT', '/api/v1/sessions')).body.data.session_id);
  return { key, id: view.id, headers, call, session };
}
const socketTo = async (path: string, headers: Record<string, string>) =>
  stack.use(await openWebSocket(server.url.replace('http', 'ws') + path, { headers }));

test("a user's session appears in no other user's list, in any facade; operators and administrators see it", async () => {
  const [one, other] = [await keyOf('user'), await keyOf('user')];
  const sid = await one.session();
  const lists = ['/api/v1/sessions', '/sessions', '/api/sessions', '/api/v1/chats', '/trpc/sessions.list'];
  for (const list of lists) {
    expect(JSON.stringify((await one.call('GET', list)).body), list).toContain(sid);
    expect(JSON.stringify((await other.call('GET', list)).body), list).not.toContain(sid);
  }
  for (const role of ['operator', 'admin'] as const)
    expect(JSON.stringify((await (await keyOf(role)).call('GET', '/sessions')).body)).toContain(sid);
});

test("an operator sees, stops and deletes a user's session but reads none of its text", async () => {
  const [one, operator] = [await keyOf('user'), await keyOf('operator')];
  const sid = await one.session();
  await one.call('POST', '/trpc/runs.send', { sessionId: sid, text: 'a-private-word' });
  expect(JSON.stringify((await one.call('GET', '/trpc/sessions.list')).body)).toContain('a-private-word');
  const list = await operator.call('GET', '/api/v1/sessions');
  expect(JSON.stringify(list.body)).toContain(sid);
  expect(list.body.data.sessions[0].latest_message).toBe('');
  expect((await operator.call('GET', '/api/sessions')).body).not.toContain('a-private-word');
  expect((await operator.call('POST', `/api/v1/sessions/${sid}/stop`)).status).toBe(200);
  expect((await operator.call('DELETE', `/api/v1/sessions/${sid}`)).status).toBe(200);
});

test.each([
  ['user', 'sandbox/build', 403],
  ['operator', 'sandbox/build', 403],
  ['admin', 'sandbox/build', 501], // these sandboxes are no cluster's
  ['admin', 'sandbox/another-namespace/build', 400],
] as const)('a key of the role %s cannot adopt %s here: %i', async (role, adopt, status) => {
  expect((await (await keyOf(role)).call('POST', '/trpc/sessions.create', { adopt })).status).toBe(status);
});

test("sessions.watch reports only the caller's own sessions", async () => {
  const [one, other] = [await keyOf('user'), await keyOf('user')];
  const first = await other.session();
  const client = openClient(server.url, 'sse', other.key);
  stack.defer(() => client.close());
  const received: string[] = [];
  const { promise: started, resolve } = Promise.withResolvers<void>();
  client.sessions.watch.subscribe(undefined, {
    onStarted: () => resolve(),
    onData: ({ session }) => void received.push(session.id),
  });
  await started;
  await one.session();
  const own = await other.session();
  await expect.poll(() => received).toContain(own);
  expect(new Set(received)).toEqual(new Set([first, own]));
});

describe('revoking a key closes within 5 s', () => {
  test('its event streams', async () => {
    const one = await keyOf('user');
    const sid = await one.session();
    const response = await fetch(`${server.url}/api/v1/sessions/${sid}/events`, { headers: one.headers });
    const list = await fetch(`${server.url}/api/v1/sessions`, { method: 'POST', headers: one.headers });
    let ended = 0;
    for (const { body } of [response, list]) {
      void (async () => {
        for await (const _ of body as unknown as AsyncIterable<Uint8Array>);
      })().finally(() => ended++);
    }
    await server.core.keys.revoke(one.id);
    await expect.poll(() => ended).toBe(2);
  });

  test('its sockets of every facade, with the reason', async () => {
    const one = await keyOf('user');
    const sid = await one.session();
    const paths = [`/ws/${sid}`, `/api/v1/chats/${sid}/stream`, '/ws?user_id=somebody', '/trpc'];
    const all = await Promise.all(paths.map((path) => socketTo(path, one.headers)));
    await server.core.keys.revoke(one.id);
    for (const { closed } of all) expect(await closed).toEqual({ code: 1008, reason: 'The key is no longer valid' });
  });

  test.each(transports)('its subscriptions over %s, which do not start again', async (transport) => {
    const one = await keyOf('user');
    const sessionId = await one.session();
    const client = openClient(server.url, transport, one.key);
    stack.defer(() => client.close());
    const received: string[] = [];
    const { promise: started, resolve } = Promise.withResolvers<void>();
    client.events.subscribe.subscribe(
      { sessionId },
      { onStarted: () => resolve(), onData: ({ data }) => void received.push(data.type), onError: () => {} },
    );
    await started;
    const late = openClient(server.url, transport, (await keyOf('user', { beside: one.id })).key);
    stack.defer(() => late.close());
    await server.core.keys.revoke(one.id);
    await server.core.services.sessions.rename(sessionId, 'After the end');
    const seen: string[] = [];
    late.events.subscribe.subscribe(
      { sessionId, lastEventId: '0' },
      { onData: ({ data }) => void seen.push(data.type) },
    );
    await expect.poll(() => seen).toContain('title');
    expect(received).not.toContain('title');
  });
});

test('each key has its own workspaces: the same names under another key are other files', async () => {
  const [one, other, viewer] = [await keyOf('user'), await keyOf('user'), await keyOf('viewer')];
  const sid = await one.session();
  const ask = async (headers: Record<string, string>, sessionId: string) => {
    const { ws, frames } = await socketTo('/ws?user_id=same', headers);
    ws.send(JSON.stringify({ type: 'save_file', sessionId, filename: 'a.txt', content: 'a' }));
    await expect.poll(() => frames.length).toBeGreaterThan(1);
  };
  const owned = async (owner: string) =>
    (await server.core.services.sessions.list()).filter((one) => one.owner === owner).map(({ origin }) => origin);
  await ask(one.headers, 'w');
  await ask(other.headers, 'w');
  expect([(await owned(one.id)).sort(), await owned(other.id)]).toEqual([['sheikhbox', 'workspace'], ['workspace']]);
  await ask(other.headers, sid); // in this facade, the id of another owner's session is a free name
  expect(await owned(other.id)).toEqual(['workspace', 'workspace']);
  const refused = await socketTo('/ws?user_id=same', viewer.headers);
  expect((await refused.closed).code).toBe(1008);
});

async function upload(headers: Record<string, string>, name = 'a.txt'): Promise<string> {
  const body = new FormData();
  body.append('file', new Blob(['hello']), name);
  const response = await fetch(`${server.url}/api/v1/files`, { method: 'POST', headers, body });
  return ((await response.json()) as { data: { file_id: string } }).data.file_id;
}

test('owners list and delete what they attached, without files of projects and sessions, and nobody else does', async () => {
  const [one, other, viewer] = [await keyOf('user'), await keyOf('user'), await keyOf('viewer')];
  const [first, second] = [await upload(one.headers), await upload(one.headers, 'b.txt')];
  const foreign = await upload(other.headers);
  const { id: projectId } = (await one.call('POST', '/trpc/projects.create', { name: 'Website' })).body.result.data;
  const { uploads } = server.core.opencodex;
  const keep = async (place: { projectId: string | null; sessionId?: SessionId }) => {
    const content = Readable.from([Buffer.from('hello')]);
    const file = { name: 'c.txt', type: 'input', mimeType: null, owner: one.id, content, ...place } as const;
    return await uploads.keep([await uploads.stage(file, new AbortController().signal)]);
  };
  await keep({ projectId });
  const [picture] = await keep({ projectId: null, sessionId: await one.session() });
  const list = async ({ call }: typeof one) => (await call('GET', '/api/v1/uploads')).body;
  expect(await list(one)).toMatchObject([
    { id: second, name: 'b.txt', size: 5, uploadedAt: expect.stringMatching(/Z$/) },
    { id: first, name: 'a.txt' },
  ]);
  expect([await list(other), await list(viewer)]).toMatchObject([[{ id: foreign }], []]);
  expect(await list(await keyOf('admin'))).toEqual([]);
  for (const id of [first, picture?.id])
    expect((await other.call('POST', '/trpc/uploads.delete', { id })).body.error.data.reason).toBe('file_not_found');
  expect((await other.call('DELETE', `/api/v1/uploads/${first}`)).status).toBe(404);
  expect((await one.call('DELETE', `/api/v1/uploads/${first}`)).body).toEqual({ id: first });
  expect((await one.call('POST', '/trpc/uploads.delete', { id: second })).status).toBe(200);
  expect((await one.call('GET', '/trpc/uploads.list')).body.result.data).toEqual([]);
  await expect(uploads.get(first)).rejects.toMatchObject({ code: 'file_not_found' });
  expect(await list(other)).toHaveLength(1);
});

describe('a signed link', () => {
  test('can be made by a reader of the file, works for anyone, and ends with the key that made it', async () => {
    const [one, other] = [await keyOf('user'), await keyOf('user')];
    const id = await upload(one.headers);
    expect((await other.call('POST', `/api/v1/files/${id}/signed-url`, {})).status).toBe(404);
    const { data } = (await one.call('POST', `/api/v1/files/${id}/signed-url`, {})).body;
    const open = async (link: string) => (await fetch(server.url + link)).status;
    expect([await open(data.signed_url), await open(data.signed_url.replace(one.id, other.id))]).toEqual([200, 401]);
    expect(await open(data.signed_url.replace(`.${one.id}`, ''))).toBe(401);
    await server.core.keys.revoke(one.id);
    expect(await open(data.signed_url)).toBe(401);
  });

  test("a caller cannot read another owner's file by attaching it", async () => {
    const [one, other] = [await keyOf('user'), await keyOf('user')];
    const [id, sid] = [await upload(one.headers), await other.session()];
    const sent = await other.call('POST', '/trpc/runs.send', { sessionId: sid, text: 'see', attachments: [id] });
    expect(sent.status).toBe(404);
  });
});

test('a picture the agent saw is visible to the readers of its session only', async () => {
  const [one, other] = [await keyOf('user'), await keyOf('user')];
  const sid = await one.session();
  const uploads = server.core.opencodex.uploads;
  const pictures = createScreenshotStore({
    uploads,
    keepPerSession: 2,
    newName: () => 'x',
    urlOf: toDownloadPath,
    warn: () => {},
  });
  const picture = { mimeType: 'image/png', data: Buffer.from('seen') } as const;
  const kept = await pictures.keep(sid, picture, new AbortController().signal);
  const path = kept?.url ?? '';
  expect(await one.call('GET', path)).toMatchObject({ status: 200, body: 'seen' });
  expect((await other.call('GET', path)).status).toBe(404);
  await one.call('POST', `/api/v1/sessions/${sid}/share`);
  expect(await other.call('GET', path)).toMatchObject({ status: 200, body: 'seen' });
});

test('the access log names a key by its id and never contains the key', async () => {
  const one = await keyOf('user');
  await one.call('GET', `/sessions?token=${one.key}`);
  await expect.poll(() => server.lines.filter(({ fields }) => fields.key === one.id)).not.toHaveLength(0);
  expect(JSON.stringify(server.lines)).not.toContain(one.key);
});

test('an administrator creates, lists and revokes keys by tRPC, and the list never shows a whole key', async () => {
  const admin = await keyOf('admin');
  const made = (await admin.call('POST', '/trpc/keys.create', { name: 'app', role: 'user' })).body.result.data;
  expect(made).toMatchObject({ view: { name: 'app', role: 'user', state: 'active', lastUsedAt: null } });
  const headers = { authorization: `Bearer ${made.key}` };
  expect((await fetch(`${server.url}/sessions`, { headers })).status).toBe(200);
  const list = await admin.call('GET', '/trpc/keys.list');
  expect(JSON.stringify(list.body)).toContain(made.view.prefix);
  expect(JSON.stringify(list.body)).not.toContain(made.key);
  expect((await admin.call('POST', '/trpc/keys.revoke', { id: made.view.id })).body.result.data.state).toBe('revoked');
  expect((await fetch(`${server.url}/sessions`, { headers })).status).toBe(401);
});

test('each key has its own rate limit', async () => {
  await using limited = await composedServer({ CORRAL_TOKEN: token, CORRAL_RATE_LIMIT_PER_MINUTE: '3' });
  const make = async () => (await limited.core.keys.create({ name: 'k', role: 'user' })).key;
  const [one, other] = [await make(), await make()];
  const ask = async (key: string) =>
    (await fetch(`${limited.url}/sessions`, { headers: { authorization: `Bearer ${key}` } })).headers.get(
      'ratelimit-remaining',
    );
  expect([await ask(one), await ask(one), await ask(other)]).toEqual(['2', '1', '2']);
});

test("CORRAL_MAX_SESSIONS_PER_OWNER: an owner's next session is refused in every facade, while other owners and the token can create", async () => {
  await using limited = await composedServer({ CORRAL_TOKEN: token, CORRAL_MAX_SESSIONS_PER_OWNER: '1' });
  const headersOf = async () => {
    const { key } = await limited.core.keys.create({ name: 'k', role: 'user' });
    return { authorization: `Bearer ${key}` };
  };
  const [one, other] = [await headersOf(), await headersOf()];
  const make = async (headers: Record<string, string>, method: string, path: string) => {
    const response = await fetch(limited.url + path, { method, headers, body: '{"task":"Later"}' });
    return { status: response.status, text: await response.text() };
  };
  const init = { method: 'POST', headers: one, body: '{"name":"Mine"}' };
  const project = await fetch(`${limited.url}/api/v1/projects`, init);
  const { id } = (await project.json()) as { id: string };
  expect((await make(one, 'PUT', '/api/v1/sessions')).status).toBe(200);
  for (const [method, path] of creations(id)) {
    const refused = await make(one, method, path);
    expect(refused.status, path).toBe(409);
    expect(refused.text, path).toContain('The limit of this person is reached: 1 of 1 sessions');
  }
  expect((await make(other, 'PUT', '/api/v1/sessions')).status).toBe(200);
  const root = { authorization: `Bearer ${token}` };
  for (let n = 0; n < 2; n++) expect((await make(root, 'PUT', '/api/v1/sessions')).status).toBe(200);
});

test('a server without a token is open until its first key exists, and then requires a key', async () => {
  await using open = await composedServer();
  const status = async (key?: string) => {
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return (await fetch(`${open.url}/sessions`, { headers })).status;
  };
  expect(await status()).toBe(200);
  const { key } = await open.core.keys.create({ name: 'root', role: 'admin' });
  expect([await status(), await status(key)]).toEqual([401, 200]);
});
