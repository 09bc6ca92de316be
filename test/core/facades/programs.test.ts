import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Device } from '../../../src/auth/sign-in/devices.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import type { Role } from '../../../src/core/model/principal.ts';
import { call } from '../../support/clients/call.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { type TokenIssuer, tokenIssuer } from '../../support/servers/token-issuer.ts';

// Programs without a person: tokens of trusted issuers, and the keys that people create for programs.

const token = 'the-token-of-these-tests';
const provider = 'http://127.0.0.1:9';
const audience = 'https://corral.example.com';
const hourMs = 3_600_000;
let stack: AsyncDisposableStack;
let issuer: TokenIssuer;
let stranger: TokenIssuer;
let server: ComposedServer;
let later = 0;
const now = () => systemClock.now() + later;

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  issuer = stack.use(await tokenIssuer(now));
  stranger = stack.use(await tokenIssuer(now));
  const settings = {
    CORRAL_TOKEN: token,
    CORRAL_OIDC_ISSUER: provider,
    CORRAL_OIDC_CLIENT_ID: 'corral',
    CORRAL_PROGRAMS_ISSUERS: issuer.url,
    CORRAL_PROGRAMS_AUDIENCE: audience,
    CORRAL_E2B_FACADE: 'on',
    CORRAL_MANAGED_AGENTS: 'on',
  };
  server = stack.use(await composedServer(settings, undefined, { clock: { ...systemClock, now } }));
});
afterAll(() => stack.disposeAsync());

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const ask = (path: string, headers: Record<string, string>, method = 'GET', body?: unknown) =>
  call(method, server.url + path, { headers, body });
const statusOf = async (secret: string) => (await ask('/api/v1/sessions', bearer(secret))).status;
const session = async (secret: string) =>
  (await ask('/api/v1/sessions', bearer(secret), 'PUT')).body.data.session_id as string;
const socket = async (secret: string) => {
  const { closed } = await openWebSocket(`${server.url.replace('http', 'ws')}/trpc`, { headers: bearer(secret) });
  return { closed: closed.then(({ code }) => code) };
};

