import { expect } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { type TestServer, testServer } from '../../support/clients/http.ts';
import { httpTest } from '../../support/clients/server-tests.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

const base = '/api/v1/sessions';
const test = httpTest.extend('sid', ({ server }) => server.newSession());
const success = (data: unknown) => ({ code: 0, msg: 'success', data });

async function withRun(server: TestServer): Promise<{ sid: string; id: SessionId }> {
  const sid = await server.newSession();
  const id = SessionId.parse(sid);
  const { runId } = await server.fake.sessions.send(id, { text: 'Say hi', mode: 'inject' });
  await server.fake.say(id, ...demoRun(runId));
  return { sid, id };
}

test('PUT creates a session that every facade can find by its id, and ignores any body', async ({ server }) => {
  const { status, body } = await server.call('PUT', base, 'this is {not JSON', { 'content-type': 'text/plain' });
  expect([status, body]).toEqual([200, success({ session_id: expect.stringMatching(/^[0-9a-f]{16}$/) })]);
  expect((await server.fake.sessions.get(body.data.session_id)).origin).toBe('sheikhbox');
});

test('a new session appears in the list with strings and numbers, never null', async () => {
  const clock = manualClock(1_700_000_000_900);
  await using server = await testServer({ clock });
  const sid = await server.newSession();
  expect((await server.call('GET', base)).body).toEqual(
    success({
      sessions: [
        {
          session_id: sid,
          title: '',
          latest_message: '',
          latest_message_at: 1_700_000_000,
          status: 'pending',
          unread_message_count: 0,
          is_shared: false,
          is_favorite: false,
          is_pinned: false,
          project_id: null,
        },
      ],
    }),
  );
});

test('the list shows the newest session first, at most 1000 characters of its last message, and the unread count', async () => {
  const clock = manualClock(1_700_000_000_000);
  await using server = await testServer({ clock });
  const older = await withRun(server);
  clock.advance(60_000);
  const newer = await server.newSession();
  await server.fake.sessions.send(SessionId.parse(newer), {
    text: `${'x'.repeat(999)}😀${'y'.repeat(50)}`,
    mode: 'inject',
  });
  const { sessions } = (await server.call('GET', base)).body.data;
  expect(sessions.map((one: { session_id: string }) => one.session_id)).toEqual([newer, older.sid]);
  expect(sessions[0].latest_message).toBe('x'.repeat(999));
  expect(sessions[0]).toMatchObject({ status: 'running', latest_message_at: 1_700_000_060 });
  expect(sessions[1]).toMatchObject({ title: 'Say hi', status: 'completed', unread_message_count: 3 });
});

test('opening a stream marks a session as read', async ({ server }) => {
  const { sid } = await withRun(server);
  using _stream = await openStream(`${server.url}${base}/${sid}/events`);
  await expect.poll(() => server.fake.watchers()).toBe(1);
  expect((await server.call('GET', base)).body.data.sessions[0].unread_message_count).toBe(0);
});

test('the history has the streamed events and the user messages, but no deltas', async () => {
  await using server = await testServer({ clock: manualClock(1_700_000_000_000) });
  const { sid } = await withRun(server);
  const { body } = await server.call('GET', `${base}/${sid}`);
  expect(body.data).toMatchObject({ session_id: sid, title: 'Say hi', status: 'completed' });
  expect(body.data.events.map((one: { event: string }) => one.event)).toEqual(
    'message title message plan step tool tool step message plan message done'.split(' '),
  );
  expect(body.data.events[0]).toEqual({
    event: 'message',
    data: { event_id: '1', timestamp: 1_700_000_000, role: 'user', content: 'Say hi', attachments: null },
  });
});

test('profile v2.0 reports active or completed, and shows one of each pair of tool events', async () => {
  await using server = await testServer({ config: { sheikhbox: { profile: 'v2.0' } } });
  const sid = await server.newSession();
  const id = SessionId.parse(sid);
  expect((await server.call('GET', `${base}/${sid}`)).body.data.status).toBe('completed');
  const { runId } = await server.fake.sessions.send(id, { text: 'Say hi', mode: 'inject' });
  expect((await server.call('GET', `${base}/${sid}`)).body.data.status).toBe('active');
  await server.fake.say(id, ...demoRun(runId));
  const { events } = (await server.call('GET', `${base}/${sid}`)).body.data;
  const tools = events.filter((one: { event: string }) => one.event === 'tool');
  expect(tools.map((one: { data: { status: string } }) => one.data.status)).toEqual(['calling']);
});

test('DELETE removes a session once and ends its streams, and is 404 the second time', async ({ server, sid }) => {
  using stream = await openStream(`${server.url}${base}/${sid}/events`);
  expect((await server.call('DELETE', `${base}/${sid}`)).body).toEqual(success(null));
  expect([await stream.ended, (await server.call('GET', base)).body.data.sessions]).toEqual(['ended', []]);
  const expected = { status: 404, body: { code: 404, msg: 'Session not found', data: null } };
  expect(await server.call('DELETE', `${base}/${sid}`)).toMatchObject(expected);
});

