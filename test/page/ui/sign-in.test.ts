// @module-tag all
import { createHash } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, type TestContext, test } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { browse } from '../../support/clients/browser.ts';
import { has, needs } from '../../support/servers/components.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { type IdentityProvider, identityProvider } from '../../support/servers/identity-provider.ts';
import { mockProvider } from '../../support/servers/mockoidc/provider.ts';
import { axeFinds, wide } from './desk.ts';

// People in a real browser, at one server with two providers: oidc-provider is Example, and mockoidc is Other.
// test/core/facades/sign-in.test.ts has the answers that only a program can forge.

type ProviderName = 'Example' | 'Other';
const hourMs = 3_600_000;
let stack: AsyncDisposableStack;
/** Without Other where mockoidc cannot be built. */
let providers: Partial<Record<ProviderName, IdentityProvider>>;
let server: ComposedServer;
let later = 0;

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  const url = `http://127.0.0.1:${await freePort()}`;
  const first = stack.use(await identityProvider(`${url}/sign-in/main/callback`));
  const other = (await has('mockoidc')) ? stack.use(await mockProvider()) : undefined;
  providers = { Example: first, ...(other && { Other: other }) };
  const client = { 'client-id': 'corral', 'client-secret': 'the-secret-of-corral' };
  const scopes = ['openid', 'profile', 'email', 'groups'];
  const roles = { people: 'user', chiefs: 'admin' };
  server = stack.use(
    await composedServer(
      {
        PORT: new URL(url).port,
        CORRAL_OIDC_ISSUER: first.issuer,
        CORRAL_OIDC_NAME: 'Example',
        CORRAL_OIDC_CLIENT_ID: client['client-id'],
        CORRAL_OIDC_CLIENT_SECRET: client['client-secret'],
        CORRAL_OIDC_SCOPES: scopes.join(','),
        CORRAL_OIDC_ROLES: JSON.stringify(roles),
        CORRAL_OIDC_CHECK_SECONDS: '1',
        CORRAL_OIDC_SESSION_HOURS: '30',
        CORRAL_OIDC_OTHERS: JSON.stringify(
          other ? { other: { issuer: other.issuer, name: 'Other', ...client, scopes, roles } } : {},
        ),
      },
      undefined,
      { clock: { ...systemClock, now: () => systemClock.now() + later } },
    ),
  );
});
afterAll(() => stack.disposeAsync());
afterEach(() => {
  for (const provider of Object.values(providers)) provider.isUp = true;
});

const signInDialog = (page: Page) => page.getByRole('dialog', { name: 'Sign in' });
const signInButton = (page: Page, name: ProviderName) =>
  signInDialog(page).getByRole('button', { name: `Sign in with ${name}`, exact: true });

let count = 0;
/** A new person of the provider, who signed in on the page. */
async function signedIn(context: TestContext, at: ProviderName) {
  if (at === 'Other') await needs(context, 'mockoidc');
  const provider = providers[at] ?? expect.unreachable();
  const person = `person-${++count}`;
  provider.accounts.set(person, { name: person, email: `${person}@example.com`, groups: ['people'] });
  provider.user = person;
  const { page } = await browse(context, wide);
  await page.goto(server.url);
  await signInButton(page, at).click();
  const account = page.getByRole('button', { name: person, exact: true });
  await account.waitFor();
  return { page, provider, person, account };
}