describe('a token of a trusted issuer', () => {
  let count = 0;
  /** An account of a repository that no other test has, and the claims of its tokens. */
  async function account({ role = 'user', more = {} }: { role?: Role; more?: Record<string, string> } = {}) {
    const repository = `acme/app-${++count}`;
    const trust = { issuer: issuer.url, claims: { sub: `repo:${repository}:ref:refs/heads/**`, ...more } };
    const { body: json, status } = await ask('/api/v1/keys/trust', bearer(token), 'POST', {
      name: repository,
      role,
      trust,
    });
    expect(status).toBe(200);
    return {
      id: json.id as string,
      claims: { sub: `repo:${repository}:ref:refs/heads/main`, aud: audience },
      repository,
    };
  }

  test('works wherever a key works, for the account whose rule it fits', async () => {
    const { id, claims } = await account();
    const shown = await issuer.sign(claims);
    const sid = await session(shown);
    expect((await server.core.services.sessions.get(sid as never)).owner).toBe(id);
    const key = { 'x-api-key': shown };
    const doors: readonly (readonly [string, Record<string, string>])[] = [
      [`/api/v1/sessions/${sid}`, bearer(shown)],
      [`/api/v1/sessions/${sid}?token=${shown}`, {}],
      [`/trpc/sessions.get?input=${encodeURIComponent(JSON.stringify({ id: sid }))}`, bearer(shown)],
      ['/e2b/v2/sandboxes', key],
      ['/anthropic/v1/agents', key],
    ];
    for (const [path, headers] of doors) expect([path, (await ask(path, headers)).status]).toEqual([path, 200]);
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_sessions', arguments: {} } };
    const accept = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
    const { body: json } = await ask('/mcp', { ...bearer(shown), ...accept }, 'POST', call);
    expect(JSON.stringify(json)).toContain(sid);
    const events = await fetch(`${server.url}/api/v1/sessions/${sid}/events`, { headers: bearer(shown) });
    expect(events.status).toBe(200);
    await events.body?.cancel();
    using late = await openWebSocket(`${server.url.replace('http', 'ws')}/trpc?connectionParams=1`);
    late.ws.send(JSON.stringify({ method: 'connectionParams', data: { token: shown } }));
    late.ws.send(JSON.stringify({ id: 1, method: 'query', params: { path: 'sessions.get', input: { id: sid } } }));
    await expect.poll(() => JSON.stringify(late.frames[0] ?? '')).toContain(sid);
    expect(JSON.stringify(server.lines)).not.toContain(shown.split('.')[2]);
    const { keys } = (await ask('/api/v1/keys', bearer(token))).body as { keys: { id: string; lastUsedAt: string }[] };
    expect(keys.find((one) => one.id === id)?.lastUsedAt).not.toBeNull();
  });

  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const refused: readonly (readonly [string, (claims: { sub: string; aud: string }) => Promise<string>])[] = [
    ['for another server', (claims) => issuer.sign({ ...claims, aud: 'https://other.example.com' })],
    ['for several servers, none of them this one', (claims) => issuer.sign({ ...claims, aud: ['a', 'b'] })],
    ['without an audience', ({ sub }) => issuer.sign({ sub })],
    ['of another issuer', (claims) => stranger.sign(claims)],
    ['of another issuer that names the trusted one', (claims) => stranger.sign({ ...claims, iss: issuer.url })],
    ['with another subject', (claims) => issuer.sign({ ...claims, sub: 'repo:acme/other:ref:refs/heads/main' })],
    [
      'with a subject that only begins alike',
      (claims) => issuer.sign({ ...claims, sub: `${claims.sub.split(':ref')[0]}-x:ref:refs/heads/main` }),
    ],
    ['without a subject', ({ aud }) => issuer.sign({ aud })],
    ['that has expired', (claims) => issuer.sign({ ...claims, exp: Math.floor(now() / 1_000) - 60 })],
    ['that is not valid yet', (claims) => issuer.sign({ ...claims, nbf: Math.floor(now() / 1_000) + 120 })],
    ['that never expires', (claims) => issuer.sign({ ...claims, exp: undefined })],
    [
      'without a signature',
      async (claims) => `${part({ alg: 'none', kid: 'a' })}.${part({ ...claims, iss: issuer.url })}.`,
    ],
    [
      'with a symmetric algorithm',
      async (claims) => `${part({ alg: 'HS256', kid: 'a' })}.${part({ ...claims, iss: issuer.url })}.AAAA`,
    ],
    [
      'with the address of keys in its header',
      (claims) => stranger.sign({ ...claims, iss: issuer.url }, { jku: stranger.keys }),
    ],
    [
      'with a certificate address in its header',
      (claims) => stranger.sign({ ...claims, iss: issuer.url }, { x5u: stranger.keys }),
    ],
    ['whose key is an address', (claims) => stranger.sign({ ...claims, iss: issuer.url }, { kid: stranger.keys })],
    ['whose key is a path', (claims) => stranger.sign({ ...claims, iss: issuer.url }, { kid: '../../../dev/null' })],
    ['without a key', (claims) => issuer.sign(claims, { kid: '' })],
    ['of 20,000 characters', async () => `${'a'.repeat(9_990)}.${'b'.repeat(9_990)}.c`],
    ['that was changed', async (claims) => (await issuer.sign(claims)).replace(/.{8}$/, 'AAAAAAAA')],
  ];
  test.each(refused)('%s is refused', async (_, make) => {
    const shown = await make((await account()).claims);
    const [{ status }, asked] = [await ask('/trpc/sessions.list', bearer(shown)), stranger.requests.length];
    expect([[401, 431].includes(status), asked]).toEqual([true, 0]);
  });

  test('that fits two accounts is refused, as no rule decides which', async () => {
    const { claims } = await account();
    await server.core.keys.trust({ name: 'again', role: 'admin' }, { issuer: issuer.url, claims: { sub: claims.sub } });
    expect(await statusOf(await issuer.sign(claims))).toBe(401);
  });

  test.each([
    [{ ref: 'refs/heads/*' }, { ref: 'refs/heads/main' }, 200],
    [{ ref: 'refs/heads/*' }, { ref: 'refs/heads/a/b' }, 401],
    [{ ref: 'refs/heads/*' }, { ref: 'refs/tags/refs/heads/main' }, 401],
    [{ ref: 'main.' }, { ref: 'mainx' }, 401],
    [{ groups: 'deployers' }, { groups: ['people', 'deployers'] }, 200],
    [{ groups: 'deployers' }, { groups: ['people'] }, 401],
    [{ protected: 'true' }, { protected: true }, 200],
    [{ 'project.path': 'acme/*' }, { project: { path: 'acme/app' } }, 200],
    [{ toString: '**' }, {}, 401],
    [{ ref: '**' }, { ref: {} }, 401],
  ] as const)('whose rule needs %j has with %j the status %d', async (more, shown, status) => {
    const { claims } = await account({ more: more as Record<string, string> });
    expect(await statusOf(await issuer.sign({ ...claims, ...shown }))).toBe(status);
  });

  test('ends with its time, and with its account, in open sockets too', async () => {
    const { id, claims } = await account();
    const seconds = Math.floor(now() / 1_000);
    const [short, long] = [await issuer.sign({ ...claims, exp: seconds + 300 }), await issuer.sign(claims)];
    const [one, other] = [await socket(short), await socket(long)];
    later += 340_000;
    expect([await one.closed, await statusOf(short), await statusOf(long)]).toEqual([1008, 401, 200]);
    await ask(`/api/v1/keys/${id}`, bearer(token), 'DELETE');
    expect([await other.closed, await statusOf(long)]).toEqual([1008, 401]);
  });

  test('ends when the issuer withdraws its key; a new key is known at once', async () => {
    const { claims } = await account();
    const one = await socket(await issuer.sign(claims));
    await issuer.rotate();
    later += 5_000; // the pause between two reads of the keys
    expect(await statusOf(await issuer.sign(claims))).toBe(200);
    expect(await one.closed).toBe(1008);
  });

  test('works on for eight hours while the issuer does not answer; unknown keys cause no flood of requests', async () => {
    const { claims } = await account();
    const longLived = { ...claims, exp: Math.floor(now() / 1_000) + 24 * 3_600 };
    expect(await statusOf(await issuer.sign(claims))).toBe(200);
    later += 5_000;
    const before = issuer.requests.length;
    for (let unknown = 0; unknown < 20; unknown++)
      expect(await statusOf(await issuer.sign(claims, { kid: `unknown-${unknown}` }))).toBe(401);
    expect(issuer.requests.length - before).toBe(2); // its description and its keys, once
    issuer.isUp = false;
    later += 7 * hourMs;
    expect(await statusOf(await issuer.sign(longLived))).toBe(200);
    later += hourMs;
    expect(await statusOf(await issuer.sign({ ...longLived, jti: 'another' }))).toBe(503);
    issuer.isUp = true;
    later += 5_000;
    expect(await statusOf(await issuer.sign(longLived))).toBe(200);
  });

  test.each([
    ['an issuer that is not in the settings', { issuer: 'https://evil.example', claims: { sub: 'a' } }, 400],
    ['no claims', { issuer: 'trusted', claims: {} }, 422],
    ['wildcards alone', { issuer: 'trusted', claims: { sub: '**', ref: '*:*' } }, 422],
  ])('has no account with %s', async (_, rule, status) => {
    const trust = { ...rule, issuer: rule.issuer === 'trusted' ? issuer.url : rule.issuer };
    expect((await ask('/api/v1/keys/trust', bearer(token), 'POST', { name: 'x', role: 'user', trust })).status).toBe(
      status,
    );
  });
});

