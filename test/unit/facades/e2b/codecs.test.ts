import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import type { SessionRecord } from '../../../../src/core/records.ts';
import { wantedOf } from '../../../../src/facades/e2b/control/create.ts';
import { metadataOf, pageOf } from '../../../../src/facades/e2b/control/list.ts';
import { NewSandbox } from '../../../../src/facades/e2b/control/shapes.ts';
import { resultOf } from '../../../../src/facades/e2b/data/code-results.ts';
import { camelCased, envelope, envelopeIn } from '../../../../src/facades/e2b/data/connect.ts';
import { headersFor } from '../../../../src/facades/e2b/data/ports.ts';
import { endOf } from '../../../../src/facades/e2b/data/process.ts';
import { Targets } from '../../../../src/facades/e2b/target.ts';
import { signatureOf, tokensOf } from '../../../../src/facades/e2b/tokens.ts';

const sid = '5f2a09c1d3e4b688';
const request = (url: string, headers: Record<string, string> = {}) =>
  ({ url, headers: { host: 'localhost:8000', ...headers } }) as unknown as IncomingMessage;
function led(url: string, headers?: Record<string, string>) {
  const targets = new Targets('sandboxes.example');
  const asked = request(url, headers);
  targets.rewrite(asked);
  const { sid: id, port, byHost } = targets.of(asked) ?? {};
  return { url: asked.url, ...(port !== undefined && { id, port, byHost }) };
}

test('a name of the domain leads to its sandbox and port, and headers beside it are ignored', () => {
  const headers = { host: `3000-${sid}.sandboxes.example`, 'e2b-sandbox-id': 'other', 'e2b-sandbox-port': '1' };
  expect(led('/x', headers)).toEqual({ url: '/e2b/data', id: sid, port: 3000, byHost: true });
});

test('the two headers lead to the sandbox that they name', () => {
  const headers = { 'e2b-sandbox-id': sid, 'e2b-sandbox-port': '49983' };
  expect(led('/files?path=x', headers)).toEqual({ url: '/e2b/data', id: sid, port: 49_983, byHost: false });
});

test('one header alone, and a port that is none, lead nowhere', () => {
  expect(led('/', { 'e2b-sandbox-id': sid })).toEqual({ url: '/e2b/data' });
  expect(led('/', { 'e2b-sandbox-id': sid }).url).toBe('/e2b/data');
  expect(led('/', { 'e2b-sandbox-id': sid, 'e2b-sandbox-port': '65536' }).url).toBe('/e2b/data');
});

test('a signed address of a file leads to the agent without a name', () => {
  expect(led('/files?path=x&signature=v1_x')).toEqual({ url: '/e2b/data', id: undefined, port: 49_983, byHost: false });
});

test('paths of the control plane are found with and without the prefix, and all others stay', () => {
  for (const path of ['/sandboxes', '/v2/sandboxes?limit=1', `/sandboxes/${sid}/pause`, '/volumes']) {
    expect(led(path).url).toBe(`/e2b${path}`);
    expect(led(`/e2b${path}`).url).toBe(`/e2b${path}`);
  }
  for (const path of ['/', '/health', '/sandboxesque', '/api/v1/sessions']) expect(led(path).url).toBe(path);
});

test('an API key counts as a bearer token on the control plane alone', () => {
  const targets = new Targets('d');
  const asked = request('/sandboxes', { 'x-api-key': 'k' });
  targets.rewrite(asked);
  expect(asked.headers.authorization).toBe('Bearer k');
  const other = request('/health', { 'x-api-key': 'k' });
  targets.rewrite(other);
  expect(other.headers.authorization).toBeUndefined();
});

test('a signature is the hash that the SDKs compute', () => {
  const hash = createHash('sha256').update('a b:read:user:token:17').digest('base64').replace(/=+$/, '');
  const signed = { path: 'a b', operation: 'read', username: 'user', expiration: '17' } as const;
  expect(signatureOf(signed, 'token')).toBe(`v1_${hash}`);
});

test('the two tokens of a sandbox differ, and only the first opens the agent', () => {
  const tokens = tokensOf({ hash: (text) => ({ pepper: 'p', hash: createHash('sha256').update(text).digest('hex') }) });
  const traffic = tokens.traffic(sid);
  expect(tokens.opensAgent(sid, { access: traffic })).toBe(false);
  expect(tokens.opensPorts(sid, { traffic })).toBe(true);
  expect(tokens.opensPorts(sid, { access: tokens.access(sid) })).toBe(true);
  expect(tokens.opensPorts('0000000000000000', { traffic })).toBe(false);
});

test('an envelope is read as it was written; a compressed or cut one is refused', () => {
  expect(JSON.parse(envelopeIn(envelope(0, { a: 1 })).toString())).toEqual({ a: 1 });
  const compressed = envelope(0, {});
  compressed[0] = 1;
  expect(() => envelopeIn(compressed)).toThrow('Compressed');
  expect(() => envelopeIn(envelope(0, { a: 1 }).subarray(0, 8))).toThrow('whole envelope');
});

test('names of fields are read in both spellings, and the keys of maps stay', () => {
  expect(camelCased({ include_entry: true, process: { envs: { MY_VAR: 'x' } } })).toEqual({
    includeEntry: true,
    process: { envs: { MY_VAR: 'x' } },
  });
});

test('an end says its exit status, or the signal', () => {
  expect(endOf({ exitCode: 0 })).toEqual({ exitCode: 0, exited: true, status: 'exit status 0' });
  expect(endOf({ exitCode: 3 })).toMatchObject({ exited: true, status: 'exit status 3', error: 'exit status 3' });
  expect(endOf({ exitCode: -1, signal: 'SIGKILL' })).toMatchObject({ exited: false, status: 'signal: killed' });
});

