import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { runCommand } from '../../support/clients/cli.ts';
import { Visitor } from '../../support/clients/visitor.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { type IdentityProvider, identityProvider } from '../../support/servers/identity-provider.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { tested } from './sign-in-provider.ts';

// People who sign in with a real OpenID provider, as browsers do: with cookies, redirects and origins.

const token = 'the-token-of-these-tests';
const hourMs = 3_600_000;
let stack: AsyncDisposableStack;
let provider: IdentityProvider;
let second: IdentityProvider;
let server: ComposedServer;
let later = 0;

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  const page = `http://127.0.0.1:${await freePort()}`;
  const backchannel = `${page}/sign-in/main/backchannel`;
  provider = stack.use(await tested.open(`${page}/sign-in/main/callback`, backchannel));
  second = stack.use(await identityProvider(`${page}/sign-in/second/callback`));
  const client = { 'client-id': 'corral', 'client-secret': 'the-secret-of-corral' };
  server = stack.use(
    await composedServer(
      {
        PORT: new URL(page).port,
        CORRAL_TOKEN: token,
        CORRAL_OIDC_ISSUER: provider.issuer,
        CORRAL_OIDC_CLIENT_ID: client['client-id'],
        CORRAL_OIDC_CLIENT_SECRET: client['client-secret'],
        CORRAL_OIDC_SCOPES: 'openid,profile,email,groups',
        CORRAL_OIDC_ROLES: '{"people":"user","chiefs":"admin"}',
        CORRAL_OIDC_CHECK_SECONDS: '1',
        CORRAL_OIDC_SESSION_HOURS: '30',
        CORRAL_OIDC_OTHERS: JSON.stringify({ second: { issuer: second.issuer, ...client, roles: { '*': 'viewer' } } }),
      },
      undefined,
      { clock: { ...systemClock, now: () => systemClock.now() + later } },
    ),
  );
});
afterAll(() => stack.disposeAsync());
afterEach(() => {
  for (const it of [provider, second]) Object.assign(it, { isUp: true, user: 'ada' });
});