describe('a personal key', () => {
  let count = 0;
  const signIns = () => server.core.signIns ?? expect.unreachable();
  const meet = (subject: string, role: Role | null) => {
    const claims = { name: subject, email: null, isVerified: false, picture: null, groups: [] };
    return signIns().people.meet(provider, { subject, ...claims }, role);
  };
  /** A person who signed in with a command. */
  async function person(role: Role = 'user') {
    const subject = `person-${++count}`;
    const { id, key } = await meet(subject, role);
    const who = signIns().people.byId(id) ?? expect.unreachable();
    const device: Pick<Device, 'kind' | 'agent' | 'sid' | 'refreshes'> = {
      kind: 'browser',
      agent: '',
      sid: null,
      refreshes: false,
    };
    const { device: browser } = await signIns().devices.enter(who, { ...device, seal: () => null });
    const command = { ...device, kind: 'command', parent: browser.id, seal: () => null } as const;
    const { secret } = await signIns().devices.enter(who, command);
    const make = (body: object = {}) =>
      ask('/api/v1/people/me/keys', bearer(secret), 'POST', { name: 'nightly', ...body });
    const keyOf = async (body?: object) => (await make(body)).body as { key: string; view: { id: string; role: Role } };
    return { id, key, subject, secret, make, keyOf };
  }
  const disable = (id: string, disabled: boolean) => ask(`/api/v1/people/${id}`, bearer(token), 'PATCH', { disabled });

  test('has the sessions and at most the rights of its person, and is listed for the person alone', async () => {
    const [ada, other] = [await person(), await person()];
    const { key, view } = await ada.keyOf();
    const sid = await session(ada.secret);
    const read = async (secret: string) => (await ask(`/api/v1/sessions/${sid}`, bearer(secret))).status;
    expect([view.role, await read(key), await read((await other.keyOf()).key)]).toEqual(['user', 200, 404]);
    const { key: weak } = await ada.keyOf({ role: 'viewer' });
    expect([await read(weak), (await ask('/api/v1/sessions', bearer(weak), 'PUT')).status]).toEqual([200, 403]);
    expect((await ada.make({ role: 'admin' })).status).toBe(403);
    expect((await ada.make({ lifeDays: 1_000 })).status).toBe(422);
    const list = async (secret: string) =>
      (await ask('/api/v1/people/me/keys', bearer(secret))).body.keys as { id: string }[];
    expect((await list(ada.secret)).map(({ id }) => id)).toContain(view.id);
    expect((await list(other.secret)).map(({ id }) => id)).not.toContain(view.id);
    await ask(`/api/v1/people/me/keys/${view.id}`, bearer(other.secret), 'DELETE');
    expect(await read(key)).toBe(200);
    await ask(`/api/v1/people/me/keys/${view.id}`, bearer(ada.secret), 'DELETE');
    expect(await read(key)).toBe(401);
  });

  test('makes no key, and neither does a program', async () => {
    const { key } = await (await person()).keyOf();
    expect((await ask('/api/v1/people/me/devices', bearer(key))).body).toEqual({ devices: [] });
    expect((await ask('/api/v1/people/me/keys', bearer(key))).body).toEqual({ keys: [] });
    for (const secret of [key, token, (await server.core.keys.create({ name: 'k', role: 'admin' })).key])
      expect((await ask('/api/v1/people/me/keys', bearer(secret), 'POST', { name: 'x' })).status).toBe(403);
  });

  test('ends with the access of its person, in open sockets too, and is back with it', async () => {
    const ada = await person('operator');
    const { key } = await ada.keyOf();
    const one = await socket(key);
    await disable(ada.key, true);
    expect([await one.closed, await statusOf(key)]).toEqual([1008, 401]);
    await disable(ada.key, false);
    expect(await statusOf(key)).toBe(200);
    const two = await socket(key);
    await meet(ada.subject, 'viewer');
    expect(await two.closed).toBe(1008);
    expect((await ask('/api/v1/sessions', bearer(key), 'PUT')).status).toBe(403); // a viewer's key now
    await meet(ada.subject, null);
    expect(await statusOf(key)).toBe(401);
  });

  test('of one project works there alone, and ends when its person leaves the project', async () => {
    const [ada, { key: boss }] = [await person(), await server.core.keys.create({ name: 'boss', role: 'user' })];
    const { id } = (await ask('/api/v1/projects', bearer(boss), 'POST', { name: 'Website' })).body as { id: string };
    expect((await ada.make({ project: id })).status).toBe(404);
    await ask(`/api/v1/projects/${id}/members`, bearer(boss), 'PUT', { member: ada.key, role: 'member' });
    const { key, view } = await ada.keyOf({ project: id });
    const [inside, outside] = [await session(key), await session(ada.secret)];
    expect(await server.core.services.sessions.get(inside as never)).toMatchObject({ projectId: id, owner: view.id });
    expect((await ask(`/api/v1/sessions/${outside}`, bearer(key))).status).toBe(404);
    const one = await socket(key);
    await ask(`/api/v1/projects/${id}/members/${ada.key}`, bearer(boss), 'DELETE');
    expect([await one.closed, await statusOf(key), await statusOf(ada.secret)]).toEqual([1008, 401, 200]);
  });

  test('pauses once the provider no longer confirms the person, or after the hours of a session', async () => {
    const ada = await person();
    const { key } = await ada.keyOf();
    const one = await socket(key);
    await signIns().people.lapse(ada.id);
    expect([await one.closed, await statusOf(key)]).toEqual([1008, 401]);
    await meet(ada.subject, 'user');
    expect(await statusOf(key)).toBe(200);
    later += 168 * hourMs;
    expect(await statusOf(key)).toBe(401);
    await meet(ada.subject, 'user');
    expect(await statusOf(key)).toBe(200);
  });
});