test('metadata of a list is decoded three times', () => {
  const query = new URL('http://x/?metadata=a%3Db%252520c').searchParams;
  expect(metadataOf(query.getAll('metadata'))).toEqual([['a', 'b c']]);
});

const settings = {
  ...{ facade: 'on', maxSeconds: 100, maxUploadBytes: 1, root: 'alias', pause: 'memory', domain: undefined },
  templates: ['base', 'v1=code-interpreter'],
} as const;
const abilities = { freeze: true, keepsFiles: true, admitsEgress: () => true };
const wanted = (more: object, deps: object = {}) =>
  wantedOf(NewSandbox.parse({ templateID: 'base:v2', ...more }), { settings, abilities, ...deps } as never, 15);
const life = (more: object, deps?: object) => wanted(more, deps).life;

test('a create has the time that it asks for, or the default of its route', () => {
  expect(life({})).toMatchObject({ seconds: 15, onEnd: 'delete', kind: 'base', labels: {} });
  expect(life({ timeout: 20, autoPause: true, metadata: { a: 'b' } })).toMatchObject({
    seconds: 20,
    onEnd: 'pause',
    labels: { a: 'b' },
  });
  expect(life({ autoPause: true, autoPauseMemory: false }).onEnd).toBe('pause-files');
});

test.each([
  { timeout: 101 },
  { autoPauseMemory: false },
  { autoPause: true, autoPauseMemory: false, autoResume: { enabled: true } },
  { volumeMounts: [{}] },
  { network: { denyOut: ['10.0.0.0/8'] } },
  { network: { denyOut: ['0.0.0.0/0'], allowOut: ['10.0.0.1'] } },
  { network: { rules: [{}] } },
])('a create with %j is refused', (more) => {
  expect(() => life(more)).toThrow();
});

test('a program can close the network of its sandbox, or open it for some hosts alone', () => {
  expect(life({}).egress).toBeUndefined();
  expect(life({ allow_internet_access: true, network: { allowOut: ['a.example'] } }).egress).toBeUndefined();
  for (const closed of [{ allow_internet_access: false }, { network: { denyOut: ['0.0.0.0/0'] } }]) {
    expect(life(closed).egress).toEqual({ policy: 'none', allow: [] });
  }
  const some = { network: { denyOut: ['0.0.0.0/0'], allowOut: ['*.a.example'] } };
  expect(life(some).egress).toEqual({ policy: 'allow-list', allow: ['*.a.example'] });
});

test('rules that are wider than those of the server, or that nothing enforces, are refused', () => {
  const refusing = { abilities: { ...abilities, admitsEgress: () => false } };
  expect(() => life({ allow_internet_access: false }, refusing)).toThrow('CORRAL_EGRESS_POLICY');
  expect(life({}, refusing).egress).toBeUndefined();
});

test('a name of the settings starts the template behind it', () => {
  expect(wanted({}).template).toBeUndefined();
  expect(wanted({ templateID: 'v1' })).toMatchObject({ template: 'code-interpreter', life: { kind: 'v1' } });
  expect(() => wanted({ templateID: 'other' })).toThrow('CORRAL_E2B_TEMPLATES has: base, v1');
});

test('a pause that would lose memory or files without a word is refused where the sandbox is created', () => {
  const without = (more: object, pause = 'memory') => ({
    abilities: { ...abilities, ...more },
    settings: { ...settings, pause },
  });
  const asked = { autoPause: true };
  expect(() => life(asked, without({ freeze: false }))).toThrow('CORRAL_E2B_PAUSE=files');
  expect(life(asked, without({ freeze: false }, 'files')).onEnd).toBe('pause-files');
  expect(() => life(asked, without({ freeze: false, keepsFiles: false }, 'files'))).toThrow('loses its files');
  expect(life({}, without({ freeze: false, keepsFiles: false })).onEnd).toBe('delete');
});

test('a list goes on at a place of its order, so that a new sandbox shifts nothing', () => {
  const record = (at: number): SessionRecord =>
    ({ id: `${at}`.padStart(16, '0'), origin: 'e2b', createdAt: at, life: { ...life({}), paused: null } }) as never;
  const all = [1, 2, 3, 4].map(record);
  const first = pageOf(all, new URLSearchParams({ limit: '2' }));
  expect(first.sessions.map(({ createdAt }) => createdAt)).toEqual([4, 3]);
  const query = new URLSearchParams({ limit: '2', nextToken: first.next ?? '' });
  const second = pageOf([...all, record(5)], query);
  expect(second.sessions.map(({ createdAt }) => createdAt)).toEqual([2, 1]);
  expect(second.next).toBeUndefined();
});

test('each form of a value has its name on the wire, and unknown ones are extra', () => {
  const data = { 'text/plain': "'a'", 'application/json': '{"b":1}', 'image/svg+xml': '<svg/>', 'x/y': 'z' };
  expect(resultOf({ isMain: true, data })).toEqual({
    ...{ type: 'result', is_main_result: true, text: 'a', json: { b: 1 }, svg: '<svg/>', extra: { 'x/y': 'z' } },
  });
});

test('a program behind a port sees no token, and the Host that was chosen for it', () => {
  const headers = { host: 'h', 'x-access-token': 't', 'e2b-traffic-access-token': 't', accept: 'a' };
  expect(headersFor({ headers, port: 80 })).toEqual({ accept: 'a', host: 'h', 'x-forwarded-host': 'h' });
  expect(headersFor({ headers, port: 80 }, ['in:$', '{PORT}'].join('')).host).toBe('in:80');
});