test('stop ends a run that waits, and a second stop succeeds without a new event', async ({ server, sid }) => {
  const id = SessionId.parse(sid);
  const { runId } = await server.fake.sessions.send(id, { text: 'Work', mode: 'inject' });
  await server.fake.say(id, { type: 'run.wait', runId, data: { question: 'Which?' } });
  expect((await server.call('GET', `${base}/${sid}`)).body.data.status).toBe('waiting');
  expect((await server.call('POST', `${base}/${sid}/stop`)).body).toEqual(success(null));
  const { lastSeq } = await server.fake.sessions.get(id);
  expect((await server.call('POST', `${base}/${sid}/stop`)).body).toEqual(success(null));
  expect((await server.fake.sessions.get(id)).lastSeq).toBe(lastSeq);
  expect(lastSeq).toBe(4);
});

test('the shell panel shows the console with all of its output', async ({ server, sid }) => {
  const console = [
    { ps1: '$ ', command: 'echo a', output: 'a\n' },
    { ps1: '$ ', command: 'echo b', output: 'b\n' },
  ];
  server.fake.shells.set('main', { id: 'main', console });
  expect((await server.call('POST', `${base}/${sid}/shell`, { session_id: 'main' })).body).toEqual(
    success({ output: 'a\nb\n', session_id: 'main', console }),
  );
  const expected = { status: 404, body: { code: 404, msg: 'Shell not found', data: null } };
  const headers = [{}, { accept: 'text/event-stream' }] as Record<string, string>[];
  for (const how of headers)
    expect(await server.call('POST', `${base}/${sid}/shell`, { session_id: 'other' }, how)).toMatchObject(expected);
});

test('the file panel shows the file with the requested path', async ({ server, sid }) => {
  server.fake.files.set('/workspace/notes.md', 'héllo\n');
  expect((await server.call('POST', `${base}/${sid}/file`, { file: '/workspace/notes.md' })).body).toEqual(
    success({ content: 'héllo\n', file: '/workspace/notes.md' }),
  );
  for (const [file, status] of Object.entries({ 'missing.md': 404, '../../etc/passwd': 400, 'a\0b': 400, '': 400 }))
    expect((await server.call('POST', `${base}/${sid}/file`, { file })).status, JSON.stringify(file)).toBe(status);
});

/** A session whose panel shows `one`, its stream, and a way to show something else. */
async function panel(event: 'shell' | 'file', clock = manualClock(1_700_000_000_000)) {
  const server = await testServer({ clock });
  const sid = await server.newSession();
  const show = (output: string) => {
    server.fake.shells.set('x', { id: 'x', console: [{ ps1: '$ ', command: 'c', output }] });
    server.fake.files.set('x', output);
  };
  show('one');
  const options = { method: 'POST', headers: { accept: 'text/event-stream' }, body: { session_id: 'x', file: 'x' } };
  return { ...server, sid, show, stream: await openStream(`${server.url}${base}/${sid}/${event}`, options) };
}

test.each(['shell', 'file'] as const)('a %s panel streams its content at once and on each change', async (event) => {
  const clock = manualClock(1_700_000_000_000);
  await using server = await panel(event, clock);
  const { show, stream } = server;
  const shown = () => stream.events().map(({ data }) => data.output ?? data.content);
  await expect.poll(shown).toEqual(['one']);
  show('two');
  clock.advance(1_000);
  await expect.poll(shown).toEqual(['one', 'two']);
  const timers = clock.pending();
  clock.advance(1_000); // the server checks, and finds nothing new
  await expect.poll(() => clock.pending()).toBe(timers);
  show('three');
  clock.advance(1_000);
  await expect.poll(shown).toEqual(['one', 'two', 'three']);
  expect(stream.events()[0]).toEqual(
    event === 'shell'
      ? {
          id: undefined,
          event,
          data: { output: 'one', session_id: 'x', console: [{ ps1: '$ ', command: 'c', output: 'one' }] },
        }
      : { id: undefined, event, data: { content: 'one', file: 'x' } },
  );
});

test.each(['shell', 'file'] as const)('deleting the session ends a %s panel at once', async (event) => {
  await using server = await panel(event);
  const { sid, stream } = server;
  await expect.poll(() => stream.events()).toHaveLength(1);
  await server.call('DELETE', `${base}/${sid}`);
  expect(await stream.ended).toBe('ended');
});

test("a shared session shows the agent's screenshots to callers without a token", async ({ server }) => {
  const { sid, id } = await withRun(server);
  const screenshot = '/api/v1/files/3f1c9a52-6a0e-4f7e-9a51-0d6c0d9a7b11/download';
  const call = { callId: 'see', tool: 'browser', function: 'browser_view', args: {} } as const;
  const data = { ...call, success: true, output: 'A page.', content: { screenshot } };
  await server.fake.say(id, { type: 'tool.called', runId: null, data });
  await server.call('POST', `${base}/${sid}/share`);
  const seen = async (path: string) => {
    const { events } = (await server.call('GET', path)).body.data;
    return events.find((one: { data: { tool_call_id?: string } }) => one.data.tool_call_id === 'see').data;
  };
  const own = await seen(`${base}/${sid}`);
  expect(own.content).toEqual({ screenshot });
  const linked = { screenshot: expect.stringMatching(`^${screenshot}\\?signature=v1\\.`) };
  expect(await seen(`${base}/shared/${sid}`)).toEqual({ ...own, content: linked });
});