describe('a project', () => {
  const owner = async () => (await server.core.keys.create({ name: 'owner', role: 'user' })).key;
  const project = async (secret: string) =>
    (await ask('/api/v1/projects', bearer(secret), 'POST', { name: 'Website' })).body.id as string;
  const add = async (secret: string, id: string, member: string, role: string) =>
    (await ask(`/api/v1/projects/${id}/members`, bearer(secret), 'PUT', { member, role })).status;
  const account = (secret: string, id: string, body: object = {}) =>
    ask(`/api/v1/projects/${id}/accounts`, bearer(secret), 'POST', { name: 'ci', ...body });

  test('has service accounts that maintainers make, and that work in it alone', async () => {
    const [ada, mallory] = [await owner(), await owner()];
    const [id, another] = [await project(ada), await project(ada)];
    const { key: member, view } = await server.core.keys.create({ name: 'member', role: 'user' });
    await add(ada, id, view.id, 'member');
    expect([(await account(member, id)).status, (await account(mallory, id)).status]).toEqual([403, 404]);
    const { key, view: made } = (await account(ada, id)).body as { key: string; view: { id: string } };
    const [own, shared] = [await session(key), await session(member)];
    expect(await server.core.services.sessions.get(own as never)).toMatchObject({ projectId: id, owner: made.id });
    const read = async (secret: string, sid: string) => (await ask(`/api/v1/sessions/${sid}`, bearer(secret))).status;
    expect([await read(ada, own), await read(member, own), await read(mallory, own)]).toEqual([200, 200, 404]);
    expect(await read(key, shared)).toBe(404); // of the member, in no project
    expect((await ask(`/api/v1/projects/${another}`, bearer(key))).status).toBe(404);
    const manages = [await account(key, id), await ask(`/api/v1/projects/${id}/accounts`, bearer(key))];
    expect(manages.map(({ status }) => status)).toEqual([403, 403]);
    expect([
      await add(key, id, view.id, 'maintainer'),
      (await account(ada, id, { role: 'maintainer' })).status,
    ]).toEqual([403, 422]);
    const viewer = (await account(ada, id, { role: 'viewer' })).body.key as string;
    expect([await read(viewer, own), (await ask('/api/v1/sessions', bearer(viewer), 'PUT')).status]).toEqual([
      200, 403,
    ]);
    const one = await socket(key);
    await ask(`/api/v1/projects/${another}/accounts/${made.id}`, bearer(ada), 'DELETE');
    expect(await statusOf(key)).toBe(200);
    await ask(`/api/v1/projects/${id}/accounts/${made.id}`, bearer(ada), 'DELETE');
    expect([await one.closed, await statusOf(key), await read(ada, own)]).toEqual([1008, 401, 200]);
    await ask(`/api/v1/projects/${id}`, bearer(ada), 'DELETE');
    expect(await statusOf(viewer)).toBe(401);
  });

  test('can have an account for which tokens stand', async () => {
    const ada = await owner();
    const id = await project(ada);
    const trust = { issuer: issuer.url, claims: { sub: 'project:website' } };
    const { body: json } = await account(ada, id, { trust });
    expect(json).toMatchObject({ key: null, view: { project: { id, role: 'member' }, trust } });
    const shown = { sub: 'project:website', aud: `${audience}/projects/${id}` };
    expect(await statusOf(await issuer.sign({ ...shown, aud: audience }))).toBe(401);
    await account(ada, await project(ada), { trust }); // a matching rule of another project
    const sid = await session(await issuer.sign(shown));
    expect(await server.core.services.sessions.get(sid as never)).toMatchObject({ projectId: id });
  });
});
