import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { ProxyAuthenticator } from '../../../src/http/guard/identity-proxy.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { type TokenIssuer, tokenIssuer } from '../../support/servers/token-issuer.ts';

// People whom a proxy names. The proxy of these tests has an address of its own on this machine.

const proxy = '127.0.0.9';
const stranger = '127.0.0.1';
const token = 'the-token-of-these-tests';
const rules = {
  CORRAL_TOKEN: token,
  CORRAL_TRUSTED_PROXIES: proxy,
  CORRAL_IDENTITY_PROXY_ROLES: '{"people":"user","chiefs":"admin"}',
  CORRAL_IDENTITY_PROXY_ALLOWED_DOMAINS: 'example.com',
};
const byHeaders = {
  CORRAL_IDENTITY_PROXY_SUBJECT_HEADER: 'X-Auth-Request-User',
  CORRAL_IDENTITY_PROXY_EMAIL_HEADER: 'X-Auth-Request-Email',
  CORRAL_IDENTITY_PROXY_NAME_HEADER: 'X-Auth-Request-Preferred-Username',
  CORRAL_IDENTITY_PROXY_GROUPS_HEADER: 'X-Auth-Request-Groups',
};
let later = 0;
const clock = { ...systemClock, now: () => systemClock.now() + later };
let stack: AsyncDisposableStack;
let server: ComposedServer;
let issuer: TokenIssuer;
let signed: ComposedServer;

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  issuer = stack.use(await tokenIssuer());
  server = stack.use(await composedServer({ ...rules, ...byHeaders }));
  const tokens = {
    CORRAL_IDENTITY_PROXY_TOKEN_HEADER: 'X-Pomerium-Jwt-Assertion',
    CORRAL_IDENTITY_PROXY_TOKEN_KEYS: issuer.keys,
    CORRAL_IDENTITY_PROXY_TOKEN_AUDIENCE: 'corral.example.com',
    CORRAL_IDENTITY_PROXY_TOKEN_ISSUER: issuer.url,
  };
  signed = stack.use(await composedServer({ ...rules, ...byHeaders, ...tokens }, undefined, { clock }));
});
afterAll(() => stack.disposeAsync());

type Headers = Record<string, string | string[]>;
interface RequestOptions {
  readonly from?: string;
  readonly method?: string;
  readonly to?: ComposedServer;
  readonly body?: string;
}
async function ask(
  path: string,
  headers: Headers,
  { from = proxy, method = 'GET', to = server, body }: RequestOptions = {},
) {
  const sent = httpRequest(to.url + path, { method, headers, localAddress: from }).end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, text: await text(answer) };
}
let count = 0;
const newcomer = (groups = 'people'): Record<string, string> => {
  const subject = `person-${++count}`;
  return {
    'x-auth-request-user': subject,
    'x-auth-request-email': `${subject}@example.com`,
    'x-auth-request-preferred-username': Buffer.from('Zoë').toString('latin1'),
    'x-auth-request-groups': groups,
  };
};
const me = async (headers: Headers, sent: RequestOptions = {}) => {
  const { status, text: shown } = await ask('/api/v1/people/me', headers, sent);
  return status === 200 ? (JSON.parse(shown) as object) : status;
};
const create = (headers: Headers, sent: RequestOptions = {}) =>
  ask('/api/v1/sessions', headers, { method: 'PUT', ...sent });
const root = { authorization: `Bearer ${token}` };

test('the person whom the proxy names works with the role of its groups, and owns what it makes', async () => {
  const [ada, other] = [newcomer('strangers, people'), newcomer()];
  expect(await me(ada)).toMatchObject({ name: 'Zoë', email: ada['x-auth-request-email'], role: 'user' });
  const { text: made } = await create({ ...ada, origin: server.url });
  const { session_id: sid } = (JSON.parse(made) as { data: { session_id: string } }).data;
  const read = async (who: Headers) => (await ask(`/api/v1/sessions/${sid}`, who)).status;
  expect([await read(ada), await read(other)]).toEqual([200, 404]);
  const { people } = JSON.parse((await ask('/api/v1/people', root)).text) as { people: { subject: string }[] };
  expect(people.filter(({ subject }) => subject === ada['x-auth-request-user'])).toMatchObject([
    { issuer: 'identity-proxy', groups: ['strangers', 'people'] },
  ]);
});

describe('nobody is in', () => {
  const ways: readonly (readonly [string, number, (ada: Record<string, string>) => Headers, RequestOptions])[] = [
    ['whom another peer names', 401, (ada) => ada, { from: stranger }],
    [
      'whom a peer names that claims to be the proxy',
      401,
      (ada) => ({ ...ada, 'x-forwarded-for': proxy }),
      { from: stranger },
    ],
    ['who is named twice', 400, (ada) => ({ ...ada, 'x-auth-request-user': ['root', 'ada'] }), {}],
    ['whose groups are named twice', 400, (ada) => ({ ...ada, 'X-Auth-Request-Groups': ['people', 'chiefs'] }), {}],
    ['without a subject', 401, ({ 'x-auth-request-user': _, ...ada }) => ada, {}],
    ['with an empty subject', 401, (ada) => ({ ...ada, 'x-auth-request-user': '' }), {}],
    ['with a subject of 300 characters', 401, (ada) => ({ ...ada, 'x-auth-request-user': 'a'.repeat(300) }), {}],
    ['without a group that has a role', 401, (ada) => ({ ...ada, 'x-auth-request-groups': 'strangers' }), {}],
    ['of another domain', 401, (ada) => ({ ...ada, 'x-auth-request-email': 'a@evil.example' }), {}],
    ['in a request of another page', 401, (ada) => ({ ...ada, 'sec-fetch-site': 'cross-site' }), {}],
    ['next to a wrong key', 401, (ada) => ({ ...ada, authorization: 'Bearer wrong' }), {}],
    ['by a header with underscores', 401, (ada) => ({ x_auth_request_user: ada['x-auth-request-user'] ?? '' }), {}],
  ];
  test.each(ways)('%s (%d)', async (_, status, headers, sent) => {
    expect(await me(headers(newcomer()), sent)).toBe(status);
  });
  test('who changes something from no page, or from another one', async () => {
    const ada = newcomer();
    expect((await create(ada)).status).toBe(401);
    expect((await create({ ...ada, origin: 'http://evil.example' })).status).toBe(403);
    expect((await create({ ...ada, origin: server.url })).status).toBe(200);
  });
});

