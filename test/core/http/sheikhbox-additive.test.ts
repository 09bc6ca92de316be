// @module-tag all
import { expect, onTestFinished, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { call as request } from '../../support/clients/call.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

// The whole server on the real engine, with sandboxes in memory.

const base = '/api/v1/sessions';
const token = 'a-token-of-this-test-0123456789';
const success = (data: unknown) => ({ code: 0, msg: 'success', data });
const notFound = { code: 404, msg: expect.any(String), data: null };

async function started(settings: Record<string, string> = {}) {
  const server = await composedServer(settings);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    request(method, server.url + path, { body, headers: headers ?? {} });
  const withToken = { authorization: `Bearer ${token}` };
  const create = async (): Promise<string> =>
    (await call('PUT', base, undefined, server.config.token ? withToken : {})).body.data.session_id;
  return { server, call, create, withToken };
}
const multipart = (name: string, content: string, field = 'file', type = 'text/plain') => {
  const form = new FormData();
  form.append(field, new Blob([content], { type }), name);
  return form;
};
const unread = async ({ core }: ComposedServer, sid: string) =>
  (await core.services.sessions.get(SessionId.parse(sid))).unread;

test('a title set by a client is stored, listed and announced, and the first run does not replace it', async () => {
  const { call, create } = await started();
  const sid = await create();
  const expected = { status: 200, body: success({ session_id: sid, title: 'Mine' }) };
  expect(await call('PATCH', `${base}/${sid}/title`, { title: 'Mine' })).toMatchObject(expected);
  await call('POST', `${base}/${sid}/chat`, { message: 'Say hi' });
  const { data } = (await call('GET', `${base}/${sid}`)).body;
  expect(data.title).toBe('Mine');
  const titles = data.events.filter(({ event }: { event: string }) => event === 'title');
  expect(titles.map((it: { data: { title: string } }) => it.data.title)).toEqual(['Mine']);
  for (const title of [undefined, '', ' ', 7, 'x'.repeat(256)]) {
    expect(await call('PATCH', `${base}/${sid}/title`, { title }), String(title)).toMatchObject({
      status: 400,
      body: { code: 400, msg: expect.stringContaining('title'), data: null },
    });
  }
});

test('favorites and pins are stored, and appear in the list and in the session', async () => {
  const { call, create } = await started();
  const [sid, other] = [await create(), await create()];
  const item = async (id = sid) =>
    (await call('GET', base)).body.data.sessions.find(({ session_id }: { session_id: string }) => session_id === id);
  expect((await call('POST', `${base}/${sid}/favorite`)).body).toEqual(success({ session_id: sid, is_favorite: true }));
  expect((await call('POST', `${base}/${sid}/pin`)).body).toEqual(success({ session_id: sid, is_pinned: true }));
  expect(await item()).toMatchObject({ is_favorite: true, is_pinned: true, is_shared: false, project_id: null });
  expect(await item(other)).toMatchObject({ is_favorite: false, is_pinned: false });
  expect((await call('GET', `${base}/${sid}`)).body.data).toMatchObject({ is_favorite: true, is_pinned: true });
  expect((await call('DELETE', `${base}/${sid}/favorite`)).body).toEqual(
    success({ session_id: sid, is_favorite: false }),
  );
  const unpinned = await call('POST', `${base}/${sid}/pin`, { is_pinned: false });
  expect(unpinned.body).toEqual(success({ session_id: sid, is_pinned: false }));
  expect(await item()).toMatchObject({ is_favorite: false, is_pinned: false });
  expect((await call('POST', `${base}/${sid}/pin`, { is_pinned: 'yes' })).status).toBe(400);
});

test('the file panel shows any file that a stopped sandbox keeps', async () => {
  const { call, create } = await started();
  const sid = await create();
  const made = { path: 'made/by.hand', content: 'kept' };
  expect((await call('POST', `/api/sessions/${sid}/files/content`, made)).status).toBe(200);
  expect((await call('POST', `/api/v1/sandbox/${sid}/stop`)).status).toBe(200);
  const look = (file: string) => call('POST', `${base}/${sid}/file`, { file });
  expect(await look('made/by.hand')).toMatchObject({ status: 200, body: { data: { content: 'kept' } } });
  await call('POST', `/api/v1/sandbox/${sid}/stop`);
  expect(await look('made/by.nobody')).toMatchObject({ status: 404, body: notFound });
  await call('POST', `/api/v1/sandbox/${sid}/stop`);
  expect(await look('../outside')).toMatchObject({ status: 400, body: { code: 400, data: null } });
});

test('the route for the unread count sets it to zero', async () => {
  const { server, call, create } = await started();
  const sid = await create();
  await server.core.services.sessions.send(SessionId.parse(sid), { text: 'Say hi', mode: 'inject' });
  await expect
    .poll(async () => (await server.core.services.sessions.get(SessionId.parse(sid))).status)
    .toBe('completed');
  expect(await unread(server, sid)).toBeGreaterThan(0);
  expect((await call('POST', `${base}/${sid}/clear_unread_message_count`)).body).toEqual(success(null));
  expect(await unread(server, sid)).toBe(0);
});

test('the list streams at once, and twenty quick changes take fewer messages', async () => {
  const { server, call, create } = await started();
  const sid = await create();
  using stream = await openStream(`${server.url}${base}`, { method: 'POST', body: 'whatever {' });
  expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
  await expect.poll(() => stream.events().length).toBeGreaterThan(0);
  const [first] = stream.events();
  expect(first).toMatchObject({ event: 'sessions', data: { sessions: [{ session_id: sid, title: '' }] } });
  for (let n = 1; n <= 20; n++) await call('PATCH', `${base}/${sid}/title`, { title: `t${n}` });
  const other = await create();
  const newest = () => stream.events().at(-1)?.data.sessions;
  await expect.poll(newest).toMatchObject([{ session_id: other }, { title: 't20' }]);
  expect(stream.events().length - 1).toBeLessThan(20);
  await call('DELETE', `${base}/${other}`);
  await expect.poll(() => newest()?.length).toBe(1);
  server.closing.abort();
  expect(await stream.ended).toBe('ended');
});

test('an uploaded file can be described, attached and found again with its session', async () => {
  const { server, call, create } = await started();
  const sid = await create();
  const uploaded = await call('POST', '/api/v1/files', multipart('dir/nötes.txt', 'hello'));
  const info = uploaded.body.data;
  expect([uploaded.status, uploaded.body]).toEqual([
    200,
    success({
      file_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      filename: 'nötes.txt',
      content_type: 'text/plain',
      size: 5,
      upload_date: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
      metadata: null,
      file_url: `/api/v1/files/${info.file_id}/download`,
    }),
  ]);
  for (const path of [`/api/v1/files/${info.file_id}`, `/api/v1/files/${info.file_id}/info`])
    expect((await call('GET', path)).body, path).toEqual(success(info));
  expect((await call('GET', info.file_url)).body).toBe('hello');

  using follower = await openStream(`${server.url}${base}/${sid}/events`);
  const chat = { message: 'Look', attachments: [info.file_id, { file_id: 'no/such/plan.md' }] };
  await call('POST', `${base}/${sid}/chat`, chat);
  const bare = { file_id: 'no/such/plan.md', filename: 'plan.md', size: 0, file_url: '' };
  const isMine = ({ event, data }: { event: string; data: { role?: string } }) =>
    event === 'message' && data.role === 'user';
  expect(follower.events().find(isMine)?.data.attachments).toEqual([info, expect.objectContaining(bare)]);
  const { data } = (await call('GET', `${base}/${sid}`)).body;
  expect(data.events.find(isMine).data.attachments).toEqual([info, expect.objectContaining(bare)]);
  expect((await call('GET', `${base}/${sid}/files`)).body).toEqual(success([info, expect.objectContaining(bare)]));

  expect((await call('DELETE', `/api/v1/files/${info.file_id}`)).status).toBe(204);
  const expected = { status: 404, body: { detail: expect.any(String) } };
  expect(await call('GET', `/api/v1/files/${info.file_id}/info`)).toMatchObject(expected);
});

test('an invalid upload is refused', async () => {
  const { call } = await started({ CORRAL_MAX_UPLOAD_BYTES: '1000' });
  expect((await call('POST', '/api/v1/files', multipart('x', 'x', 'other'))).status).toBe(422);
  expect((await call('POST', '/api/v1/files', '{}', { 'content-type': 'application/json' })).status).toBe(422);
  expect((await call('POST', '/api/v1/files', multipart('..', 'x'))).status).toBe(422);
  expect((await call('POST', '/api/v1/files', multipart('big', 'x'.repeat(1_001)))).status).toBe(413);
});

test('a session is readable without a token only while it is shared', async () => {
  const { call, create, withToken } = await started({ CORRAL_TOKEN: token });
  const sid = await create();
  const { file_id } = (await call('POST', '/api/v1/files', multipart('a.txt', 'bytes'), withToken)).body.data;
  await call('POST', `${base}/${sid}/chat`, { message: 'Say hi', attachments: [file_id] }, withToken);
  const shared = [`${base}/shared/${sid}`, `${base}/${sid}/share/files`] as const;
  for (const path of shared) expect(await call('GET', path), path).toMatchObject({ status: 404, body: notFound });
  expect((await call('POST', `${base}/${sid}/share`)).status).toBe(401);
  expect((await call('POST', `${base}/${sid}/share`, undefined, withToken)).body).toEqual(
    success({ session_id: sid, is_shared: true }),
  );

  const own = (await call('GET', `${base}/${sid}`, undefined, withToken)).body.data;
  const view = (await call('GET', shared[0])).body;
  const expected = { code: 0, data: { session_id: sid, title: own.title, status: 'completed', is_shared: true } };
  expect(view).toMatchObject(expected);
  const names = (events: { event: string }[]) => events.map(({ event }) => event);
  expect(names(view.data.events)).toEqual(names(own.events));
  const [info] = (await call('GET', shared[1])).body.data;
  expect(info).toMatchObject({ file_id, filename: 'a.txt', size: 5 });
  expect((await call('GET', info.file_url)).body).toBe('bytes');
  expect((await call('GET', `/api/v1/files/${file_id}/download`)).status).toBe(401);
  expect((await call('GET', `${base}/${sid}`)).status).toBe(401);

  expect((await call('DELETE', `${base}/${sid}/share`, undefined, withToken)).body).toEqual(
    success({ session_id: sid, is_shared: false }),
  );
  for (const path of shared) expect((await call('GET', path)).status, path).toBe(404);
});

const upgradeOf = async (url: string, protocols: string[] = []) => {
  const socket = await openWebSocket(url.replace('http', 'ws'), { protocols }).catch((thrown) => thrown);
  if (typeof socket.status === 'number') return socket.status as number;
  return (await socket.closed) as { code: number; reason: string };
};

test('a sandbox without a desktop closes the screen socket with the reason', async () => {
  const { server, create } = await started();
  const sid = await create();
  const vnc = (id: string) => `${server.url}${base}/${id}/vnc`;
  expect(await upgradeOf(vnc(sid))).toEqual({ code: 1011, reason: 'VNC is not available' });
  expect(await upgradeOf(vnc(sid), ['binary'])).toEqual({ code: 1011, reason: 'VNC is not available' });
  expect(await upgradeOf(vnc(sid), ['base64'])).toBe(400);
  for (const id of ['0123456789abcdef', 'x', 'X'.repeat(128)])
    expect(await upgradeOf(vnc(id)), id).toMatchObject({ code: 1008 });
});

test('F134 a screen link works once, for its session, until it expires, and never appears in a log', async () => {
  const { server, call, create, withToken } = await started({ CORRAL_TOKEN: token });
  const [sid, other] = [await create(), await create()];
  const link = async (body: object = {}) =>
    (await call('POST', `${base}/${sid}/vnc/signed-url`, body, withToken)).body.data as {
      signed_url: string;
      expires_in: number;
    };
  const first = await link();
  expect(first).toEqual({
    signed_url: expect.stringMatching(new RegExp(`^${base}/${sid}/vnc\\?signature=v1\\.`)),
    expires_in: 900,
  });
  expect((await link({ expire_minutes: 1 })).expires_in).toBe(60);
  for (const expire_minutes of [0, 16, 1.5, 'x'])
    expect((await call('POST', `${base}/${sid}/vnc/signed-url`, { expire_minutes }, withToken)).status).toBe(400);
  expect(await upgradeOf(`${server.url}${base}/${sid}/vnc`)).toBe(401);
  expect(await upgradeOf(server.url + first.signed_url.slice(0, -1))).toBe(401);
  expect(await upgradeOf(server.url + first.signed_url.replace(sid, other))).toBe(401);
  expect(await upgradeOf(server.url + first.signed_url)).toMatchObject({ code: 1011 });
  expect(await upgradeOf(server.url + first.signed_url)).toBe(401);
  expect((await call('GET', first.signed_url.replace('/vnc', '/events'))).status).toBe(401);
  await expect.poll(() => server.lines.filter(({ text }) => text === 'request').length).toBeGreaterThan(10);
  expect(JSON.stringify(server.lines)).not.toContain('signature=v1');
});

test("F134 a file link gives the file's bytes and nothing else", async () => {
  const { call, withToken } = await started({ CORRAL_TOKEN: token });
  const upload = async (content: string) =>
    (await call('POST', '/api/v1/files', multipart('a.txt', content), withToken)).body.data.file_id as string;
  const [id, other] = [await upload('mine'), await upload('other')];
  const { signed_url, expires_in } = (await call('POST', `/api/v1/files/${id}/signed-url`, undefined, withToken)).body
    .data;
  expect(expires_in).toBe(900);
  expect([(await call('GET', signed_url)).body, (await call('GET', signed_url)).body]).toEqual(['mine', 'mine']);
  const expected = { status: 401, body: { detail: 'Not authenticated' } };
  expect(await call('GET', signed_url.replace(id, other))).toMatchObject(expected);
  expect((await call('DELETE', signed_url.replace('/download', ''))).status).toBe(401);
  expect((await call('GET', signed_url.replace('/download', '/info'))).status).toBe(401);
  expect((await call('POST', `/api/v1/files/${'x'}/signed-url`, {}, withToken)).status).toBe(404);
});

test('the server answers the requests that newer front ends make at their start', async () => {
  const { call } = await started();
  expect((await call('GET', '/api/v1/auth/status')).body).toEqual(
    success({ authenticated: true, auth_provider: 'none' }),
  );
  expect((await call('GET', '/api/v1/config/frontend')).body).toEqual(
    success({
      auth_provider: 'none',
      show_github_button: false,
      github_repository_url: '',
      google_analytics_id: null,
      claw_enabled: false,
    }),
  );
});
