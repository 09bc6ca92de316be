import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import type { SessionRecord } from '../../../../src/core/records.ts';
import { lifeOf } from '../../../../src/facades/e2b/control/create.ts';
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
  expect(led('/', { 'e2b-sandbox-id': sid }).url).toBe('/e2b/bad-target');
  expect(led('/', { 'e2b-sandbox-id': sid, 'e2b-sandbox-port': '65536' }).url).toBe('/e2b/bad-target');
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
  ...{ facade: 'on', maxSeconds: 100, maxUploadBytes: 1, templates: ['base'], root: 'alias', pause: 'memory' },
  domain: undefined,
} as const;
const life = (more: object) => lifeOf(NewSandbox.parse({ templateID: 'base:v2', ...more }), settings as never, 15);

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
  { allow_internet_access: false },
  { network: { denyOut: ['0.0.0.0/0'] } },
])('a create with %j is refused', (more) => {
  expect(() => life(more)).toThrow();
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
