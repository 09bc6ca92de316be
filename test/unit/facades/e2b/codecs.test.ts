import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { createPeppers } from '../../../../src/auth/pepper.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import { adminPrincipal, type Principal } from '../../../../src/core/model/principal.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { explainPauseDowngrade, toNewSandboxSession } from '../../../../src/facades/compat/e2b/control/create.ts';
import { NewSandbox } from '../../../../src/facades/compat/e2b/control/shapes.ts';
import { formatResultLine } from '../../../../src/facades/compat/e2b/data/code.ts';
import { createForwardedHeaders } from '../../../../src/facades/compat/e2b/data/serve.ts';
import { DataPlaneTargetResolver } from '../../../../src/facades/compat/e2b/target.ts';
import { createSandboxTokenService } from '../../../../src/facades/compat/e2b/tokens.ts';

const sid = '5f2a09c1d3e4b688';
const box = { id: sid as SessionId };
const request = (url: string, headers: Record<string, string> = {}) =>
  ({ url, headers: { host: 'localhost:8000', ...headers } }) as unknown as IncomingMessage;
function led(url: string, headers?: Record<string, string>) {
  const targets = new DataPlaneTargetResolver('sandboxes.example');
  const pending = request(url, headers);
  targets.rewrite(pending);
  const { sid: id, port, byHost } = targets.of(pending) ?? {};
  return { url: pending.url, ...(port !== undefined && { id, port, byHost }) };
}

test('a name of the domain leads to its sandbox and port, and headers next to it are ignored', () => {
  const headers = { host: `3000-${sid}.sandboxes.example`, 'e2b-sandbox-id': 'other', 'e2b-sandbox-port': '1' };
  expect(led('/x', headers)).toEqual({ url: '/e2b/data', id: sid, port: 3000, byHost: true });
});

test('one header alone, and a port that is none, lead nowhere', () => {
  expect(led('/', { 'e2b-sandbox-id': sid })).toEqual({ url: '/e2b/data' });
  expect(led('/', { 'e2b-sandbox-port': '3000' })).toEqual({ url: '/e2b/data' });
  for (const port of ['0', '65536', '1e3', 'x'])
    expect(led('/', { 'e2b-sandbox-id': sid, 'e2b-sandbox-port': port })).toEqual({ url: '/e2b/data' });
});

test('paths of the control plane are found with and without the prefix, and all others stay', () => {
  const folders = [
    ...['/v2/templates', '/v3/templates', '/templates/x', '/snapshots', '/volumes', '/volumecontent/x', '/secrets'],
    '/teams',
  ];
  for (const path of ['/sandboxes', '/v2/sandboxes?limit=1', `/sandboxes/${sid}/pause`, ...folders]) {
    expect(led(path).url).toBe(`/e2b${path}`);
    expect(led(`/e2b${path}`).url).toBe(`/e2b${path}`);
  }
  for (const path of ['/', '/health', '/sandboxesque', '/api/v1/sessions']) expect(led(path).url).toBe(path);
});

test('an API key counts as a bearer token on the control plane alone', () => {
  const targets = new DataPlaneTargetResolver('d');
  const pending = request('/sandboxes', { 'x-api-key': 'k' });
  targets.rewrite(pending);
  expect(pending.headers.authorization).toBe('Bearer k');
  const other = request('/health', { 'x-api-key': 'k' });
  targets.rewrite(other);
  expect(other.headers.authorization).toBeUndefined();
});

const anna: Principal = { role: 'user', key: 'a1b2c3d4e5f6', owner: 'a1b2c3d4e5f6' };
const bert: Principal = { ...anna, key: '0f0f0f0f0f0f' };
const issuing = (secret: string, serverSeal: string | undefined, live: readonly Principal[]) =>
  createSandboxTokenService(createPeppers([new Secret(secret)]), {
    serverSeal,
    principals: () => live,
    live: (key) => live.find((one) => one.key === key),
  });

test('the two tokens of a sandbox differ, and only the first opens the agent', () => {
  const tokens = issuing('a', '', []);
  const traffic = tokens.traffic(box, adminPrincipal);
  expect(tokens.opensAgent(box, { access: traffic })).toBeUndefined();
  expect(tokens.opensPorts(box, { traffic })).toMatchObject({ role: 'admin', by: 'sandbox token' });
  expect(tokens.opensPorts(box, { access: tokens.access(box, adminPrincipal) })).toBeDefined();
  expect(tokens.opensPorts({ id: '0000000000000000' as SessionId }, { traffic })).toBeUndefined();
});

test('tokens are the same on every server with the secret, and one label each', () => {
  const [one, two, other] = ['a', 'a', 'b'].map((secret) => issuing(secret, '', [anna]));
  for (const maker of [adminPrincipal, anna]) {
    expect(two?.access(box, maker)).toBe(one?.access(box, maker));
    expect(other?.access(box, maker)).not.toBe(one?.access(box, maker));
    expect(one?.access(box, maker)).toMatch(/^[\w-]{43,60}$/);
  }
});

