import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { desk, phone } from './desk.ts';

const { page: open, worked, call } = desk();

const row = (page: Page, name: string) => page.locator('.session').filter({ hasText: name });
const palette = async (page: Page, command: string) => {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill(command);
  await page.keyboard.press('Enter');
};
const ended = (page: Page) => page.locator('.ended').last().waitFor();

test('the list finds a session by its title at once, and by the text of any message', async (context) => {
  const id = await worked('Look for the okapi', { title: 'Animals' });
  await worked('Nothing to see');
  const { page } = await open(context, `/#${id}`);
  await ended(page);
  await call('runs.send', { sessionId: id, text: 'And now the quagga' });
  await expect.poll(() => page.locator('.ended').count()).toBe(2);
  const field = page.getByRole('searchbox', { name: 'Search the sessions' });
  await field.fill('anim');
  await expect.poll(() => page.locator('.session').count()).toBe(1);
  await field.fill('okapi'); // neither in the title nor in the newest message
  await row(page, 'Animals').getByText('in a message').waitFor();
  expect(await page.locator('.session').count()).toBe(1);
  await field.fill('zebra crossing');
  await page.getByText('No session matches.').waitFor();
});

test('an archived session leaves the list, stands in the archive, and comes back', async (context) => {
  const id = await worked('Old work');
  const { page } = await open(context, `/#${id}`);
  await row(page, 'Old work').hover();
  await page.getByRole('button', { name: 'Archive Old work' }).click();
  await expect.poll(() => row(page, 'Old work').count()).toBe(0);
  await page.getByRole('button', { name: /^Archived \(\d+\)/ }).click();
  await row(page, 'Old work').waitFor();
  await palette(page, 'archive or');
  await expect.poll(() => page.getByRole('button', { name: /^Archived/ }).count()).toBe(0);
  await row(page, 'Old work').waitFor();
});

test('a pinned session stands above the days', async (context) => {
  const id = await worked('Keep me on top');
  await worked('Newer');
  const { page } = await open(context, `/#${id}`);
  await ended(page);
  await palette(page, 'pin or unpin');
  await page.locator('.day').filter({ hasText: 'Pinned' }).waitFor();
  expect(await page.locator('.day').allTextContents()).toEqual(['Pinned', 'Today']);
  expect(await page.locator('.session').first().textContent()).toContain('Keep me on top');
  await call('sessions.update', { id, pinned: false });
});

test('a session that worked unseen has a mark, which opening it removes', async (context) => {
  const id = await worked('Work alone');
  const { page } = await open(context);
  const mark = row(page, 'Work alone').getByRole('img', { name: /unread$/ });
  await mark.waitFor();
  await page.goto(`/#${id}`);
  await ended(page);
  await expect.poll(() => mark.count()).toBe(0);
});

test('many sessions are deleted together, after a question', async (context) => {
  await worked('Remove me one');
  await worked('Remove me two');
  const { page } = await open(context);
  await page.getByRole('searchbox').fill('Remove me');
  await expect.poll(() => page.locator('.session').count()).toBe(2);
  await palette(page, 'choose sessions');
  await page.getByRole('button', { name: 'All', exact: true }).click();
  await page.getByText('2 chosen').waitFor();
  await page.locator('.chosen-bar').getByRole('button', { name: 'Delete' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete 2 sessions?' });
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('No session matches.').waitFor();
});

test('the title of the tab counts the sessions that wait, and those that ended while nobody looked', async (context) => {
  const id = await worked('Ask\n```ask\nWhich one?\n```');
  const { page } = await open(context, `/#${id}`);
  await expect.poll(() => page.title()).toMatch(/^\(1\) \? Ask/);
  await call('runs.send', { sessionId: id, text: 'that one' });
  await expect.poll(() => page.title()).toBe('Ask · Corral');
  await page.evaluate("Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })");
  await call('runs.send', { sessionId: id, text: 'once more' });
  await expect.poll(() => page.title()).toBe('(1) Ask · Corral');
});

test('a notification tells of the end of work, where the person allowed it', async (context) => {
  const id = await worked('Tell me');
  const { page } = await open(context, `/#${id}`);
  await ended(page);
  await page.evaluate(`
    window.told = [];
    window.Notification = class { static permission = 'granted'; constructor(title, { body }) { told.push([title, body]); } };
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });`);
  await call('runs.send', { sessionId: id, text: 'again' });
  await expect.poll(() => page.evaluate('told')).toEqual([['Tell me', 'The agent has finished']]);
});

test('on a phone a menu has what the header has no room for', async (context) => {
  const id = await worked('In my pocket');
  const { page } = await open(context, `/#${id}`, phone);
  await ended(page);
  await page.getByRole('button', { name: 'More' }).click();
  const menu = page.getByRole('menu', { name: 'More' });
  expect(await menu.getByRole('menuitem').count()).toBe(7);
  await page.keyboard.press('ArrowDown');
  expect(await page.evaluate('document.activeElement.textContent')).toContain('Archive or unarchive');
  await menu.getByRole('menuitem', { name: 'Share this session' }).click();
  await page.getByRole('dialog', { name: 'Share this session' }).waitFor();
});
