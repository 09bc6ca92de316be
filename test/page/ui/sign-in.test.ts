// @module-tag all
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { browse } from '../../support/clients/browser.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { identityProvider } from '../../support/servers/identity-provider.ts';
import { axeFinds, wide } from './desk.ts';

test('a person signs in with a provider, sees the devices, is signed out by one of them, and signs out', async (context) => {
  await using stack = new AsyncDisposableStack();
  const url = `http://127.0.0.1:${await freePort()}`;
  const provider = stack.use(await identityProvider(`${url}/sign-in/main/callback`));
  provider.accounts.set('ada', { name: 'Ada Lovelace', email: 'ada@example.com', groups: ['people'] });
  const server = stack.use(
    await composedServer({
      PORT: new URL(url).port,
      CORRAL_OIDC_ISSUER: provider.issuer,
      CORRAL_OIDC_NAME: 'Example',
      CORRAL_OIDC_CLIENT_ID: 'corral',
      CORRAL_OIDC_CLIENT_SECRET: 'the-secret-of-corral',
      CORRAL_OIDC_SCOPES: 'openid,profile,email,groups',
      CORRAL_OIDC_ROLES: '{"people":"user"}',
    }),
  );
  const { page } = await browse(context, wide);
  await page.goto(`${server.url}/?a=1`);
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.getByRole('button', { name: 'Sign in with Example' }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  provider.user = undefined;
  await dialog.getByRole('button', { name: 'Sign in with Example' }).click();
  await dialog.getByText('The sign-in was canceled.').waitFor();
  provider.user = 'ada';
  await dialog.getByRole('button', { name: 'Sign in with Example' }).click();
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
  await dialog.getByRole('button', { name: 'Sign in with Example' }).click();
  await page.getByRole('button', { name: 'Ada Lovelace' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Yes, sign me out' }).click(); // at the provider
  await dialog.getByRole('button', { name: 'Sign in with Example' }).waitFor();
  expect(devices.list()).toEqual([]);
});