test('a token acts for the key that made it, and ends with that key alone', () => {
  const access = issuing('a', '', [anna, bert]).access(box, anna);
  expect(issuing('a', '', [anna]).opensAgent(box, { access })).toMatchObject({ key: anna.key, by: 'sandbox token' });
  expect(issuing('a', '', [bert]).opensAgent(box, { access })).toBeUndefined();
  const forged = access.replace(anna.key ?? '', bert.key ?? '');
  expect(issuing('a', '', [anna, bert]).opensAgent(box, { access: forged })).toBeUndefined();
});

test('a token ends when the tokens of its sandbox are replaced, and its successor opens', () => {
  const tokens = issuing('a', '', [anna]);
  const next = { ...box, tokenRounds: 1 };
  const [old, fresh] = [box, next].map((round) => tokens.access(round, anna));
  expect([old, fresh].map((access) => tokens.opensAgent(next, { access })?.key)).toEqual([undefined, anna.key]);
  expect(tokens.opensPorts(next, { traffic: tokens.traffic(box, anna) })).toBeUndefined();
});

test('a token of the server itself ends with CORRAL_TOKEN, and when keys come to a server without one', () => {
  const access = issuing('a', 'first', []).access(box, adminPrincipal);
  expect(issuing('a', 'first', [anna]).opensAgent(box, { access })).toBeDefined();
  expect(issuing('a', 'second', []).opensAgent(box, { access })).toBeUndefined();
  const open = issuing('a', '', []).access(box, adminPrincipal);
  expect(issuing('a', undefined, [anna]).opensAgent(box, { access: open })).toBeUndefined();
});

const settings = {
  facade: 'on',
  maxSeconds: 100,
  maxUploadBytes: 1,
  root: 'alias',
  pause: 'memory',
  domain: undefined,
  templates: ['base', 'v1=code-interpreter'],
} as const;
const abilities = { freeze: true, keepsFiles: true };
const expected = (more: object, deps: object = {}) =>
  toNewSandboxSession(
    NewSandbox.parse({ templateID: 'base:v2', ...more }),
    { settings, abilities, ...deps } as never,
    15,
  );
const life = (more: object, deps?: object) => expected(more, deps).life;

test('a create has the time that it asks for, or the default of its route', () => {
  expect(life({})).toMatchObject({ seconds: 15, onEnd: 'delete', kind: 'base' });
  expect(life({ timeout: 20, autoPause: true })).toMatchObject({ seconds: 20, onEnd: 'pause' });
  expect(life({ autoPause: true, autoPauseMemory: false }).onEnd).toBe('pause-files');
});

test.each([
  { timeout: 101 },
  { autoPauseMemory: false },
  { autoPause: true, autoPauseMemory: false, autoResume: { enabled: true } },
  { network: { denyOut: ['a.example'] } },
  { network: { denyOut: ['10.0.0.0/33'] } },
  { network: { denyOut: ['10.1'] } },
  { network: { denyOut: ['010.0.0.1'] } },
  { network: { denyOut: ['10.0.0.1'], allowOut: ['10.0.0.0/024'] } },
  { network: { denyOut: ['10.0.0.1'], allowOut: ['0177.0.0.1'] } },
  { network: { denyOut: ['0.0.0.0/0'], allowOut: ['not a host'] } },
  { network: { allowOut: ['0x7f.1'] } },
  { network: { allowOut: ['127.1'] } },
  { network: { allowOut: ['*.1'] } },
  { network: { allowOut: ['user@a.example'] } },
  { network: { denyOut: Array.from({ length: 201 }, (_, n) => `192.0.2.${n}`) } },
  { network: { rules: [{}] } },
])('a create with %j is refused', (more) => expect(() => life(more)).toThrow());

test('a program can leave the network open, or close it', () => {
  const open = { allow_internet_access: true, network: { allowOut: ['a.example'] } };
  expect([{}, open].map((more) => expected(more).sandbox)).toEqual([undefined, undefined]);
  expect(expected({ allow_internet_access: false }).sandbox).toEqual({ egress: [] });
});