const socket = (headers: Record<string, string>, from = proxy) => {
  const shown = { headers: { origin: server.url, ...headers }, localAddress: from };
  return openWebSocket(`${server.url.replace('http', 'ws')}/trpc`, shown);
};

test('a socket ends with the role or the access of the person, and opens for no forged header', async () => {
  const ada = newcomer();
  await expect(socket(ada, stranger)).rejects.toMatchObject({ status: 401 });
  const one = await socket(ada);
  expect(await me({ ...ada, 'x-auth-request-groups': 'chiefs' })).toMatchObject({ role: 'admin' });
  expect((await one.closed).code).toBe(1008);
  const two = await socket({ ...ada, 'x-auth-request-groups': 'chiefs' });
  const { person: id } = (await me({ ...ada, 'x-auth-request-groups': 'chiefs' })) as { person: string };
  const headers = { ...root, 'content-type': 'application/json' };
  await ask(`/api/v1/people/${id}`, headers, { method: 'PATCH', body: '{"disabled":true}' });
  expect([(await two.closed).code, await me(ada)]).toEqual([1008, 401]);
  const bea = newcomer();
  const three = await socket(bea);
  expect(await me({ ...bea, 'x-auth-request-groups': '' })).toBe(401);
  expect((await three.closed).code).toBe(1008);
});

test('the headers are taken from every request, so neither programs nor the log get them', async () => {
  const ada = { ...newcomer(), 'x-auth-request-groups': 'people,the-secret-group' };
  await me(ada);
  await me(ada, { from: stranger });
  expect(JSON.stringify(server.lines)).not.toContain('the-secret-group');
  const headers: IncomingMessage['headers'] = { ...ada, accept: '*/*' };
  const forged = { headers, rawHeaders: [], socket: { remoteAddress: stranger } } as unknown as IncomingMessage;
  const names = { subject: 'X-Auth-Request-User', email: 'x-auth-request-email', groups: 'x-auth-request-groups' };
  const more = { name: 'x-auth-request-preferred-username' };
  new ProxyAuthenticator({ headers: { ...names, ...more }, clients: { isProxy: () => false } } as never).rewrite(
    forged,
  );
  expect(headers).toEqual({ accept: '*/*' });
});

describe('a signed token of the proxy', () => {
  const claims = (more: object = {}) => {
    const sub = `person-${++count}`;
    return { sub, email: `${sub}@example.com`, groups: ['people'], aud: 'corral.example.com', ...more };
  };
  const show = async (assertion: string, more: Headers = {}) =>
    await me({ 'x-pomerium-jwt-assertion': assertion, ...more }, { to: signed });

  test('names the person, also after the proxy has another key; other headers do not count', async () => {
    const ada = claims();
    expect(await show(await issuer.sign(ada))).toMatchObject({ email: ada.email, role: 'user' });
    expect(await me(newcomer(), { to: signed })).toBe(401);
    const chief = { 'x-auth-request-groups': 'chiefs' };
    await issuer.rotate();
    later += 5_000; // the pause between two reads of the keys
    expect(await show(await issuer.sign(ada), chief)).toMatchObject({ role: 'user' });
  });
  test.each<readonly [string, () => Promise<string>]>([
    ['for another server', () => issuer.sign(claims({ aud: 'other.example.com' }))],
    ['of another issuer', () => issuer.sign(claims({ iss: 'https://evil.example' }))],
    ['that has expired', () => issuer.sign(claims({ exp: 1_000 }))],
    ['without a subject', () => issuer.sign(claims({ sub: undefined }))],
    ['with an e-mail address that is not verified', () => issuer.sign(claims({ email_verified: false }))],
    ['without a signature', async () => `${btoa('{"alg":"none","kid":"a"}')}.${btoa(JSON.stringify(claims()))}.`],
    ['that is none', async () => 'ada'],
  ])('%s names nobody', async (_, make) => expect(await show(await make())).toBe(401));
});

test.each([
  ['without trusted proxies', byHeaders, 'CORRAL_TRUSTED_PROXIES'],
  [
    'with tokens, but no keys for them',
    { CORRAL_TRUSTED_PROXIES: proxy, CORRAL_IDENTITY_PROXY_TOKEN_HEADER: 'x-a' },
    'CORRAL_IDENTITY_PROXY_TOKEN_KEYS',
  ],
])('the server does not start with a proxy that names people %s', (_, settings, text) => {
  expect(() => loadConfig(settings as Record<string, string>, '')).toThrow(text);
});
