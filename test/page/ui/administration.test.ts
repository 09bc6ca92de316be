// @module-tag all
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { openAuditLog } from '../../../src/observability/audit/log.ts';
import { deriveAuditKey } from '../../../src/observability/audit/row.ts';
import { fence } from '../../support/clients/api.ts';
import { browse } from '../../support/clients/browser.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { axeFinds, phone, signInServer, wide } from './desk.ts';

test('an administrator finds and disables a person, and an auditor sees the pages and no button that changes', async (context) => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(temporaryFolder());
  {
    const parts = {
      key: deriveAuditKey(new Secret('a secret for tests')),
      clock: systemClock,
      process: 'p',
      maxBytes: 1e6,
    };
    const quiet = { scrub: (text: string) => text, warn: () => {}, onHead: () => {} };
    using log = openAuditLog({ folder: join(path, 'audit'), ...parts, ...quiet });
    log.write({ action: 'person.change', target: '<b>Eve</b>', outcome: 'done', by: 'token' });
  }
  const roles = '{"people":"user","admins":"admin","auditors":"auditor"}';
  const { provider, server } = await signInServer(stack, roles, path);
  const { url } = server;
  provider.accounts.set('ada', { name: 'Ada', email: 'ada@example.com', groups: ['admins'] });
  provider.accounts.set('eve', { name: '<b>Eve</b>', email: 'eve@example.com', groups: ['people'] });
  provider.accounts.set('kim', { name: 'Kim', email: 'kim@example.com', groups: ['auditors'] });
  const signIn = async (user: string, size: typeof wide) => {
    provider.user = user;
    const { page } = await browse(context, size);
    await page.goto(server.url);
    await page.getByRole('button', { name: 'Sign in with Example' }).click();
    await page.waitForURL(`${server.url}/`);
    await page.getByRole('dialog', { name: 'Sign in' }).waitFor({ state: 'detached' });
    await page.getByRole('textbox').first().waitFor();
    await page.keyboard.press('Control+,');
    const settings = page.getByRole('dialog', { name: 'Settings' });
    const open = (name: string) => settings.getByRole('button', { name, exact: true }).click();
    const choose = (name: string) => settings.getByRole('combobox', { name: 'Settings' }).selectOption(name);
    return { page, settings, to: size === wide ? open : choose };
  };
  const eve = await signIn('eve', wide);
  const ada = await signIn('ada', wide);
  const call = async ({ page }: typeof ada, path: string, data: object) =>
    (await (await page.request.post(`${url}/trpc/${path}`, { data, headers: { origin: url } })).json()).result.data;
  const { id } = await call(ada, 'projects.create', { name: 'Website' });
  const { person: member } = await (await eve.page.request.get(`${url}/api/v1/people/me`)).json();
  await call(ada, 'projects.putMember', { id, member, role: 'member' });
  const { id: sessionId } = await call(ada, 'sessions.create', { projectId: id, title: 'Of Ada' });
  await call(eve, 'sessions.create', { projectId: id, title: 'Of Eve' });
  const rowOf = ({ page }: typeof ada, title: string) => page.locator('.session', { hasText: title });
  await rowOf(ada, 'Of Eve').getByText('by <b>Eve</b>').waitFor();
  await rowOf(eve, 'Of Ada').getByText('by Ada').waitFor();
  expect(await rowOf(ada, 'Of Ada').getByText('by Ada').count()).toBe(0);

  const { projects } = server.core.services;
  for (let n = 0; n < 500; n++) await projects.create({ name: `Filler ${n}` }); // the list is read in pages of 500
  await ada.to('All projects');
  await ada.settings.getByText('2 members · 2 sessions').waitFor();
  await ada.settings.getByRole('button', { name: 'Website' }).click();
  await ada.settings.getByLabel('Role of <b>Eve</b>').selectOption('Owner');
  await ada.settings.getByRole('button', { name: 'Transfer ownership', exact: true }).click();
  await ada.settings.getByText('<b>Eve</b> is now the owner.').waitFor();
  await ada.settings.getByRole('button', { name: 'Leave Website' }).click();
  await ada.settings.getByRole('button', { name: 'Leave', exact: true }).click();
  await ada.settings.getByText('1 member · 2 sessions').waitFor();
  await ada.settings.getByText('<b>Eve</b> ·').waitFor();

  await call(ada, 'runs.send', { sessionId, text: fence('ask', 'A secret?') });
  await ada.to('Overview');
  await ada.settings.getByText('Running: 0 · Waiting: 1').waitFor();
  await ada.settings.getByText('for an answer').waitFor();
  await ada.settings.getByRole('button', { name: 'Stop all' }).click();
  await ada.settings.getByText('Stop all runs? Running: 0, waiting: 1.').waitFor();
  expect(await axeFinds(ada.page)).toEqual([]);
  await ada.settings.getByRole('button', { name: 'Stop all', exact: true }).click();
  await ada.settings.getByText('No runs are waiting.').waitFor();

  await ada.to('People');
  await ada.settings.getByLabel('Search people').pressSequentially('EVE@');
  const people = ada.settings.getByRole('list', { name: 'People' });
  await people.getByText('Ada', { exact: true }).waitFor({ state: 'detached' });
  await ada.settings.getByRole('button', { name: 'Disable <b>Eve</b>' }).click();
  await ada.settings.getByRole('button', { name: 'Disable', exact: true }).click();
  await people.getByText('disabled').waitFor();
  expect(await axeFinds(ada.page)).toEqual([]);

  const kim = await signIn('kim', phone);
  await kim.to('Audit log');
  await kim.settings.getByLabel('Action').pressSequentially('person.change');
  await kim.settings.getByRole('list', { name: 'Audit log' }).getByText('<b>Eve</b>').waitFor();
  expect(await axeFinds(kim.page)).toEqual([]);
  await kim.to('Overview');
  await kim.settings.getByText('Running: 0 · Waiting: 0').waitFor();
  expect(await axeFinds(kim.page)).toEqual([]);
  await kim.to('All projects');
  await kim.settings.getByText('Website').waitFor();
  expect(await kim.settings.getByRole('button', { name: /Website|Stop all/ }).count()).toBe(0);
  await kim.to('API keys');
  await kim.settings.getByText(/A revoked key stops/).waitFor();
  expect(await kim.settings.getByRole('form').count()).toBe(0);
  await kim.to('People');
  await kim.settings.getByText('disabled').waitFor();
  expect(await kim.settings.getByRole('button', { name: /able <b>Eve/ }).count()).toBe(0);
});
