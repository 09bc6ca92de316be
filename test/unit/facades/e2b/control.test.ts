import { afterAll, test as base, beforeEach, expect, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/core/contracts/clock.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { e2bFacade } from '../../../support/clients/e2b-facade.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

// The control plane over sandboxes that have only a state. test/job/e2b has the same routes over real ones.
/** Time stands still, so remaining lifetimes are exact. */
const clock = { ...systemClock, now: () => 1_800_000_000_000 };
const it = await e2bFacade({ clock });
beforeEach(() => void it.did.splice(0));
afterAll(() => it[Symbol.asyncDispose]());

const own = async (options: Parameters<typeof e2bFacade>[0]) => {
  const facade = await e2bFacade(options);
  onTestFinished(() => facade[Symbol.asyncDispose]());
  return facade;
};
const sandboxFields = [
  ...['alias', 'clientID', 'domain', 'envdAccessToken', 'envdVersion', 'sandboxID', 'templateID', 'trafficAccessToken'],
];
const listedFields = [
  ...['alias', 'clientID', 'cpuCount', 'diskSizeMB', 'endAt', 'envdVersion', 'memoryMB', 'metadata', 'sandboxID'],
  ...['startedAt', 'state', 'templateID'],
];
const secondsLeft = async (sid: string) =>
  (Date.parse((await it.api('GET', `/sandboxes/${sid}`)).body.endAt) - clock.now()) / 1_000;
const test = base.extend('box', () => it.create());

test('a create answers every field of a sandbox, and both of its tokens', async () => {
  const { status, body } = await it.api('POST', '/v2/sandboxes', { templateID: 'base:v2' });
  expect([status, Object.keys(body).sort()]).toEqual([201, sandboxFields]);
  expect(body).toMatchObject({ templateID: 'base', alias: 'base', clientID: 'corral', domain: 'sandboxes.example' });
  expect(body.sandboxID).toMatch(/^[0-9a-f]{16}$/);
  for (const token of [body.envdAccessToken, body.trafficAccessToken]) expect(token).toMatch(/^[\w-]{43}$/);
});

test('a list and a sandbox have every field that the Python SDK needs', async () => {
  const { sid, access } = await it.create({ metadata: { a: 'b' }, autoPause: true, autoResume: { enabled: true } });
  const { body: listed } = await it.api('GET', '/v2/sandboxes?metadata=a%3Db');
  expect(listed.map(Object.keys)[0]?.sort()).toEqual(listedFields);
  const { body } = await it.api('GET', `/sandboxes/${sid}`);
  expect(Object.keys(body).sort()).toEqual(
    [...listedFields, 'allowInternetAccess', 'domain', 'envdAccessToken', 'lifecycle', 'network'].sort(),
  );
  expect(body).toMatchObject({
    sandboxID: sid,
    metadata: { a: 'b' },
    state: 'running',
    envdAccessToken: access,
    allowInternetAccess: true,
    network: { allowPublicTraffic: true },
    lifecycle: { onTimeout: 'pause', autoResume: true },
  });
  for (const count of ['cpuCount', 'memoryMB', 'diskSizeMB']) expect(Number.isInteger(body[count])).toBe(true);
  for (const at of ['startedAt', 'endAt']) expect(body[at]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('a template has every field', async () => {
  const { body } = await it.api('GET', '/v2/templates');
  expect(body[0]).toEqual({
    templateID: 'base',
    buildID: 'base',
    names: ['base'],
    aliases: ['base'],
    public: false,
    buildStatus: 'ready',
    cpuCount: 1,
    memoryMB: expect.any(Number),
    diskSizeMB: expect.any(Number),
    envdVersion: '0.6.4',
    buildCount: 1,
    spawnCount: 0,
    createdBy: null,
    createdAt: expect.any(String),
    updatedAt: expect.any(String),
    lastSpawnedAt: null,
  });
});

test('a sample of the metrics has every field, and a paused sandbox has none', async ({ box: { sid } }) => {
  const { body } = await it.api('GET', `/sandboxes/${sid}/metrics`);
  const counts = ['cpuCount', 'cpuUsedPct', 'memUsed', 'memTotal', 'memCache', 'diskUsed', 'diskTotal'];
  expect(Object.keys(body[0]).sort()).toEqual([...counts, 'timestamp', 'timestampUnix'].sort());
  expect((await it.api('GET', `/sandboxes/${sid}/metrics?start=soon`)).status).toBe(400);
  await it.api('POST', `/sandboxes/${sid}/pause`);
  expect((await it.api('GET', `/sandboxes/${sid}/metrics`)).body).toEqual([]);
});

test.each([
  ['/v2/sandboxes', 300],
  ['/sandboxes', 15],
])('a create at %s lives %i s unless it asks for a time', async (path, seconds) => {
  const create = (more: object) => it.api('POST', path, { templateID: 'base', secure: true, unknown: 1, ...more });
  expect(await secondsLeft((await create({})).body.sandboxID)).toBe(seconds);
  expect(await secondsLeft((await create({ timeout: 77 })).body.sandboxID)).toBe(77);
});

test('a create that is repeated with its key starts one sandbox, and says that it repeats', async () => {
  const headers = { 'idempotency-key': 'a-key-of-python' };
  const first = await it.api('POST', '/v2/sandboxes', { templateID: 'base' }, headers);
  const second = await it.api('POST', '/v2/sandboxes', { templateID: 'base' }, headers);
  expect(second.body).toEqual(first.body);
  expect([second.status, second.headers['idempotency-replayed'], it.did]).toEqual([201, 'true', ['start']]);
});

test.each([
  ['quota', 409, {}],
  ['sandbox_capacity', 429, { 'retry-after': '1' }],
  ['sandbox_unavailable', 503, { 'should-retry': 'false' }],
  ['internal', 500, { 'should-retry': 'false' }],
] as const)(
  'a create that fails with %s is %i, leaves nothing and says if to repeat',
  async (code, status, headers) => {
    const before = (await it.sessions.list()).length;
    it.failing.push(new AppError(code, 'No sandbox.'));
    const answer = await it.api('POST', '/v2/sandboxes', { templateID: 'base' });
    expect(answer).toMatchObject({ status, headers, body: { code: status, message: expect.any(String) } });
    expect(await it.sessions.list()).toHaveLength(before);
  },
);

const closed = { denyOut: ['0.0.0.0/0'] };
const ofRange = { ...closed, allowOut: ['192.0.2.0/24'] };
type Rules = Readonly<Record<string, unknown>>;
test.each<[rules: Rules, shown: object, isOpen: boolean]>([
  [{ allow_internet_access: false }, { ...closed, allowOut: [] }, false],
  [{ ...closed, allowOut: ['a.example', '*.b.example'] }, { ...closed, allowOut: ['a.example', '*.b.example'] }, false],
  [{ denyOut: ['::/0'] }, { ...closed, allowOut: [] }, false],
  [{ ...closed, allowOut: ['0.0.0.0/0'] }, {}, true],
  [{ allowOut: ['a.example'], rules: {}, egressProxy: null, dnsServers: [] }, {}, true],
  [{}, {}, true],
  [{ denyOut: ['10.0.0.0/8'] }, { denyOut: ['10.0.0.0/8'] }, true],
  [
    { denyOut: ['192.0.2.0/24', '::ffff:203.0.113.7'], allowOut: ['192.0.2.7/32', 'a.example'] },
    { denyOut: ['192.0.2.0/24', '203.0.113.7'], allowOut: ['192.0.2.7', 'a.example'] },
    true,
  ],
  [{ denyOut: ['0.0.0.0/0', '192.0.2.7'], allowOut: ['192.0.2.0/24'] }, ofRange, false],
  [{ allow_internet_access: false, allowOut: ['192.0.2.0/24'] }, ofRange, false],
])('rules are shown as they count, by a create and by an update of earlier ones: %j', async (rules, shown, isOpen) => {
  const { allow_internet_access, ...network } = rules;
  const made = await it.create({ network, ...(allow_internet_access === false && { allow_internet_access }) });
  const earlier = [{ denyOut: ['198.51.100.0/24'] }, { ...closed, allowOut: ['earlier.example'] }];
  const updated = await Promise.all(earlier.map((one) => it.create({ network: one })));
  for (const { sid } of updated) expect((await it.api('PUT', `/sandboxes/${sid}/network`, rules)).status).toBe(204);
  for (const { sid } of [made, ...updated]) {
    const { body } = await it.api('GET', `/sandboxes/${sid}`);
    expect([body.network, body.allowInternetAccess]).toEqual([{ allowPublicTraffic: true, ...shown }, isOpen]);
  }
});
test('rules with addresses stay through a pause, and an empty update clears them', async () => {
  const network = { denyOut: ['192.0.2.0/24'], allowOut: ['192.0.2.7'] };
  const { sid } = await it.create({ network });
  const shown = async (id: string) => (await it.api('GET', `/sandboxes/${id}`)).body.network;
  await it.api('POST', `/sandboxes/${sid}/pause`);
  expect(await shown(sid)).toMatchObject(network);
  await it.api('POST', `/v2/sandboxes/${sid}/connect`, {});
  expect(await shown(sid)).toMatchObject(network);
  expect((await it.api('PUT', `/sandboxes/${sid}/network`, {})).status).toBe(204);
  expect(await shown(sid)).toEqual({ allowPublicTraffic: true });
});
test.each([
  [{ denyOut: ['a.example'] }, 'denyOut'],
  [{ denyOut: ['10.0.0.0/33'] }, '10.0.0.0/33'],
  [{ denyOut: Array.from({ length: 201 }, (_, n) => `192.0.2.${n}`) }, 'denyOut'],
  [{ allowOut: 'a.example' }, 'allowOut'],
  [{ denyOut: ['0.0.0.0/0'], allowOut: ['0177.0.0.1'] }, '0177.0.0.1'],
  [{ rules: { 'a.example': [{ transform: { headers: { 'x-a': '${e2b.secrets.none}' } } }] } }, 'none'],
  [{ rules: { 'a.example/b': [] } }, 'a.example/b'],
  [{ rules: { 'a.example': [{ transform: { headers: { host: 'b.example' } } }] } }, 'host'],
  [{ rules: { 'a.example': [{ transform: { headers: { 'x-a': 'short' } } }] } }, 'x-a'],
  [{ rules: { 'a.example': [{ transform: { headers: { 'x-a': '${e2b.identity.tokens.aws}' } } }] } }, 'x-a'],
  [{ egressProxy: { address: 'a:1' } }, 'egressProxy'],
  [{ dnsServers: ['8.8.8.8'] }, 'dnsServers'],
])('new rules that cannot be kept are 400, name the field and change nothing: %j', async (rules, name) => {
  const { sid } = await it.create({ network: { denyOut: ['0.0.0.0/0'], allowOut: ['earlier.example'] } });
  const { status, body } = await it.api('PUT', `/sandboxes/${sid}/network`, rules);
  expect([status, body]).toEqual([400, expect.objectContaining({ code: 400, message: expect.stringContaining(name) })]);
  expect((await it.sessions.get(SessionId.parse(sid))).sandbox?.egress).toEqual(['earlier.example']);
});
test('secrets are kept under names, changed and deleted, and no answer has their value', async () => {
  const secrets = (method: string, rest = '', body?: object) => it.api(method, `/secrets${rest}`, body);
  const {
    status,
    body: made,
    text,
  } = await secrets('POST', '', { name: 'Model-Key', value: 'v-a-l-u-e-1', metadata: { a: 'b' } });
  const expected = [201, ['createdAt', 'currentVersion', 'metadata', 'name', 'secretID', 'updatedAt']];
  expect([status, Object.keys(made).sort()]).toEqual(expected);
  expect(made).toMatchObject({ name: 'model-key', currentVersion: 1, metadata: { a: 'b' } });
  const changed = await secrets('POST', '/model-key', { value: 'v-a-l-u-e-2' });
  expect([changed.status, changed.body]).toMatchObject([200, { currentVersion: 2, metadata: { a: 'b' } }]);
  expect((await secrets('POST', '', { name: 'MODEL-KEY', value: 'another-value' })).status).toBe(409);
  await secrets('POST', '', { name: 'second', value: 'another-value' });
  const page = await secrets('GET', '?limit=1');
  const rest = await secrets('GET', `?limit=1&nextToken=${page.headers['x-next-token']}`);
  expect([...page.body, ...rest.body].map(({ name }) => name).sort()).toEqual(['model-key', 'second']);
  expect(rest.headers['x-next-token']).toBeUndefined();
  const one = await secrets('GET', `/${made.secretID}`);
  for (const answer of [text, changed.text, page.text, rest.text, one.text]) expect(answer).not.toContain('v-a-l-u-e');
  expect([(await secrets('DELETE', '/second')).status, (await secrets('DELETE', '/second')).status]).toEqual([
    204, 404,
  ]);
  expect((await secrets('GET', '/second')).status).toBe(404);
});
test('rules bind secrets to headers of hosts, and new rules take their place', async () => {
  await it.api('POST', '/secrets', { name: 'bound', value: 'v-a-l-u-e' });
  const headers = { Authorization: 'Bearer ${e2b.secrets.bound}', 'X-Team': 'a-literal-value' };
  const { sid } = await it.create({ network: { rules: { 'API.example': [{ transform: { headers } }] } } });
  const { secretID } = (await it.api('GET', '/secrets/bound')).body;
  const shown = async () => (await it.api('GET', `/sandboxes/${sid}`)).body.network.rules;
  const texts = [{ authorization: `Bearer \${e2b.secrets.${secretID}}` }, { 'x-team': '***' }];
  const rules = await shown();
  expect(Object.keys(rules)).toEqual(['api.example']);
  expect(rules['api.example']).toEqual(expect.arrayContaining(texts.map((text) => ({ transform: { headers: text } }))));
  expect((await it.api('PUT', `/sandboxes/${sid}/network`, { rules: { 'b.example': [{}] } })).status).toBe(204);
  expect(await shown()).toBeUndefined();
  const overlap = { '*.b.example': [{ transform: { headers } }], 'a.b.example': [{ transform: { headers } }] };
  expect((await it.api('PUT', `/sandboxes/${sid}/network`, { rules: overlap })).status).toBe(400);
});
test('new rules for an unknown sandbox are 404, and for a paused one 409', async () => {
  expect((await it.api('PUT', '/sandboxes/ffffffffffffffff/network', {})).status).toBe(404);
  const { sid } = await it.createPaused();
  expect((await it.api('PUT', `/sandboxes/${sid}/network`, {})).status).toBe(409);
});
const none = 'f'.repeat(16);
const secret = { name: 'a', value: 'long-enough' };
test.each<[method: string, path: string, body: object | undefined, status: number]>([
  ['GET', `/sandboxes/${none}`, undefined, 404],
  ['GET', `/sandboxes/${none}/metrics`, undefined, 404],
  ['GET', '/templates/aliases/other', undefined, 404],
  ['GET', '/teams', undefined, 501],
  ...['limit=0', 'limit=101', 'order=up', 'template=base:v1', 'nextToken=x', 'state=gone', 'startedAfter=x'].map(
    (query): [string, string, undefined, number] => ['GET', `/v2/sandboxes?${query}`, undefined, 400],
  ),
  ...[{ egressProxy: 'x' }, { rules: { a: 1 } }, { httpsPorts: [443] }, { dnsServers: ['8.8.8.8'] }].map(
    (network): [string, string, object, number] => ['POST', '/v2/sandboxes', { templateID: 'base', network }, 400],
  ),
  ['POST', '/secrets', { ...secret, name: 'a{b' }, 400],
  ['POST', '/secrets', { ...secret, name: 'sec_a' }, 400],
  ['POST', '/secrets', { ...secret, name: '' }, 400],
  ['POST', '/secrets', { ...secret, value: 'short' }, 400],
  ['POST', '/secrets', { ...secret, value: 'long\nenough' }, 400],
  ['POST', '/secrets', { ...secret, value: 'x'.repeat(9_000) }, 400],
  ['POST', '/secrets', { ...secret, metadata: { a: 'x'.repeat(2_000) } }, 400],
])('%s %s %j is %i, with the status in the body', async (method, path, body, status) =>
  expect(await it.api(method, path, body)).toMatchObject({ status, body: { code: status } }),
);
test('a create with mcp makes a sandbox, in which the SDK then starts the gateway itself; one with iam is refused by name', async () => {
  const create = (more: object) => it.api('POST', '/v2/sandboxes', { templateID: 'base', ...more });
  expect((await create({ mcp: { time: {} } })).status).toBe(201);
  expect((await create({ iam: { x: 1 } })).body).toMatchObject({ code: 400, message: expect.stringContaining('iam') });
});
test('a list says how many run, and an alias whether its template is public', async () => {
  await it.create();
  const { headers } = await it.api('GET', '/v2/sandboxes?limit=1&state=running%2Cpaused&template=base');
  expect(Number(headers['x-total-running'])).toBeGreaterThan(0);
  expect((await it.api('GET', '/templates/aliases/base%3Av1')).body).toEqual({ templateID: 'base', public: false });
});
test('a connect to a running sandbox moves its end only later; a timeout moves it both ways', async () => {
  const { sid } = await it.create();
  const move = (path: string, timeout: number) => it.api('POST', path, { timeout });
  await move(`/sandboxes/${sid}/timeout`, 1_000);
  await move(`/v2/sandboxes/${sid}/connect`, 10);
  expect(await secondsLeft(sid)).toBe(1_000);
  await move(`/sandboxes/${sid}/timeout`, 600);
  expect(await secondsLeft(sid)).toBe(600);
});
test('a body that is no JSON is 400, with the status in the body', async () => {
  const answer = await it.ask('/v2/sandboxes', { method: 'POST', body: '{"templateID"' });
  expect([answer.status, answer.body.code]).toEqual([400, 400]);
});
test('a chunked body is read', async () => {
  const headers = { 'transfer-encoding': 'chunked', 'content-type': 'application/json' };
  const body = JSON.stringify({ templateID: 'base' });
  expect((await it.ask('/sandboxes', { method: 'POST', headers, body })).status).toBe(201);
});

test('without authentication any key is good, and none too', async () => {
  for (const headers of [{ 'x-api-key': 'e2b_0' }, {}])
    expect((await it.ask('/v2/sandboxes', { headers })).status).toBe(200);
});

test('with authentication the key counts, in either header, and the one of the SDKs before the other', async () => {
  const guarded = await own({ token: 'e2b_0123' });
  const status = async (headers: Record<string, string>) => (await guarded.ask('/v2/sandboxes', { headers })).status;
  expect(await status({ 'x-api-key': 'e2b_0123' })).toBe(200);
  expect(await status({ authorization: 'Bearer e2b_0123' })).toBe(200);
  expect(await status({ 'x-api-key': 'e2b_0123', authorization: 'Bearer another' })).toBe(200);
  expect(await status({ 'x-api-key': 'another', authorization: 'Bearer e2b_0123' })).toBe(401);
  const none = await guarded.ask('/v2/sandboxes');
  expect([none.status, none.body.code]).toEqual([401, 401]);
});

test('a pause needs no body, answers 204 without one, and a second one is 409', async ({ box: { sid } }) => {
  const paused = await it.api('POST', `/sandboxes/${sid}/pause`);
  expect([paused.status, paused.text, it.did]).toEqual([204, '', ['start', 'pause']]);
  expect((await it.api('POST', `/sandboxes/${sid}/pause`)).status).toBe(409);
  expect((await it.api('GET', `/sandboxes/${sid}`)).body.state).toBe('paused');
  expect((await it.sessions.get(SessionId.parse(sid))).life?.endsAt).toBeNull();
});

test('a pause of the files alone stops the sandbox', async ({ box: { sid } }) => {
  await it.api('POST', `/sandboxes/${sid}/pause`, { memory: false });
  expect(it.did).toEqual(['start', 'stop']);
});

test('a pause with memory is 501 where nothing freezes processes, unless the server keeps the files instead', async () => {
  const [refusing, files] = [{ freeze: false }, { pause: 'files' } as const];
  const strict = await own({ abilities: refusing });
  const { sid } = await strict.create();
  const answer = await strict.api('POST', `/sandboxes/${sid}/pause`);
  expect([answer.status, answer.body.message]).toEqual([501, expect.stringContaining('CORRAL_E2B_PAUSE=files')]);
  expect((await strict.api('GET', `/sandboxes/${sid}`)).body.state).toBe('running');
  const lax = await own({ abilities: refusing, settings: files });
  const { sid: other } = await lax.create();
  expect([(await lax.api('POST', `/sandboxes/${other}/pause`)).status, lax.did]).toEqual([204, ['start', 'stop']]);
});

test.each(['/v2/sandboxes/{}/connect', '/sandboxes/{}/connect', '/sandboxes/{}/resume'])(
  'a paused sandbox runs again after POST %s, for the time that was requested and with its tokens',
  async (path) => {
    const { sid, access, traffic } = await it.createPaused({ timeout: 500 });
    const { status, body } = await it.api('POST', path.replace('{}', sid), { timeout: 100 });
    expect([status, Object.keys(body).sort()]).toEqual([201, sandboxFields]);
    expect(body).toMatchObject({ envdAccessToken: access, trafficAccessToken: traffic });
    expect([await secondsLeft(sid), it.did]).toEqual([100, ['start', 'pause', 'start']]);
  },
);
test('a connect with an empty body is one of 300 s', async () => {
  const { sid } = await it.create({ timeout: 20 });
  expect((await it.api('POST', `/v2/sandboxes/${sid}/connect`, {})).status).toBe(200);
  expect(await secondsLeft(sid)).toBe(300);
});

test('a timeout of 0 ends the sandbox now', async ({ box: { sid } }) => {
  expect((await it.api('POST', `/sandboxes/${sid}/timeout`, { timeout: 0 })).status).toBe(204);
  expect((await it.api('GET', `/sandboxes/${sid}`)).status).toBe(404);
  await expect.poll(async () => (await it.sessions.list()).some(({ id }) => id === sid)).toBe(false);
});

test('while a sandbox is ending, a connect is 409 and all else 404', async () => {
  const slow = await own({ clock: manualClock(clock.now()) }); // nothing deletes it until time moves
  const { sid } = await slow.create({ timeout: 0 });
  expect((await slow.api('POST', `/v2/sandboxes/${sid}/connect`, {})).status).toBe(409);
  expect((await slow.api('POST', `/sandboxes/${sid}/timeout`, { timeout: 60 })).status).toBe(404);
  expect((await slow.api('GET', '/v2/sandboxes')).body).toEqual([]);
});

test('a timeout over the maximum is 400; of a paused sandbox and of none it is 404', async ({ box: { sid } }) => {
  const status = async (of: string, timeout: number) =>
    (await it.api('POST', `/sandboxes/${of}/timeout`, { timeout })).status;
  expect(await status(sid, 86_401)).toBe(400);
  await it.api('POST', `/sandboxes/${sid}/pause`);
  expect([await status(sid, 10), await status('f'.repeat(16), 10), await status('no-id', 10)]).toEqual([404, 404, 404]);
});

test('a deleted sandbox answers 204, and then 404', async ({ box: { sid } }) => {
  const gone = await it.api('DELETE', `/sandboxes/${sid}`);
  expect([gone.status, gone.text]).toEqual([204, '']);
  expect((await it.api('DELETE', `/sandboxes/${sid}`)).status).toBe(404);
});

test('sessions of other facades are in no list, and their ids are good for a look and a connect', async () => {
  const { id } = await it.sessions.create({ origin: 'trpc' });
  const { body: listed } = await it.api('GET', '/v2/sandboxes');
  expect(listed.map((one: { sandboxID: string }) => one.sandboxID)).not.toContain(id);
  expect((await it.api('GET', `/sandboxes/${id}`)).body).toMatchObject({ sandboxID: id, templateID: 'base' });
  expect([(await it.api('POST', `/v2/sandboxes/${id}/connect`, {})).status, it.did]).toEqual([200, ['start']]);
  expect((await it.api('POST', `/sandboxes/${id}/timeout`, { timeout: 9 })).status).toBe(409);
});

test('a sandbox whose time is over is paused where its program requested that', async () => {
  const { sid } = await it.create({ timeout: 0, autoPause: true });
  await expect.poll(async () => (await it.api('GET', `/sandboxes/${sid}`)).body.state).toBe('paused');
  expect(it.did).toEqual(['start', 'pause']);
});
