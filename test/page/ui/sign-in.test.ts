// @module-tag all
import { createHash } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { browse } from '../../support/clients/browser.ts';
import type { ComposedServer } from '../../support/servers/composed.ts';
import type { IdentityProvider } from '../../support/servers/identity-provider.ts';
import { axeFinds, signInServer, wide } from './desk.ts';

// A person in a real browser. test/core/facades/sign-in.test.ts has every way in which access ends or is refused, with
// two providers.

let stack: AsyncDisposableStack;
let provider: IdentityProvider;
let server: ComposedServer;

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  ({ provider, server } = await signInServer(stack, '{"people":"user","chiefs":"admin"}'));
});
afterAll(() => stack.disposeAsync());

const signInDialog = (page: Page) => page.getByRole('dialog', { name: 'Sign in' });
const signInButton = (page: Page) =>
  signInDialog(page).getByRole('button', { name: 'Sign in with Example', exact: true });

test('a person signs in with a provider, sees the devices, is signed out by one of them, and signs out', async (context) => {
  provider.accounts.set('ada', { name: 'Ada Lovelace', email: 'ada@example.com', groups: ['people'] });
  const { page } = await browse(context, wide);
  await page.goto(`${server.url}/?a=1`);
  const dialog = signInDialog(page);
  const signIn = signInButton(page);
  await signIn.waitFor();
  expect(await axeFinds(page)).toEqual([]);
  provider.isUp = false; // the server has not read its description yet
  await signIn.click();
  await dialog.getByText('The identity provider is not responding.').waitFor();
  provider.isUp = true;
  provider.user = undefined;
  await signIn.click();
  await dialog.getByText('Sign-in was canceled.').waitFor();
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
  const asking = page.getByRole('dialog', { name: 'Allow command-line access' });
  await asking.getByText('Allow “corral on laptop” to act on your behalf').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await asking.getByRole('button', { name: 'Allow', exact: true }).click();
  await asking.getByText('Paste this code into your terminal').waitFor();
  await page.keyboard.press('Escape');

  const { devices } = server.core.signIns ?? expect.unreachable();
  for (const { id } of devices.list()) await devices.end(id);
  await signIn.click();
  await page.getByRole('button', { name: 'Ada Lovelace' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Yes, sign me out' }).click(); // at the provider
  await signIn.waitFor();
  expect(devices.list()).toEqual([]);
  await page.goBack();
  await signIn.waitFor();
});

test.for([
  ['failed', 'Sign-in failed.'],
  ['stale', 'Sign-in took too long or was started in another browser.'],
])('the page says why a sign-in was refused as %s, and offers another', async ([reason, text = ''], context) => {
  const { page } = await browse(context, wide);
  await page.goto(`${server.url}/?sign-in=${reason}`);
  await signInDialog(page).getByText(text).waitFor();
  await signInButton(page).waitFor();
  expect(page.url()).toBe(`${server.url}/`);
});

test('a page that stays open shows a new role, and a sign-in with the reason when access ends', async (context) => {
  const account = { name: 'Grace', email: 'grace@example.com', groups: ['people'] };
  provider.accounts.set('grace', account);
  provider.user = 'grace';
  const { page } = await browse(context, wide);
  await page.goto(server.url);
  await signInButton(page).click();
  await page.getByRole('button', { name: 'Grace', exact: true }).waitFor();
  await page.keyboard.press('Control+,');
  const settings = page.getByRole('dialog', { name: 'Settings' });
  await settings.getByRole('button', { name: 'Account', exact: true }).waitFor();
  expect(await settings.getByRole('button', { name: 'Audit log' }).count()).toBe(0);
  const setGroups = (...groups: string[]) => void provider.accounts.set('grace', { ...account, groups });
  setGroups('chiefs');
  await settings.getByRole('button', { name: 'Audit log' }).waitFor();
  const { people } = server.core.signIns ?? expect.unreachable();
  const disable = async (disabled: boolean) =>
    void (await people.change(people.list().find(({ subject }) => subject === 'grace')?.key ?? '', { disabled }));
  for (const [refusal, end, undo] of [
    ['Your account has no access to this server.', () => setGroups(), () => setGroups('people')],
    ['Your access is disabled.', () => disable(true), () => disable(false)],
  ] as const) {
    await end();
    await signInButton(page).click();
    await signInDialog(page).getByText(refusal).waitFor();
    await undo();
    await signInButton(page).click();
    await page.getByRole('button', { name: 'Grace', exact: true }).waitFor();
  }
});
