// @module-tag all
import { expect } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { axeFinds, type Desk, deskTest, phone, skillOf, typeInto } from './desk.ts';

const test = deskTest();
const find = async (desk: Desk, expected: string) =>
  (await desk.server.core.services.automations.list()).find(({ name }) => name === expected);

test('every weekday at 9 in Berlin is set up, started and opened in the page alone', async ({ desk }) => {
  await desk.call('skills.create', skillOf('house-style'));
  const { page, complaints } = await desk.open();
  const begin = async () => {
    await page.getByRole('button', { name: 'Automations' }).click();
    await page.getByRole('button', { name: 'New automation' }).click();
  };
  await begin();
  const form = page.getByRole('dialog', { name: 'New automation' });
  await typeInto(form.getByLabel('Name'), 'Report');
  await page.keyboard.press('Escape');
  await begin();
  expect(await form.getByLabel('Name').inputValue()).toBe('Report');
  await typeInto(form.getByLabel(/^Task/), 'Say good morning');
  await form.getByRole('combobox', { name: 'Schedule', exact: true }).selectOption('Every weekday');
  await form.getByLabel('Time', { exact: true }).pressSequentially('0900AM');
  const zone = form.getByLabel('Time zone');
  await zone.press('Control+a');
  await zone.pressSequentially('Berl');
  await form.getByText('Unknown time zone.').waitFor();
  await zone.pressSequentially('in');
  await zone.blur();
  await expect.poll(() => zone.inputValue()).toBe('Europe/Berlin');
  const times = async () => (await form.locator('.next-times time').allTextContents()).filter((at) => /9:00/.test(at));
  await expect.poll(async () => (await times()).length).toBe(5);
  await form.getByText('More options').click();
  await form.getByLabel('Template').selectOption('Minimal');
  await form.getByLabel(/^Model/).pressSequentially('demo');
  await form.getByRole('checkbox', { name: /^house-style/ }).press('Space');
  expect(await axeFinds(page)).toEqual([]);
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: /^Report/ }).click();
  const one = page.getByRole('dialog', { name: 'Report' });
  await one.getByText(/^Next run: .*Europe\/Berlin/).waitFor();
  expect(await one.getByRole('definition').allTextContents()).toEqual([
    'Every weekday, 9:00 AM (Europe/Berlin)',
    'Minimal',
    'Demo (no AI)',
  ]);
  await one.getByRole('button', { name: 'Edit' }).click();
  await page.getByRole('dialog').getByLabel('Template').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await one.getByRole('button', { name: 'Start now' }).click();
  await one.getByText('Done', { exact: true }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await one.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('textbox', { name: 'Rename session' }).getByText('Report').waitFor();
  const id = SessionId.parse(new URL(page.url()).hash.slice(1));
  expect((await desk.server.core.services.sessions.agent(id)).skills).toEqual(['house-style']);
  const made = await find(desk, 'Report');
  expect(made).toMatchObject({ template: 'minimal', model: 'demo', skills: ['house-style'] });
  expect(made?.schedule).toMatchObject({ cron: '0 9 * * 1-5', timezone: 'Europe/Berlin' });
  expect(complaints).toEqual([]);
});

test('a schedule that cannot be read says so next to the field', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await desk.open();
  await page.getByRole('button', { name: 'Automations' }).click();
  await page.getByRole('button', { name: 'New automation' }).click();
  const form = page.getByRole('dialog', { name: 'New automation' });
  await form.getByRole('combobox', { name: 'Schedule', exact: true }).selectOption('Custom schedule (cron)');
  await typeInto(form.getByLabel(/^Cron expression/), '99 9 * * *');
  await form.getByText(/Could not calculate the next runs.*has 99 as the minute/).waitFor();
  await typeInto(form.getByLabel('Name'), 'Never');
  await typeInto(form.getByLabel(/^Task/), 'Nothing');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText(/^Could not save/).waitFor();
  await form.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog', { name: 'Automations' }).waitFor();
  expect(await page.getByRole('button', { name: /^Never/ }).count()).toBe(0);
});

test('deliveries of GitHub are set up in the page, the secret seen once', { tags: ['nightly'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open('/', phone);
  await page.getByRole('button', { name: 'Sessions' }).click();
  await page.getByRole('button', { name: 'Automations' }).click();
  await page.getByRole('button', { name: 'New automation' }).click();
  const form = page.getByRole('dialog', { name: 'New automation' });
  await typeInto(form.getByLabel('Name'), 'Fix issues');
  await typeInto(form.getByLabel(/^Task/), 'Fix the issue below');
  await form.getByRole('combobox', { name: 'Schedule', exact: true }).selectOption('None');
  await form.getByLabel('Webhook trigger').selectOption('From GitHub');
  await form.getByLabel('Account mentioned in a comment').check();
  await typeInto(form.getByLabel('Label (blank = any)'), 'agent');
  await typeInto(form.getByLabel('Account mentioned or assigned'), 'corral-bot');
  await form.getByText('More options').click();
  await typeInto(form.getByLabel(/^Token limit per session/), '50000');
  expect(await axeFinds(page)).toEqual([]);
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: /^Fix issues/ }).click();
  const one = page.getByRole('dialog', { name: 'Fix issues' });
  await one.getByText('Deliveries are rejected until you create a secret.').waitFor();
  await one.getByRole('button', { name: 'Create secret' }).click();
  await one.getByText(/whsec_/).waitFor();
  expect(await page.evaluate('document.activeElement.textContent + document.activeElement.title')).toMatch(/^Copy/);
  await one.getByText(/\/api\/v1\/hooks\/[0-9a-f]{12}/).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  const made = await find(desk, 'Fix issues');
  expect(made).toMatchObject({
    hook: { source: 'github', events: ['issue.labelled', 'comment.mention'], label: 'agent', account: 'corral-bot' },
    budget: { tokens: 50_000, cost: null },
    schedule: null,
  });
  expect(made?.secretAt).not.toBeNull();
  expect(complaints).toEqual([]);
});
