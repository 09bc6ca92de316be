import { afterAll, beforeAll, expect, test } from 'vitest';
import { call as request } from '../../support/clients/call.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

let server: ComposedServer;
const token = 'the-token-of-these-tests';
const base = '/api/v1/automations';

beforeAll(async () => {
  server = await composedServer({ CORRAL_TOKEN: token });
});
afterAll(() => server[Symbol.asyncDispose]());

const call = (method: string, path: string, { body, key = token }: { body?: unknown; key?: string } = {}) =>
  request(method, server.url + path, { token: key, body });
const keyOf = async (role: 'user' | 'viewer') => await server.core.keys.create({ name: role, role });
const report = { name: 'Report', message: 'Say hi' };

test('an automation that a person starts makes a session of its own, whose end and cost its history has', async () => {
  const { body: made } = await call('POST', base, { body: report });
  expect(made).toMatchObject({ ...report, version: 1, schedule: null, nextAt: null, paused: null });
  const { status, body: start } = await call('POST', `${base}/${made.id}/starts`);
  expect(status).toBe(200);
  expect(start).toMatchObject({ cause: { kind: 'person', key: null }, version: 1 });
  const newest = async () => (await call('GET', `${base}/${made.id}/starts`)).body[0];
  await expect.poll(async () => (await newest()).state).toBe('ended');
  const { sessionId, outcome, cost } = await newest();
  expect(outcome).toMatchObject({ status: 'completed' });
  expect(cost.turns).toBeGreaterThan(0);
  const { title, origin } = await server.core.services.sessions.get(sessionId);
  const expected = { title: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d · Report$/), origin: 'automation' };
  expect({ title, origin }).toEqual(expected);
});

test('its session belongs to its owner, hidden from other people', async () => {
  const [one, other] = [await keyOf('user'), await keyOf('user')];
  const { body: made } = await call('POST', base, { body: report, key: one.key });
  await call('POST', `${base}/${made.id}/starts`, { key: one.key });
  const starts = async (key: string) => await call('GET', `${base}/${made.id}/starts`, { key });
  await expect.poll(async () => (await starts(one.key)).body[0].sessionId).toMatch(/^[0-9a-f]{16}$/);
  const { sessionId } = (await starts(one.key)).body[0];
  expect((await server.core.services.sessions.get(sessionId)).owner).toBe(one.view.owner);
  expect((await starts(other.key)).status).toBe(404);
  expect((await call('GET', base, { key: other.key })).body).toEqual([]);
  await call('PATCH', `${base}/${made.id}`, { key: one.key, body: { shared: true } });
  expect((await call('GET', base, { key: other.key })).body).toHaveLength(1);
  expect((await call('POST', `${base}/${made.id}/starts`, { key: other.key })).status).toBe(404);
});

test('nobody makes an automation in a project of somebody else', async () => {
  const [one, other] = [await keyOf('user'), await keyOf('user')];
  const project = await server.core.services.projects.create({ name: 'One', owner: one.view.owner });
  const body = { ...report, projectId: project.id };
  expect((await call('POST', base, { body, key: other.key })).status).toBe(404);
  expect((await call('POST', base, { body, key: one.key })).status).toBe(200);
});

test.each([
  ['a schedule that no clock reaches', { schedule: { cron: '0 0 31 2 *' } }, 400],
  ['a zone that does not exist', { schedule: { cron: '0 9 * * *', timezone: 'Mars/Olympus' } }, 400],
  ['a template that does not exist', { template: 'no-such' }, 400],
  ['no message', { message: ' ' }, 422],
  ['a misspelt field', { mesage: 'a' }, 422],
] as const)('%s is refused, and nothing is stored', async (_, wrong, status) => {
  const before = (await call('GET', base)).body.length;
  expect((await call('POST', base, { body: { ...report, ...wrong } })).status).toBe(status);
  expect((await call('GET', base)).body).toHaveLength(before);
});

test('the next times of a schedule are shown before it is saved', async () => {
  const { body } = await call('GET', `${base}/times?cron=${encodeURIComponent('0 9 * * 1-5')}&timezone=Europe/Berlin`);
  expect([body.times.length, body.times.every((time: string) => /T0[78]:00:00/.test(time))]).toEqual([5, true]);
});

test('an automation starts at the end of another one’s run, and not for somebody who may not see that one', async () => {
  const [one, other] = [await keyOf('user'), await keyOf('user')];
  const { body: first } = await call('POST', base, { body: report, key: one.key });
  const after = { of: 'automation', id: first.id };
  expect((await call('POST', base, { body: { ...report, after }, key: other.key })).status).toBe(404);
  const { body: second } = await call('POST', base, { body: { ...report, after }, key: one.key });
  expect(second.after).toEqual({ ...after, outcome: 'done' });
  await call('POST', `${base}/${first.id}/starts`, { key: one.key });
  const causes = async (id: string) =>
    (await call('GET', `${base}/${id}/starts`, { key: one.key })).body.map(({ cause }: { cause: object }) => cause);
  await expect.poll(() => causes(second.id)).toMatchObject([{ kind: 'run', outcome: 'done' }]);
});
