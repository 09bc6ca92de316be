import { expect } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { testServer } from '../../support/clients/http.ts';
import { serverTest } from '../../support/clients/server-tests.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

const base = '/api/sessions';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4/;

const clock = manualClock(1_700_000_000_000);
const test = serverTest(() => testServer({ clock }))
  .extend('info', async ({ server }) => (await server.call('POST', base, { task: 'Create a Flask app' })).body)
  .extend('sid', ({ info }) => info.session_id as string)
  .extend('id', ({ sid }) => SessionId.parse(sid));

test('a session created with a task stores the task and runs nothing', async ({ server, sid, id, info }) => {
  expect(info).toEqual({
    session_id: expect.stringMatching(/^[0-9a-f]{16}$/),
    container_id: `sbx-${sid}`,
    workdir: '/workspace',
    created: new Date(clock.now()).toISOString(),
    last_task: 'Create a Flask app',
    status: 'active',
    container_status: 'running', // a command sent now is accepted, and waits for the sandbox
  });
  expect((await server.call('GET', `${base}/${sid}`)).body).toEqual(info);
  expect(await server.fake.sessions.get(id)).toMatchObject({ origin: 'crogia', status: 'pending' });
  expect(await server.fake.sessions.activeRun(id)).toBeUndefined();
});

test('the list is a bare array of the sessions of all facades, the newest first', async ({ server, sid }) => {
  clock.advance(1_000);
  const other = await server.newSession();
  expect((await server.call('GET', base)).body).toMatchObject([
    { session_id: other, last_task: '' },
    { session_id: sid, last_task: 'Create a Flask app' },
  ]);
});

test('a session deleted while the list is built does not appear in it', async ({ server, sid }) => {
  server.fake.instead.sandbox = async () => {
    throw new AppError('session_not_found', 'Gone');
  };
  const { status, body } = await server.call('GET', base);
  expect([status, body, sid.length]).toEqual([200, [], 16]);
});

test('the first delete reports success, and the next one finds no session', async ({ server, sid }) => {
  expect((await server.call('DELETE', `${base}/${sid}`)).body).toEqual({
    message: `Session ${sid} deleted successfully`,
  });
  const expected = { status: 404, body: { detail: 'Session not found' } };
  expect(await server.call('DELETE', `${base}/${sid}`)).toMatchObject(expected);
});

test('a task starts at once, and waits behind a running one unless it asks for another mode', async ({
  server,
  sid,
}) => {
  const { status, body } = await server.call('POST', `${base}/${sid}/tasks`, { task: 'One' });
  expect([status, body]).toEqual([
    200,
    { message: `Task started in session ${sid}`, task: 'One', run_id: expect.stringMatching(uuid) },
  ]);
  const queued = (await server.call('POST', `${base}/${sid}/tasks`, { task: 'Two' })).body;
  const injected = (await server.call('POST', `${base}/${sid}/tasks`, { task: 'Three', mode: 'inject' })).body;
  expect(queued.run_id).not.toBe(body.run_id);
  expect(injected.run_id).toBe(body.run_id);
  expect((await server.fake.sessions.activeRun(SessionId.parse(sid)))?.runId).toBe(body.run_id);
});

test('the conversation is projected from the log', async ({ server, sid, id }) => {
  const { runId, messageId } = await server.fake.sessions.send(id, { text: 'Say hi', mode: 'queue' });
  await server.fake.say(id, ...demoRun(runId));
  const { body } = await server.call('GET', `${base}/${sid}/conversation`);
  expect(body).toMatchObject({ session_id: sid, total_messages: 4 });
  expect(body.messages[0]).toEqual({ type: 'human', content: 'Say hi', id: messageId });
  const full = (await server.call('GET', `${base}/${sid}/conversation/full`)).body;
  expect(full).toMatchObject({ session_id: sid, total_items: 6 });
  const expected = { type: 'function_call', name: 'run_shell', arguments: '{"cmd":"echo hi"}', call_id: 'call_1' };
  expect(full.conversation_history[2]).toEqual(expected);
});

test('health is always 200, and its status is unhealthy only when no sandbox can start', async ({ server }) => {
  const health = (sandbox: object) => {
    server.fake.instead.health = async () => ({
      storage: { status: 'unhealthy' },
      sandbox: { status: 'healthy', driver: 'docker', ...sandbox },
      model: { status: 'unhealthy', name: 'demo' },
      sessions: { total: 3, running: 1, waiting: 0 },
    });
    return server.call('GET', '/api/health');
  };
  expect(await health({})).toMatchObject({
    status: 200,
    body: {
      status: 'healthy',
      timestamp: new Date(clock.now()).toISOString(),
      active_sessions: 3,
      docker_available: true,
      sandbox_driver: 'docker',
    },
  });
  expect((await health({ driver: 'process' })).body).toMatchObject({ status: 'healthy', docker_available: false });
  expect(await health({ status: 'unhealthy', detail: 'Docker does not answer.' })).toMatchObject({
    status: 200,
    body: { status: 'unhealthy', docker_available: false, error: 'Docker does not answer.' },
  });
});

test.for([
  ['not JSON', '{"task":', 'json_invalid', ['body']],
  ['no body', undefined, 'missing', ['body', 'task']],
  ['null', 'null', 'invalid_type', ['body']],
  ['a list', '[]', 'invalid_type', ['body']],
  ['no task', {}, 'missing', ['body', 'task']],
  ['an empty task', { task: '' }, 'custom', ['body', 'task']],
  ['blanks', { task: ' \n\t' }, 'custom', ['body', 'task']],
  ['a number', { task: 7 }, 'invalid_type', ['body', 'task']],
  ['too long a task', { task: 'x'.repeat(200_001) }, 'too_big', ['body', 'task']],
] as const)('a creation with %s is 422, with the place of the error', async ([_name, body, type, loc], { server }) => {
  const answer = await server.call('POST', base, body);
  expect([answer.status, answer.body.detail[0]]).toEqual([422, { type, loc, msg: expect.any(String) }]);
  if (type === 'missing') expect(answer.body.detail[0].msg).toBe('Field required');
});