test('a person signs in with a provider, sees the devices, is signed out by one of them, and signs out', async (context) => {
  const provider = providers.Example ?? expect.unreachable();
  provider.accounts.set('ada', { name: 'Ada Lovelace', email: 'ada@example.com', groups: ['people'] });
  const { page } = await browse(context, wide);
  await page.goto(`${server.url}/?a=1`);
  const dialog = signInDialog(page);
  const signIn = signInButton(page, 'Example');
  await signIn.waitFor();
  expect(await axeFinds(page)).toEqual([]);
  provider.isUp = false; // the server has not read its description yet
  await signIn.click();
  await dialog.getByText('The identity provider is not responding.').waitFor();
  provider.isUp = true;
  provider.user = undefined;
  await signIn.click();
  await dialog.getByText('The sign-in was canceled.').waitFor();
  provider.user = 'ada';
  await signIn.click();
  await page.getByRole('button', { name: 'Ada Lovelace' }).waitFor();
  expect(page.url()).toBe(`${server.url}/?a=1`);
  expect(await page.evaluate('document.cookie')).toBe('');

  await page.getByRole('button', { name: 'Ada Lovelace' }).click();
  await page.getByRole('menuitem', { name: 'Account' }).click();
  const settings = page.getByRole('dialog', { name: 'Settings' });
  await settings.getByText('This browser').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.keyboard.press('Escape');

  const challenge = createHash('sha256').update('a'.repeat(43)).digest('base64url');
  await page.goto(`${server.url}/?login=${challenge}&command=corral+on+laptop`);
  const asking = page.getByRole('dialog', { name: 'Allow a command' });
  await asking.getByText('Should "corral on laptop" act for you').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await asking.getByRole('button', { name: 'Allow', exact: true }).click();
  await asking.getByText('Paste this code into the command').waitFor();
  await page.keyboard.press('Escape');

  const { devices } = server.core.signIns ?? expect.unreachable();
  for (const { id } of devices.list()) await devices.end(id);
  await signIn.click();
  await page.getByRole('button', { name: 'Ada Lovelace' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Yes, sign me out' }).click(); // at the provider
  await signIn.waitFor();
  expect(devices.list()).toEqual([]);
});

type Visit = Awaited<ReturnType<typeof signedIn>>;
interface AccessEnd {
  readonly end: (visit: Visit) => unknown;
  /** The page's words about the next sign-in, until `undo`. Undefined: it succeeds. */
  readonly refusal?: string;
  readonly undo?: (visit: Visit) => unknown;
}
const setGroups = (...groups: string[]) => {
  return ({ provider, person }: Visit) =>
    void provider.accounts.set(person, { ...provider.accounts.get(person), groups });
};
const setDisabled = (disabled: boolean) => {
  return async ({ person }: Visit) => {
    const { people } = server.core.signIns ?? expect.unreachable();
    await people.change(people.list().find(({ subject }) => subject === person)?.key ?? '', { disabled });
  };
};
const leavesGroups: AccessEnd = {
  end: setGroups(),
  refusal: 'Your account has no access to this server.',
  undo: setGroups('people'),
};
const isRevoked: AccessEnd = {
  async end({ provider, page }) {
    await provider.forget();
    await signInDialog(page).waitFor();
    await provider.rotateKeys();
  },
};
const isDown: AccessEnd = {
  async end({ provider, page, account }) {
    provider.isUp = false;
    later += 7 * hourMs;
    await page.reload();
    await account.waitFor(); // people work on for the documented hours
    later += hourMs;
    await signInDialog(page).waitFor();
    provider.isUp = true;
  },
};
const isDisabled: AccessEnd = {
  end: setDisabled(true),
  refusal: 'An administrator disabled your access.',
  undo: setDisabled(false),
};
const isExpired: AccessEnd = {
  end() {
    later += 31 * hourMs;
  },
};

test.for<readonly [ProviderName, AccessEnd[]]>([
  ['Example', [leavesGroups, isRevoked, isDown]],
  ['Other', [leavesGroups, isRevoked, isDown, isDisabled, isExpired]],
])('a page that stays open with %s shows a new role, and a sign-in when access ends', async ([at, ends], context) => {
  const visit = await signedIn(context, at);
  const { page, account } = visit;
  await page.keyboard.press('Control+,');
  const settings = page.getByRole('dialog', { name: 'Settings' });
  await settings.getByRole('button', { name: 'Account', exact: true }).waitFor();
  expect(await settings.getByRole('button', { name: 'Audit log' }).count()).toBe(0);
  setGroups('chiefs')(visit);
  await settings.getByRole('button', { name: 'Audit log' }).waitFor();
  for (const { end, refusal, undo } of ends) {
    await end(visit);
    await signInButton(page, at).click();
    if (refusal !== undefined) {
      await signInDialog(page).getByText(refusal).waitFor();
      await undo?.(visit);
      await signInButton(page, at).click();
    }
    await account.waitFor();
  }
});

test('an answer of the provider signs in nobody in another browser or a second time, and no link leads away', async (context) => {
  const { page, account, provider, person } = await signedIn(context, 'Other');
  const answers: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/callback?')) answers.push(request.url());
  });
  await page.goto(`${server.url}/sign-in/other?returnTo=${encodeURIComponent('//evil.example/')}`);
  await account.waitFor();
  expect(page.url()).toBe(`${server.url}/`);
  await page.goto(answers[0] ?? expect.unreachable());
  await account.waitFor();
  expect(page.url()).toBe(`${server.url}/`);
  const { page: thief } = await browse(context, wide);
  await thief.goto(answers[0] ?? '');
  await signInDialog(thief).getByText('The sign-in took too long or was started in another browser.').waitFor();

  const first = providers.Example ?? expect.unreachable();
  first.accounts.set(person, { ...provider.accounts.get(person), name: 'The same subject' });
  first.user = person;
  await signInButton(thief, 'Example').click();
  await thief.getByRole('button', { name: 'The same subject' }).waitFor();
  expect(server.core.signIns?.people.list().filter(({ subject }) => subject === person)).toHaveLength(2);
});