test.each([
  [{ denyOut: ['0.0.0.0/0'] }, []],
  [{ denyOut: ['0.0.0.0/0'], allowOut: ['*.a.example'] }, ['*.a.example']],
  [{ denyOut: ['8.8.8.8'] }, { allow: [], deny: ['8.8.8.8'] }],
  [{ denyOut: ['8.8.8.8/32', '8.8.8.8', '::ffff:8.8.8.8'] }, { allow: [], deny: ['8.8.8.8'] }],
  [
    { denyOut: ['10.0.0.0/8', '2001:DB8::/32'], allowOut: ['10.1.0.0/16', 'a.example'] },
    { allow: ['10.1.0.0/16', 'a.example'], deny: ['10.0.0.0/8', '2001:db8::/32'] },
  ],
  [
    { denyOut: ['0.0.0.0/0'], allowOut: ['1.1.1.1'] },
    { allow: ['1.1.1.1'], deny: ['0.0.0.0/0', '::/0'] },
  ],
  [{ denyOut: ['8.8.8.8', '1.2.3.4/0'], allowOut: ['a.example'] }, ['a.example']],
  [{ denyOut: ['8.8.8.8'], allowOut: ['0.0.0.0/0'] }, undefined],
  [
    { denyOut: ['8.8.8.8'], allowOut: ['::/0'] },
    { allow: ['::/0'], deny: ['8.8.8.8'] },
  ],
  [{ allowOut: ['1.1.1.1/24'] }, undefined],
  [{ denyOut: [], allowOut: null }, undefined],
])('addresses and ranges become rules: %j', (network, egress) =>
  expect(expected({ network }).sandbox).toEqual(egress && { egress }),
);

test('a name of the settings starts the template behind it', () => {
  expect(expected({}).template).toBeUndefined();
  expect(expected({ templateID: 'v1' })).toMatchObject({ template: 'code-interpreter', life: { kind: 'v1' } });
  expect(() => expected({ templateID: 'other' })).toThrow('CORRAL_E2B_TEMPLATES has: base, v1');
});

test('a time that ends in a pause keeps the files where nothing can freeze, and the answer says so', () => {
  const without = (more: object, pause = 'auto') => ({
    abilities: { ...abilities, ...more },
    settings: { ...settings, pause },
  });
  const requested = { autoPause: true };
  const notice = (more: object, deps?: object) =>
    explainPauseDowngrade(life(more, deps), NewSandbox.parse({ templateID: 'base', ...more }));
  expect(life(requested, without({ freeze: false })).onEnd).toBe('pause-files');
  expect(notice(requested, without({ freeze: false }))).toContain('keeps the files');
  expect(notice(requested)).toBeUndefined();
  expect(notice({ ...requested, autoPauseMemory: false }, without({ freeze: false }))).toBeUndefined();
  expect(() => life(requested, without({ freeze: false }, 'memory'))).toThrow('CORRAL_E2B_PAUSE=files');
  expect(() => life(requested, without({ freeze: false, keepsFiles: false }))).toThrow('loses its files');
  expect(life({}, without({ freeze: false, keepsFiles: false })).onEnd).toBe('delete');
});

const resultOf = (result: Parameters<typeof formatResultLine>[0]) => JSON.parse(formatResultLine(result)) as object;

test('numbers of a kernel stay as it wrote them, and a result stays one line', () => {
  const data = {
    'application/vnd.corral.data+json': '{"price":[1.0,\n2.50,12345678901234567890]}',
    'application/vnd.corral.chart+json': '{"x":1e3}',
    'application/json': '{"broken":NaN}',
  };
  expect(formatResultLine({ isMain: true, data })).toBe(
    '{"type":"result","is_main_result":true,"data":{"price":[1.0, 2.50,12345678901234567890]},"chart":{"x":1e3}}',
  );
});

test('each form of a value has its name on the wire, and unknown ones are extra', () => {
  const named = {
    ...{ 'text/html': 'html', 'text/markdown': 'markdown', 'text/latex': 'latex', 'image/svg+xml': 'svg' },
    ...{ 'image/png': 'png', 'image/jpeg': 'jpeg', 'application/pdf': 'pdf', 'application/javascript': 'javascript' },
  };
  const data = { ...named, 'text/plain': "'a'", 'application/json': '{"b":1}', 'x/y': 'z' };
  expect(resultOf({ isMain: false, data })).toEqual({
    ...{ type: 'result', is_main_result: false, text: 'a', json: { b: 1 }, extra: { 'x/y': 'z' } },
    ...Object.fromEntries(Object.values(named).map((name) => [name, name])),
  });
});
test('a text loses its quotes if they are a pair', () => {
  const text = (words: string) => (resultOf({ isMain: true, data: { 'text/plain': words } }) as { text: string }).text;
  expect(["'a\nb'", '"a"', `'a"`, "'", 'a'].map(text)).toEqual(['a\nb', 'a', `'a"`, "'", 'a']);
});

test('a program behind a port sees no token, and its Host in the usual spelling', () => {
  const headers = { host: 'h', 'x-access-token': 't', 'e2b-traffic-access-token': 't', accept: 'a' };
  expect(createForwardedHeaders({ headers, port: 80 })).toEqual({ accept: 'a', Host: 'h', 'x-forwarded-host': 'h' });
});
