import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, deskTest, phone, typeInto } from './desk.ts';

const test = deskTest();

test('a session is forked from a finished step, as both sessions say', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked(`Parent\n${fence('sh', 'echo one')}\n${fence('sh', 'echo two')}`);
  const { page, complaints } = await desk.open(`/#${id}`);
  await page.locator('.ended').waitFor();
  await page.locator('.step').first().hover();
  await page.locator('.step').first().getByRole('button', { name: 'Fork here' }).click();
  const dialog = page.getByRole('dialog', { name: 'Fork this session' });
  await typeInto(dialog.getByRole('textbox', { name: 'Title' }), 'Child');
  await dialog.getByRole('button', { name: 'Fork', exact: true }).click();
  await expect.poll(() => page.locator('h1').textContent()).toBe('Child');
  expect(page.url()).not.toContain(id);
  await expect.poll(() => page.locator('.tool').count()).toBe(1); // up to the end of the first step
  const came = page.locator('.forked');
  await came.getByText('Forked from').waitFor();
  await came.getByRole('link', { name: 'Parent' }).click();
  await page.locator('.forked').getByText('Forked to').waitFor();
  await page.locator('.forked').getByRole('link', { name: 'Child' }).waitFor();
  expect(page.url()).toContain(id);
  expect(complaints).toEqual([]);
});

test('a link shows conversation and plan to anyone, until its end or its revocation', async ({ desk }) => {
  const id = await desk.worked(`Show **this**\n${fence('sh', 'echo hidden')}\n${fence('sh', 'echo too')}`);
  const { page } = await desk.open(`/#${id}`);
  await page.locator('.ended').waitFor();
  await page.getByRole('button', { name: 'Share this session' }).click();
  const dialog = page.getByRole('dialog', { name: 'Share this session' });
  await dialog.getByText('1 day', { exact: true }).click();
  await dialog.getByRole('button', { name: 'Create link' }).click();
  const link = await dialog.getByRole('textbox', { name: 'Link' }).inputValue();
  expect(link).toMatch(/\/shared#/);
  await dialog.getByRole('button', { name: 'Copy link' }).click();
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(link);
  expect(await axeFinds(page)).toEqual([]);

  const { page: guest, complaints } = await desk.open(link, phone);
  await guest.getByRole('article', { name: 'You' }).getByText('this').waitFor();
  await guest.getByText('Read-only. The link expires').waitFor();
  await guest.getByRole('button', { name: /^Plan/ }).waitFor();
  expect(await guest.locator('.tool').count()).toBe(0);
  expect(await guest.getByRole('textbox').count()).toBe(0);
  expect(await axeFinds(guest)).toEqual([]);
  await desk.call('runs.send', { sessionId: id, text: 'One more thing' });
  await guest.getByRole('article', { name: 'You' }).getByText('One more thing').waitFor();
  expect(complaints).toEqual([]);

  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await expect.poll(() => dialog.getByRole('button', { name: 'Revoke' }).count()).toBe(0);
  await guest.reload();
  await guest.getByRole('heading', { name: 'This link does not work' }).waitFor();
});

test('a link with files shows them, also those that come while it is open', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked(`Begin\n${fence('sh', '> first')}`);
  const { path } = await desk.call<{ path: string }>('shares.create', { sessionId: id, files: true });
  const { page } = await desk.open(path);
  const files = page.getByRole('region', { name: 'Files' });
  await files.getByRole('button', { name: 'first' }).waitFor();
  await desk.call('runs.send', { sessionId: id, text: `Write\n${fence('file:notes/a.md', '# From the workspace')}` });
  await files.getByRole('button', { name: 'notes' }).click();
  await files.getByRole('button', { name: 'a.md' }).click();
  await files.getByRole('heading', { name: 'From the workspace' }).waitFor();
  await files.getByRole('button', { name: 'Download' }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
});
