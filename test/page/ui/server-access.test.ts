// @module-tag all
import { expect } from 'vitest';
import { axeFinds, deskTest, openSettings, phone, typeInto } from './desk.ts';

const test = deskTest({ CORRAL_MAX_STEPS: '7' }, 'nobody');

test('a secret of all sandboxes is stored, removed and never shown', { tags: ['nightly'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open();
  const dialog = await openSettings(page, 'Secrets');
  await dialog.getByText('No secrets yet.').waitFor();
  await typeInto(dialog.getByLabel('Name', { exact: true }), 'weather');
  await typeInto(dialog.getByLabel('Value'), 'a-value-nobody-sees');
  await typeInto(dialog.getByLabel('Allowed hosts'), 'api.weather.example *.weather.example');
  await typeInto(dialog.getByLabel('Environment variables'), 'WEATHER_API_KEY');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('weather saved.').waitFor();
  await dialog.getByText('api.weather.example, *.weather.example · authorization: bearer · $WEATHER_API_KEY').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  expect(await page.content()).not.toContain('a-value-nobody-sees');
  await dialog.getByRole('button', { name: 'Remove secret weather' }).click();
  await dialog.getByText('Programs that use this secret will fail.').waitFor();
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await dialog.getByText('weather removed.').waitFor();
  await dialog.getByText('No secrets yet.').waitFor();
  expect(complaints).toEqual([]);
});

test('a webhook is made on a phone; a delivery is sent, read, sent again', { tags: ['nightly'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open('/', phone);
  const dialog = await openSettings(page, 'Webhooks');
  await dialog.getByRole('button', { name: 'New webhook' }).press('Enter');
  await dialog.locator('input:focus').and(dialog.getByLabel('Name')).waitFor(); // not the last button of the form
  await typeInto(dialog.getByLabel('Name'), 'Dashboard');
  await typeInto(dialog.getByLabel('URL'), 'https://hooks.invalid/corral');
  await dialog.getByLabel('Run ended').check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(/^whsec_/).waitFor();
  await dialog.getByRole('button', { name: 'Send test event' }).click();
  await dialog.getByText('webhook.test').waitFor();
  await dialog.getByRole('button', { name: /^Resend delivery msg_/ }).click();
  await dialog.getByRole('button', { name: /^Resend delivery msg_/ }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await dialog.getByRole('button', { name: 'Resume' }).waitFor();
  await dialog.getByRole('button', { name: 'All webhooks' }).click();
  await dialog.getByRole('button', { name: /^Dashboard/ }).click();
  await dialog.getByRole('heading', { name: 'Dashboard' }).waitFor();
  expect(await dialog.getByText(/^whsec_/).count()).toBe(0);
  expect(complaints).toEqual([]);
});

deskTest()('the owner of a project adds a member, changes the role, and removes the member', async ({ desk }) => {
  const { id } = await desk.call('projects.create', { name: 'Website' });
  const { view } = await desk.server.core.keys.create({ name: 'Grace', role: 'user' });
  const { page, complaints } = await desk.open('/', phone);
  const dialog = await openSettings(page, 'Projects');
  await dialog.getByRole('button', { name: /^Website/ }).click();
  await typeInto(dialog.getByLabel('Email address, ID or group'), view.id);
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await dialog.getByLabel('Role of Grace').selectOption('Viewer');
  await dialog.getByText('Grace has a new role.').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  const members = async () => (await desk.server.core.services.projects.members(id)).map(({ role }) => role);
  expect(await members()).toEqual(['owner', 'viewer']);
  await dialog.getByRole('button', { name: 'Remove Grace' }).click();
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await dialog.getByText('Grace was removed.').waitFor();
  expect(await members()).toEqual(['owner']);
  await typeInto(dialog.getByLabel('Program'), 'Website CI');
  await dialog.getByRole('button', { name: 'Create service account' }).click();
  await dialog.getByText('Key for Website CI').waitFor();
  await dialog.getByRole('button', { name: 'Revoke key Website CI' }).click();
  await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
  await dialog.getByText(/^Member · revoked/).waitFor();
  expect(complaints).toEqual([]);
});

// The first key closes the server, so this test is the last one of the file.
test('the first key is made in the page and used by it; another is shown once and revoked', async ({ desk }) => {
  const { page } = await desk.open();
  const dialog = await openSettings(page, 'API keys');
  await dialog.getByText(/^The first key turns on sign-in/).waitFor();
  const make = async (name: string) => {
    await typeInto(dialog.getByLabel('Person or program'), name);
    await dialog.getByRole('button', { name: 'Create key' }).click();
    await dialog.getByText(`Key for ${name}`).waitFor();
    return String(await dialog.locator('.shown-once code').textContent());
  };
  const first = await make('Ada');
  expect(first).toMatch(/^crl_/);
  await expect(desk.call('settings.change', { key: 'max-steps', value: 9 })).rejects.toThrow(
    /401|UNAUTHORIZED|unauthorized/i,
  );
  const second = await make('Bob');
  expect(second).not.toBe(first);
  expect(await axeFinds(page)).toEqual([]);
  const bob = dialog.getByRole('listitem').filter({ hasText: 'Bob' });
  await bob.getByText('User · never used').waitFor();
  await bob.getByRole('button', { name: 'Revoke key Bob' }).click();
  await bob.getByRole('button', { name: 'Revoke', exact: true }).click();
  await bob.getByText(/revoked/).waitFor();
  const ada = dialog.getByRole('listitem').filter({ hasText: 'Ada' });
  await ada.getByRole('button', { name: 'Revoke key Ada' }).click();
  await ada.getByRole('button', { name: 'Revoke', exact: true }).click();
  await dialog.getByText(/This is the last key with the role admin/).waitFor();
});