test('the settings of the how-to sign a person in', async () => {
  const document = readFileSync('docs/how-to/sign-in-with-a-provider.md', 'utf8');
  const settings = Object.fromEntries(
    [...document.matchAll(/^ {4}(CORRAL_OIDC_\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  const page = `http://127.0.0.1:${await freePort()}`;
  await using third = await identityProvider(`${page}/sign-in/main/callback`);
  const port = { PORT: new URL(page).port, CORRAL_TOKEN: token };
  await using documented = await composedServer({ ...settings, ...port, CORRAL_OIDC_ISSUER: third.issuer });
  const ada = { name: 'Ada', email: 'ada@example.com', email_verified: true, groups: ['platform'] };
  third.accounts.set('ada', ada);
  const browser = new Visitor(documented.url);
  expect(await browser.signIn()).toBe(`${documented.url}/`);
  expect(await browser.ask('people.me')).toMatchObject({ name: 'Ada', role: 'admin' });
});

let count = 0;
/** A person of the provider that no other test uses. */
function newcomer(groups: readonly string[] = ['people'], of = provider): string {
  const name = `person-${++count}`;
  of.accounts.set(name, { name, email: `${name}@example.com`, email_verified: true, groups });
  of.user = name;
  return name;
}
async function signedIn(groups?: readonly string[]): Promise<{ browser: Visitor; name: string }> {
  const browser = new Visitor(server.url);
  const name = newcomer(groups);
  expect(await browser.signIn()).toBe(`${server.url}/`);
  return { browser, name };
}
const admin = { authorization: `Bearer ${token}` };
const root = () => new Visitor(server.url);
const personOf = async (name: string, of = provider) => {
  const { people } = (await root().ask('people.list', undefined, admin)) as {
    people: { id: string; owner: string; subject: string; issuer: string }[];
  };
  return people.find(({ subject, issuer }) => subject === name && issuer === of.issuer);
};
const isIn = async (browser: Visitor) => (await browser.ask('people.me')) !== 401;
/** The person's socket, once it is open. */
const opened = async (browser: Visitor) => {
  const socket = browser.socket('/trpc');
  await new Promise((resolve) => socket.once('open', resolve));
  return { closed: new Promise((resolve) => socket.once('close', resolve)) };
};
const session = async (browser: Visitor, headers = {}) => {
  const { text } = await browser.go('/api/v1/sessions', { method: 'PUT', headers });
  return (JSON.parse(text) as { data: { session_id: string } }).data.session_id;
};

test('a person signs in, works, and signs out at the provider too', async () => {
  const browser = new Visitor(server.url);
  const name = newcomer();
  expect(await isIn(browser)).toBe(false);
  expect(await browser.signIn('main', '/?a=1#b')).toBe(`${server.url}/?a=1#b`);
  expect(await browser.ask('people.me')).toEqual({
    ...{ person: (await personOf(name))?.id, name, email: `${name}@example.com`, role: 'user' },
  });
  const sid = await session(browser);
  expect((await browser.go(`/api/v1/sessions/${sid}`)).status).toBe(200);
  const { closed } = await opened(browser);
  const { text } = await browser.go('/sign-in/end', { method: 'POST' });
  expect(await closed).toBe(1008);
  expect(await isIn(browser)).toBe(false);
  const { location } = JSON.parse(text) as { location: string | null };
  expect(location?.startsWith(`${provider.issuer}/session/end?`)).toBe(tested.endsSessions || undefined);
  if (location !== null) expect((await browser.go(location)).text).toContain('name="xsrf"');
});

test('people of two providers are different people, each with the rules of its own provider', async () => {
  const name = newcomer(['chiefs'], second);
  const browser = new Visitor(server.url);
  await browser.signIn('second');
  expect(await browser.ask('people.me')).toMatchObject({ name, role: 'viewer' });
  newcomer();
  provider.user = name;
  provider.accounts.set(name, { groups: ['people'] });
  const other = new Visitor(server.url);
  await other.signIn();
  expect((await personOf(name))?.owner).not.toBe((await personOf(name, second))?.owner);
});

/** Signs in up to the provider's answer, whose address the test can change. */
async function halfway(browser = new Visitor(server.url), change: (url: string) => string = (url) => url) {
  newcomer();
  const { location = '' } = await browser.go('/sign-in/main');
  const visited = await browser.follow(change(location), (url) => url.includes('/callback'));
  return { browser, answer: visited.at(-1) ?? '' };
}
const changed = (url: string, name: string, value: string) => {
  const to = new URL(url);
  to.searchParams.set(name, value);
  return to.href;
};

const challenge = 'a'.repeat(43);

describe('nobody is signed in', () => {
  type Begun = Awaited<ReturnType<typeof halfway>>;
  const ofAnswer = (change: (answer: string) => string) => async (): Promise<Begun> => {
    const { browser, answer } = await halfway();
    return { browser, answer: change(answer) };
  };
  const refused: readonly (readonly [string, string, () => Promise<Begun>])[] = [
    ['with another nonce', 'failed', () => halfway(undefined, (url) => changed(url, 'nonce', 'another'))],
    ['with another challenge', 'failed', () => halfway(undefined, (url) => changed(url, 'code_challenge', challenge))],
    ['by an answer for another state', 'stale', ofAnswer((answer) => changed(answer, 'state', 'another'))],
    ['by a state of 12,000 characters', 'stale', ofAnswer((answer) => changed(answer, 'state', 'x'.repeat(12_000)))],
    ['by an answer with the name of another issuer', 'failed', ofAnswer((url) => changed(url, 'iss', second.issuer))],
    ['by an answer sent to another provider’s address', 'stale', ofAnswer((url) => url.replace('/main/', '/second/'))],
    [
      'by an answer that another browser got',
      'stale',
      async () => ({ ...(await halfway()), browser: new Visitor(server.url) }),
    ],
    [
      'by a code that was used',
      'failed',
      async () => {
        const { browser, answer } = await halfway();
        const thief = browser.clone();
        await browser.go(answer);
        return { browser: thief, answer };
      },
    ],
    [
      'by a beginning that was changed',
      'stale',
      async () => {
        const { browser, answer } = await halfway();
        const jar = browser.jar.get(server.url);
        jar?.set('corral_login', `${jar.get('corral_login')?.slice(0, -8)}AAAAAAAA`);
        return { browser, answer };
      },
    ],
    [
      'who refuses at the provider',
      'denied',
      async () => {
        const browser = new Visitor(server.url);
        provider.user = undefined;
        const visited = await browser.follow('/sign-in/main', (url) => url.includes('/callback'));
        return { browser, answer: visited.at(-1) ?? '' };
      },
    ],
    [
      'without a group that has a role',
      'not-admitted',
      async () => {
        const begun = await halfway();
        provider.accounts.set(provider.user ?? '', { groups: ['strangers'] });
        return begun;
      },
    ],
  ];
  test.each(refused)('%s', async (_, reason, begin) => {
    const { browser, answer } = await begin();
    const { status, location, cookies } = await browser.go(answer);
    expect([status, location]).toEqual([303, `/?sign-in=${reason}`]);
    expect(cookies.filter((line) => line.startsWith('corral_session'))).toEqual([]);
    expect(await isIn(browser)).toBe(false);
  });
});

test('a page of another site leads nowhere else', async () => {
  const browser = new Visitor(server.url);
  newcomer();
  expect(await browser.signIn('main', '//evil.example/')).toBe(`${server.url}/`);
});

test('a sign-in replaces the session that the browser had, so none can be planted', async () => {
  const { browser: attacker } = await signedIn();
  const victim = attacker.clone();
  newcomer();
  victim.jar.delete(provider.issuer);
  await victim.signIn();
  expect(victim.cookiesOf(server.url)).not.toBe(attacker.cookiesOf(server.url));
  expect([await isIn(victim), await isIn(attacker)]).toEqual([true, false]);
});

test('a new key of the provider is known at once', async () => {
  await signedIn();
  await provider.rotateKeys();
  await signedIn();
});

describe('the cookie counts in requests of the own page alone', () => {
  const evil = 'http://evil.example';
  const ways: readonly (readonly [string, string, Record<string, string>, number])[] = [
    ['GET', '/trpc/people.me', {}, 200],
    ['GET', '/api/v1/people/me', { origin: evil }, 401],
    ['GET', '/api/v1/people/me', { 'sec-fetch-site': 'cross-site' }, 401],
    ['GET', '/api/v1/people/me', { 'sec-fetch-site': 'same-site' }, 401],
    ['GET', '/trpc/people.me', { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' }, 401],
    ['GET', '/trpc/people.me', { authorization: 'Bearer wrong' }, 401],
    ['PUT', '/api/v1/sessions', {}, 200],
    ['PUT', '/api/v1/sessions', { origin: evil }, 403],
    ['PUT', '/api/v1/sessions', { origin: 'null' }, 403],
    ['PUT', '/api/v1/sessions', { origin: '' }, 403],
    ['GET', '/trpc/people.me', { host: 'evil.example' }, 403],
  ];
  test.each(ways)('%s %s with %j is answered with %d', async (method, path, headers, status) => {
    const { browser } = await signedIn();
    expect((await browser.go(path, { method, headers })).status).toBe(status);
  });

  test('a change without an origin, and a socket of another page, are refused', async () => {
    const { browser } = await signedIn();
    const cookie = browser.cookiesOf(server.url);
    const put = await fetch(`${server.url}/api/v1/sessions`, { method: 'PUT', headers: { cookie } });
    expect(put.status).toBe(401);
    const socket = browser.socket('/trpc', { origin: evil });
    const status = await new Promise((resolve) =>
      socket.on('unexpected-response', (_, answer) => resolve(answer.statusCode)).on('error', () => {}),
    );
    expect(status).toBe(403);
  });

  test('its secret is no bearer token, and no token of another form is a cookie', async () => {
    const { browser } = await signedIn();
    const secret = browser.jar.get(server.url)?.get('corral_session') ?? '';
    expect(await root().ask('people.me', undefined, { authorization: `Bearer ${secret}` })).toBe(401);
    const { key } = await server.core.keys.create({ name: 'k', role: 'admin' });
    for (const value of [
      key,
      token,
      `${secret}; corral_session=${secret}`,
      `${secret.slice(0, -1)}~`,
      'x'.repeat(9_000),
    ]) {
      browser.jar.get(server.url)?.set('corral_session', value);
      expect(await isIn(browser)).toBe(false);
    }
  });
});

test('a new group changes the role, and ends the streams with the role before', async () => {
  const { browser, name } = await signedIn();
  const { closed } = await opened(browser);
  provider.accounts.set(name, { groups: ['chiefs'] });
  expect(await closed).toBe(1008);
  expect(await browser.ask('people.me')).toMatchObject({ role: 'admin' });
});

test("the sessions of a key go to a person by an administrator's word alone, whatever the address", async () => {
  const { view, key } = await server.core.keys.create({ name: 'person@example.com', role: 'user' });
  const sid = await session(root(), { authorization: `Bearer ${key}` });
  const { browser, name } = await signedIn();
  const read = async (one: Visitor) => (await one.go(`/api/v1/sessions/${sid}`)).status;
  expect(await read(browser)).toBe(404);
  const id = (await personOf(name))?.id;
  expect(await browser.ask('people.change', { id, ownerOf: view.id })).toBe(403);
  expect(await root().ask('people.change', { id, ownerOf: view.id }, admin)).toMatchObject({ owner: view.owner });
  expect(await read(browser)).toBe(200);
  const { name: other } = await signedIn();
  const again = { id: (await personOf(other))?.id, ownerOf: view.id };
  expect(await root().ask('people.change', again, admin)).toBe(409);
});

test('an e-mail address names a member whether or not somebody has signed in with it, and only where it is verified', async () => {
  const { id } = (await root().ask('projects.create', { name: 'Website' }, admin)) as { id: string };
  const { browser, name } = await signedIn();
  const unverified = newcomer();
  provider.accounts.set(unverified, { name: unverified, email: 'victim@example.com', groups: ['people'] });
  const thief = new Visitor(server.url);
  await thief.signIn();
  const addresses = [`${name}@example.com`, 'victim@example.com', 'later@example.com'];
  const role = 'member';
  for (const address of addresses) {
    const added = await root().ask('projects.putMember', { id, member: address.toUpperCase(), role }, admin);
    expect(added).toEqual({ of: 'person', id: address, name: address, issuer: null, role });
    expect(await root().ask('projects.handOver', { id, to: address }, admin)).toBe(404);
  }
  const later = newcomer();
  provider.accounts.set(later, { email: 'Later@example.com', email_verified: true, groups: ['people'] });
  const late = new Visitor(server.url);
  await late.signIn();
  const sees = async (one: Visitor) => (await one.go(`/trpc/projects.get?input={"id":"${id}"}`)).status;
  expect([await sees(browser), await sees(thief), await sees(late)]).toEqual([200, 404, 200]);
  const left = await late.go(`/api/v1/projects/${id}/members/LATER@example.com`, { method: 'DELETE' });
  expect([left.status, await sees(late), await sees(browser)]).toEqual([200, 404, 200]);
});

describe('a command', () => {
  const verifier = 'a'.repeat(43);
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const allow = async (browser: Visitor) =>
    ((await browser.ask('people.allowCommand', { challenge, agent: 'corral on laptop' })) as { code: string }).code;
  const exchange = (body: object) => root().go('/sign-in/token', { method: 'POST', body: JSON.stringify(body) });
  const tokenOf = async (browser: Visitor) =>
    (JSON.parse((await exchange({ code: await allow(browser), verifier })).text) as { token: string }).token;
  const isKnown = async (secret: string) =>
    (await root().ask('people.me', undefined, { authorization: `Bearer ${secret}` })) !== 401;

  test('that a person allows acts for the person, until the person signs out of the browser', async () => {
    const { browser, name } = await signedIn();
    const secret = await tokenOf(browser);
    const headers = { authorization: `Bearer ${secret}` };
    expect(await root().ask('people.me', undefined, headers)).toMatchObject({ name, role: 'user' });
    const { devices } = (await browser.ask('people.devices')) as { devices: { kind: string }[] };
    expect(devices.map(({ kind }) => kind).sort()).toEqual(['browser', 'command']);
    browser.jar.get(server.url)?.set('corral_session', secret);
    expect(await isIn(browser)).toBe(false); // its token is no cookie
    const { devices: all } = (await root().ask('people.devices', undefined, headers)) as { devices: { id: string }[] };
    for (const { id } of all) await root().ask('people.endDevice', { id }, headers);
    expect(await isKnown(secret)).toBe(false);
  });

  test('loses access with the browser, and by its own logout', async () => {
    const { browser } = await signedIn();
    const [one, other] = [await tokenOf(browser), await tokenOf(browser)];
    await root().go('/sign-in/end', { method: 'POST', headers: { authorization: `Bearer ${one}` } });
    expect([await isKnown(one), await isKnown(other), await isIn(browser)]).toEqual([false, true, true]);
    await browser.go('/sign-in/end', { method: 'POST' });
    expect(await isKnown(other)).toBe(false);
  });

  test('gets no token with another verifier, a changed code, or a code that is too old, and no command allows another', async () => {
    const { browser } = await signedIn();
    const code = await allow(browser);
    expect((await exchange({ code, verifier: 'b'.repeat(43) })).status).toBe(400);
    expect((await exchange({ code: `${code.slice(0, -9)}AAAAAAAAA`, verifier })).status).toBe(400);
    expect((await exchange({ code: '', verifier })).status).toBe(400);
    const headers = { authorization: `Bearer ${await tokenOf(browser)}` };
    expect(await root().ask('people.allowCommand', { challenge, agent: '' }, headers)).toBe(403);
    expect(await root().ask('people.allowCommand', { challenge, agent: '' }, admin)).toBe(403);
    await browser.go('/sign-in/end', { method: 'POST' });
    expect((await exchange({ code, verifier })).status).toBe(400);
  });

  test('corral login keeps its token for the user alone, commands use it, and corral logout ends it', async () => {
    const { browser } = await signedIn();
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const env = { XDG_CONFIG_HOME: folder.path, CORRAL_DATA_DIR: folder.path };
    const agree = async (text: string) => {
      const page = new URL(/http\S+/.exec(text)?.[0] ?? '');
      const of = (name: string) => page.searchParams.get(name) ?? '';
      const { code } = (await browser.ask('people.allowCommand', { challenge: of('login'), agent: of('command') })) as {
        code: string;
      };
      const back = `http://127.0.0.1:${of('port')}/?${new URLSearchParams({ code, state: of('state') })}`;
      expect((await fetch(back.replace('state=', 'state=x'))).status).toBe(404);
      expect((await fetch(back)).status).toBe(200);
    };
    const run = (args: string[], onSaid?: (text: string) => void) =>
      runCommand(args, { env, ...(onSaid && { onSaid }) });
    const login = await run(['--url', server.url, 'login'], (text) => void agree(text));
    expect([login.code, login.stderr]).toEqual([0, expect.stringContaining('Continue in your browser')]);
    const file = join(folder.path, 'corral', 'tokens.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await run(['ls'])).code).toBe(0); // at the server of the login
    const [token = 'none'] = /crlp_[\w.-]+/.exec(readFileSync(file, 'utf8')) ?? [];
    const ask = () => fetch(`${server.url}/api/v1/sessions`, { headers: { authorization: `Bearer ${token}` } });
    expect((await ask()).status).toBe(200);
    expect((await runCommand(['logout'], { env: { ...env, CORRAL_TOKEN: 'of-a-program' } })).code).toBe(0);
    expect((await ask()).status).toBe(401);
    expect(readFileSync(file, 'utf8')).not.toContain('crlp_');
    expect((await run(['--url', server.url, 'ls'])).code).not.toBe(0);
  });
});

describe('access ends', () => {
  const ended = (browser: Visitor) => expect.poll(() => isIn(browser), { interval: 50 }).toBe(false);

  test('when the person signs out from another device, with its open socket', async () => {
    const { browser, name } = await signedIn();
    const other = new Visitor(server.url);
    provider.user = name;
    await other.signIn();
    const { devices } = (await other.ask('people.devices')) as { devices: { id: string; isThis: boolean }[] };
    expect(devices.map(({ isThis }) => isThis).sort()).toEqual([false, true]);
    const id = devices.find(({ isThis }) => !isThis)?.id;
    const { closed } = await opened(browser);
    const { browser: stranger } = await signedIn();
    await stranger.ask('people.endDevice', { id });
    expect(await isIn(browser)).toBe(true);
    expect(await other.ask('people.endDevice', { id })).toEqual({ ok: true });
    expect(await closed).toBe(1008);
    expect([await isIn(browser), await isIn(other)]).toEqual([false, true]);
  });

  test('when an administrator disables the person, who cannot sign in again', async () => {
    const { browser, name } = await signedIn();
    const id = (await personOf(name))?.id;
    expect(await browser.ask('people.list')).toBe(403);
    const change = (disabled: boolean) =>
      root().go(`/api/v1/people/${id}`, { method: 'PATCH', headers: admin, body: JSON.stringify({ disabled }) });
    await change(true);
    expect(await isIn(browser)).toBe(false);
    expect(await browser.signIn()).toBe(`${server.url}/?sign-in=disabled`);
    await change(false);
    expect(await browser.signIn()).toBe(`${server.url}/`);
  });

  test('when the provider ends the session of the person', async () => {
    const { browser } = await signedIn();
    await provider.forget();
    await ended(browser);
  });

  test.runIf(tested.endsSessions).each(['interaction_required', 'access_denied'])(
    'when the provider refuses a refresh with %s',
    async (error) => {
      const { browser } = await signedIn();
      await provider.forget();
      provider.instead.set('/token', (body) => body.replace('invalid_grant', error));
      onTestFinished(() => void provider.instead.delete('/token'));
      await ended(browser);
    },
  );

  test('when the person is removed from the groups, at every device', async () => {
    const { browser, name } = await signedIn();
    const other = browser.clone();
    provider.accounts.set(name, { groups: [] });
    await ended(browser);
    expect(await isIn(other)).toBe(false);
  });

  test.runIf(tested.endsSessions)('when the person signs out at the provider, which reports it', async () => {
    const { browser } = await signedIn();
    const other = browser.clone();
    await other.signIn();
    await browser.signIn();
    const { text } = await other.go('/sign-in/end', { method: 'POST' });
    const page = await other.go((JSON.parse(text) as { location: string }).location);
    const [, xsrf] = /name="xsrf" value="([^"]+)"/.exec(page.text) ?? [];
    expect(await isIn(browser)).toBe(true);
    await other.go(`${provider.issuer}/session/end/confirm`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: provider.issuer },
      body: new URLSearchParams({ xsrf: xsrf ?? '', logout: 'yes' }).toString(),
    });
    await ended(browser);
  });

  test.each([
    [
      'an ID token',
      async (browser: Visitor) => {
        const { text } = await browser.go('/sign-in/end', { method: 'POST' });
        const { location } = JSON.parse(text) as { location: string | null };
        return new URL(location ?? 'http://none').searchParams.get('id_token_hint') ?? '';
      },
    ],
    ['no token', async () => ''],
    ['a token of nobody', async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"a"}')}.`],
  ])('not by %s in place of the report of a provider', async (_, tokenOf) => {
    const { browser, name } = await signedIn();
    const other = new Visitor(server.url);
    provider.user = name;
    await other.signIn();
    const body = new URLSearchParams({ logout_token: await tokenOf(browser) }).toString();
    expect((await root().go('/sign-in/main/backchannel', { method: 'POST', body })).status).toBe(400);
    expect(await isIn(other)).toBe(true);
  });

  test('ten minutes after a sign-in began that did not end', async () => {
    const { browser, answer } = await halfway();
    later += 600_001;
    expect((await browser.go(answer)).location).toBe('/?sign-in=stale');
  });

  test('a day after the last use, and at the latest after the hours of the settings', async () => {
    const begunAt = systemClock.now() + later;
    const { browser } = await signedIn();
    const { browser: busy } = await signedIn();
    const { devices } = server.core.signIns ?? expect.unreachable();
    const step = async () => {
      later += 7 * hourMs;
      const now = systemClock.now() + later;
      expect(await isIn(busy)).toBe(true);
      await expect
        .poll(() => devices.list().every(({ createdAt, checkedAt }) => createdAt < begunAt || checkedAt >= now))
        .toBe(true);
    };
    const first = busy.clone();
    for (let hours = 0; hours < 28; hours += 7) {
      await step();
      if (hours === 14) expect(busy.cookiesOf(server.url)).not.toBe(first.cookiesOf(server.url));
    }
    expect([await isIn(browser), await isIn(first)]).toEqual([false, false]); // the first secret was replaced on the way
    later += 3 * hourMs;
    expect(await isIn(busy)).toBe(false);
  });

  test('eight hours after the provider last answered; until then people work on', async () => {
    const { browser } = await signedIn();
    const { browser: visitor, answer } = await halfway();
    provider.isUp = false;
    expect((await visitor.go(answer)).location).toBe('/?sign-in=away');
    later += 7 * hourMs;
    expect(await isIn(browser)).toBe(true);
    later += hourMs;
    expect(await isIn(browser)).toBe(false);
  });

  test('of a personal key, which is used while no device is, when the person is removed from the groups', async () => {
    const { browser, name } = await signedIn();
    const { key } = (await browser.ask('personalKeys.create', { name: 'nightly' })) as { key: string };
    const isAccepted = async () =>
      (await root().go('/api/v1/sessions', { headers: { authorization: `Bearer ${key}` } })).status === 200;
    later += 120_000;
    expect(await isAccepted()).toBe(true);
    provider.accounts.set(name, { groups: [] });
    await expect.poll(isAccepted, { interval: 50 }).toBe(false);
  });
});
