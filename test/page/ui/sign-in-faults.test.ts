// @module-tag nightly
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { browse } from '../../support/clients/browser.ts';
import { has, needs } from '../../support/servers/components.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { type IdentityProvider, identityProvider } from '../../support/servers/identity-provider.ts';
import { mockProvider } from '../../support/servers/mockoidc/provider.ts';
import { wide } from './desk.ts';

// Failed sign-ins and ended access in a real browser, with both providers. test/core/facades/sign-in.test.ts has the same
// without a browser, and more.

const client = { 'client-id': 'corral', 'client-secret': 'the-secret-of-corral' };
const hourMs = 3_600_000;

describe.each([
  { name: 'oidc-provider', open: identityProvider },
  { name: 'mockoidc', open: mockProvider },
])('with $name', ({ name: kind, open }) => {
  let stack: AsyncDisposableStack;
  let provider: IdentityProvider;
  let second: IdentityProvider;
  let server: ComposedServer;
  let later = 0;
  const pass = (ms: number) => {
    later += ms;
  };
  let count = 0;

  beforeAll(async () => {
    stack = new AsyncDisposableStack();
    if (kind === 'mockoidc' && !(await has('mockoidc'))) return;
    const url = `http://127.0.0.1:${await freePort()}`;
    provider = stack.use(await open(`${url}/sign-in/main/callback`, `${url}/sign-in/main/backchannel`));
    second = stack.use(await identityProvider(`${url}/sign-in/second/callback`));
    const others = { second: { issuer: second.issuer, name: 'Second', ...client, roles: { '*': 'viewer' } } };
    server = stack.use(
      await composedServer(
        {
          PORT: new URL(url).port,
          CORRAL_OIDC_ISSUER: provider.issuer,
          CORRAL_OIDC_NAME: 'Main',
          CORRAL_OIDC_CLIENT_ID: client['client-id'],
          CORRAL_OIDC_CLIENT_SECRET: client['client-secret'],
          CORRAL_OIDC_SCOPES: 'openid,profile,email,groups',
          CORRAL_OIDC_ROLES: '{"people":"user","chiefs":"admin"}',
          CORRAL_OIDC_CHECK_SECONDS: '1',
          CORRAL_OIDC_OTHERS: JSON.stringify(others),
        },
        undefined,
        { clock: { ...systemClock, now: () => systemClock.now() + later } },
      ),
    );
  });
  afterAll(() => stack.disposeAsync());
  beforeEach(async (context) => {
    await needs(context, 'chromium');
    if (kind === 'mockoidc') await needs(context, 'mockoidc');
  });
  afterEach(() => Object.assign(provider ?? {}, { isUp: true }));

  /** A person whom no other test uses, and who signs in next. */
  function newcomer(groups: readonly string[] = ['people'], of = provider): string {
    const name = `person-${++count}`;
    of.accounts.set(name, { name, email: `${name}@example.com`, email_verified: true, groups });
    of.user = name;
    return name;
  }
  const button = (page: Page, at = 'Main') =>
    page.getByRole('dialog', { name: 'Sign in' }).getByRole('button', { name: `Sign in with ${at}`, exact: true });
  const person = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
  const said = (page: Page, text: string) => page.getByRole('dialog', { name: 'Sign in' }).getByText(text).waitFor();
  const never = () => expect.unreachable();
  const visit = async () => {
    const { page } = await browse({ skip: never }, wide);
    await page.goto(server.url);
    return page;
  };
  const signIn = async (page: Page, name: string, at?: string) => {
    await button(page, at).click();
    await person(page, name).waitFor();
  };
  const signedIn = async () => {
    const name = newcomer();
    const page = await visit();
    await signIn(page, name);
    return { page, name };
  };

  /** The address at the provider to which the browser is sent. */
  async function beginning(page: Page): Promise<string> {
    newcomer();
    return await redirect(page.context(), `${server.url}/sign-in/main`);
  }
  /** The provider's answer, before the browser opens it. */
  async function answerOf(page: Page): Promise<string> {
    let next = await beginning(page);
    while (!next.startsWith(`${server.url}/`)) next = await redirect(page.context(), next);
    return next;
  }
  async function redirect({ request }: BrowserContext, url: string): Promise<string> {
    const { location = '' } = (await request.get(url, { maxRedirects: 0 })).headers();
    return new URL(location, url).href;
  }
  const changed = (url: string, name: string, value: string) => {
    const to = new URL(url);
    to.searchParams.set(name, value);
    return to.href;
  };

  const failed = 'Sign-in failed.';
  const stale = 'Sign-in took too long or was started in another browser.';
  test.each<[what: string, text: string, address: (page: Page) => Promise<string>]>([
    ['a wrong nonce', failed, async (page) => changed(await beginning(page), 'nonce', 'another')],
    ['another challenge', failed, async (page) => changed(await beginning(page), 'code_challenge', 'a'.repeat(43))],
    ['another state', stale, async (page) => changed(await answerOf(page), 'state', 'another')],
    ['the name of another issuer', failed, async (page) => changed(await answerOf(page), 'iss', second.issuer)],
    [
      'an answer at the address of another provider',
      stale,
      async (page) => (await answerOf(page)).replace('/main/', '/second/'),
    ],
    [
      'a state that expired',
      stale,
      async (page) => {
        const answer = await answerOf(page);
        pass(600_001);
        return answer;
      },
    ],
    [
      'a person without a role',
      'Your account has no access to this server.',
      async (page) => {
        const answer = await answerOf(page);
        provider.accounts.set(provider.user ?? '', { groups: ['strangers'] });
        return answer;
      },
    ],
  ])('%s signs nobody in, and the page says why', async (_, text, address) => {
    const page = await visit();
    await button(page).waitFor();
    await page.goto(await address(page));
    await said(page, text);
    expect(new URL(page.url()).origin).toBe(server.url);
    const name = provider.user ?? '';
    provider.accounts.set(name, { name, groups: ['people'] });
    await signIn(page, name); // there is a way on
  });

  test('an answer counts in the browser that began, and once', async () => {
    const victim = await visit();
    const answer = await answerOf(victim);
    const cookies = await victim.context().cookies();
    const other = await visit();
    await other.goto(answer);
    await said(other, stale);
    await victim.goto(answer);
    await person(victim, `person-${count}`).waitFor();
    const thief = await visit();
    await thief.context().addCookies(cookies);
    await thief.goto(answer);
    await said(thief, failed);
  });

  test('a person who refuses at the provider is told so', async () => {
    const page = await visit();
    provider.user = undefined;
    await button(page).click();
    await said(page, 'Sign-in was canceled.');
  });

  test.each(['//evil.example/', 'https://evil.example/', '/\\evil.example', 'javascript:alert(1)'])(
    'a link that leads on to %s leads nowhere else',
    async (to) => {
      const page = await visit();
      const name = newcomer();
      await page.goto(`${server.url}/sign-in/main?returnTo=${encodeURIComponent(to)}`);
      await person(page, name).waitFor();
      expect(new URL(page.url()).origin).toBe(server.url);
    },
  );

  test('people of two providers with one name are two people', async () => {
    const { page, name } = await signedIn();
    second.accounts.set(name, { name, groups: [] });
    second.user = name;
    const other = await visit();
    await signIn(other, name, 'Second');
    const { people } = server.core.signIns ?? expect.unreachable();
    const both = people.list().filter(({ subject }) => subject === name);
    expect(both.map(({ issuer }) => issuer).sort()).toEqual([provider.issuer, second.issuer].sort());
    expect(new Set(both.map(({ owner }) => owner)).size).toBe(2);
    await page.reload();
    await person(page, name).waitFor();
  });

  test('a page stays signed in over refreshes and a new key of the provider', async () => {
    const { page, name } = await signedIn();
    const { devices } = server.core.signIns ?? expect.unreachable();
    const refreshed = async () => {
      const from = systemClock.now() + later;
      await expect.poll(() => devices.list().some(({ checkedAt }) => checkedAt > from)).toBe(true);
    };
    await refreshed();
    await provider.rotateKeys();
    await refreshed();
    await page.reload();
    await person(page, name).waitFor();
    await signIn(await visit(), newcomer());
  });

  test('a new group changes what the open page offers', async () => {
    const { page, name } = await signedIn();
    await page.keyboard.press('Control+,');
    const settings = page.getByRole('dialog', { name: 'Settings' });
    await settings.getByRole('button', { name: 'Account', exact: true }).waitFor();
    expect(await settings.getByRole('button', { name: 'Audit log' }).count()).toBe(0);
    provider.accounts.set(name, { ...provider.accounts.get(name), groups: ['chiefs'] });
    await settings.getByRole('button', { name: 'Audit log' }).waitFor();
  });

  const end: readonly [what: string, end: (name: string) => unknown, text?: string][] = [
    ['revoked by the provider', () => provider.forget()],
    ['of a person without a group any more', (name) => provider.accounts.set(name, { groups: [] })],
    ['over after its time', () => pass(25 * hourMs)],
    [
      'of a person whom an administrator disabled',
      (name) => {
        const { people } = server.core.signIns ?? expect.unreachable();
        return people.change(people.list().find(({ subject }) => subject === name)?.key ?? '', { disabled: true });
      },
      'Your access is disabled.',
    ],
  ];
  test.each(end)('a page whose sign-in is %s asks for another', async (_, end, text) => {
    const { page, name } = await signedIn();
    await end(name);
    await button(page).waitFor();
    if (text === undefined) return;
    provider.user = name;
    await button(page).click();
    await said(page, text);
  });

  test('a person signs out, and the browser’s way back leads to no session', async () => {
    const { page, name } = await signedIn();
    await person(page, name).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    if (kind === 'oidc-provider') await page.getByRole('button', { name: 'Yes, sign me out' }).click();
    await button(page).waitFor();
    await page.goBack();
    await button(page).waitFor();
    expect((await page.context().cookies()).filter((cookie) => cookie.name.includes('corral_session'))).toEqual([]);
  });

  test('while the provider is down people go on for eight hours, and newcomers are told', async () => {
    const { page, name } = await signedIn();
    const other = await visit();
    const answer = await answerOf(other);
    provider.isUp = false;
    await other.goto(answer);
    await said(other, 'The identity provider is not responding.');
    pass(7 * hourMs);
    await page.reload();
    await person(page, name).waitFor();
    pass(hourMs + 60_000);
    await page.reload();
    await button(page).waitFor();
  });
});
