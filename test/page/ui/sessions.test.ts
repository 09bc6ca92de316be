import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { axeFinds, deskTest, openSettings, phone, runCommand, typeInto } from './desk.ts';

const test = deskTest();
const adminTest = deskTest({}, 'admin');

const row = (page: Page, name: string) => page.locator('.session').filter({ hasText: name });
const ended = (page: Page) => page.locator('.ended').last().waitFor();

test('the list finds a session by its title at once, and by the text of any message', async ({ desk }) => {
  const id = await desk.worked('Look for the okapi', { title: 'Animals' });
  await desk.worked('Nothing to see');
  const { page } = await desk.open(`/#${id}`);
  await ended(page);
  await desk.call('runs.send', { sessionId: id, text: 'And now the quagga' });
  await expect.poll(() => page.locator('.ended').count()).toBe(2);
  const field = page.getByRole('searchbox', { name: 'Search sessions' });
  await typeInto(field, 'anim');
  await expect.poll(() => page.locator('.session').count()).toBe(1);
  await typeInto(field, 'okapi'); // neither in the title nor in the newest message
  await row(page, 'Animals').getByText('in a message').waitFor();
  expect(await page.locator('.session').count()).toBe(1);
  await typeInto(field, 'zebra crossing');
  await page.getByText('No matching sessions.').waitFor();
});

test('a pinned session stands above the days, and an archived one leaves the list and comes back', {
  tags: ['all'],
}, async ({ desk }) => {
  const id = await desk.worked('Keep me on top');
  await desk.worked('Newer');
  const { page } = await desk.open(`/#${id}`);
  await ended(page);
  await runCommand(page, 'pin session');
  await page.locator('.day').filter({ hasText: 'Pinned' }).waitFor();
  expect(await page.locator('.day').allTextContents()).toEqual(['Pinned', 'Today']);
  expect(await page.locator('.session').first().textContent()).toContain('Keep me on top');
  await row(page, 'Keep me on top').hover();
  await page.getByRole('button', { name: 'Archive Keep me on top' }).click();
  await expect.poll(() => row(page, 'Keep me on top').count()).toBe(0);
  await page.getByRole('button', { name: /^Archived \(\d+\)/ }).click();
  await row(page, 'Keep me on top').waitFor();
  await runCommand(page, 'unarchive session');
  await expect.poll(() => page.getByRole('button', { name: /^Archived/ }).count()).toBe(0);
  await row(page, 'Keep me on top').waitFor();
});

test('a session that worked unseen has a mark, which opening it removes', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked('Work alone');
  const { page } = await desk.open();
  const mark = row(page, 'Work alone').getByRole('img', { name: /unread$/ });
  await mark.waitFor();
  await page.goto(`/#${id}`);
  await ended(page);
  await expect.poll(() => mark.count()).toBe(0);
});

test('a range is chosen with shift, by mouse and by keyboard, and deleted after a question', async ({ desk }) => {
  for (const n of [1, 2, 3, 4, 5]) {
    const id = await desk.worked(`Remove me ${n}`);
    // The list is in the order of their last messages.
    const { sessions } = desk.server.core.services;
    await expect.poll(async () => (await sessions.get(SessionId.parse(id))).status).toBe('completed');
  }
  const { page } = await desk.open();
  await typeInto(page.getByRole('searchbox'), 'Remove me');
  await expect.poll(() => page.locator('.session').count()).toBe(5);
  await page.getByRole('button', { name: 'Select sessions' }).click();
  await row(page, 'Remove me 5').click();
  await row(page, 'Remove me 3').click({ modifiers: ['Shift'] });
  await page.getByText('3 selected').waitFor();
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByText('4 selected').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete 4 sessions?' });
  await dialog
    .getByText(/^Their conversations, sandboxes and workspace files will be deleted. This can’t be undone./)
    .waitFor();
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('4 sessions deleted.').waitFor();
  await expect.poll(() => page.locator('.session').count()).toBe(1);
});

test('on a phone all runs of the list are stopped together, visibly', { tags: ['nightly'] }, async ({ desk }) => {
  for (const n of [1, 2, 3]) await desk.worked(`Ask ${n} of them\n\`\`\`ask\nWhich?\n\`\`\``);
  const { page } = await desk.open('/', phone);
  const reports: string[] = [];
  await page.exposeFunction('tell', (text: string) => reports.push(text));
  await page.getByRole('button', { name: 'Sessions' }).click();
  await typeInto(page.getByRole('searchbox'), 'of them');
  await expect.poll(() => page.getByRole('listitem').getByText('waiting for you').count()).toBe(3);
  await page.evaluate(`new MutationObserver(() => {
    const shown = document.querySelector('.chosen-bar progress');
    if (shown) tell(shown.getAttribute('aria-label'));
  }).observe(document.getElementById('sidebar'), { childList: true, subtree: true })`);
  await page.getByRole('button', { name: 'Select sessions' }).click();
  await page.getByRole('button', { name: 'Select all', exact: true }).click();
  await page.getByRole('button', { name: 'Stop', exact: true }).last().click();
  await page.getByText('3 runs stopped.').waitFor();
  await expect.poll(() => page.locator('#sidebar .dot[data-status=stopped]').count()).toBe(3);
  expect(reports).toContain('Stopping runs: 0 of 3…');
});

test('the list shows one state or project, to which new sessions belong', { tags: ['nightly'] }, async ({ desk }) => {
  await desk.worked('Break this\n```fail\nThe disk is on fire.\n```');
  await desk.worked('Whole one');
  const { page } = await desk.open();
  await row(page, 'Whole one').waitFor();
  await page.getByRole('button', { name: 'Filter sessions' }).click();
  const state = page.getByRole('combobox', { name: 'Filter by status' });
  await state.selectOption('failed');
  await expect.poll(() => page.locator('.session').count()).toBe(1);
  await row(page, 'Break this').waitFor();
  await state.selectOption('All statuses');
  const project = page.getByRole('combobox', { name: 'Filter by project' });
  await project.selectOption('New project…');
  const dialog = page.getByRole('dialog', { name: 'New project' });
  expect(await axeFinds(page)).toEqual([]);
  await typeInto(dialog.getByRole('textbox', { name: 'Project name' }), 'Garden');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('No matching sessions.').waitFor();
  await typeInto(page.getByRole('textbox', { name: 'Message' }), 'Plant a tree');
  await page.keyboard.press('Enter');
  await row(page, 'Plant a tree').waitFor();
  await project.selectOption('All projects');
  await row(page, 'Whole one').waitFor();
  await project.selectOption('Garden');
  await expect.poll(() => page.locator('.session').count()).toBe(1);
});

test('the title of the tab counts sessions that wait or ended unseen', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked('Ask\n```ask\nWhich one?\n```');
  const { page } = await desk.open(`/#${id}`);
  await expect.poll(() => page.title()).toMatch(/^\(1\) \? Ask/);
  await desk.call('runs.send', { sessionId: id, text: 'that one' });
  await expect.poll(() => page.title()).toBe('Ask · Corral');
  await page.evaluate("Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })");
  await desk.call('runs.send', { sessionId: id, text: 'once more' });
  await expect.poll(() => page.title()).toBe('(1) Ask · Corral');
});

test('notifications tell that the agent waits or ended, and open it', { tags: ['all'] }, async ({ desk }) => {
  const id = await desk.worked('Tell me');
  const { page } = await desk.open();
  await page.evaluate(`
    window.notices = [];
    window.Notification = class {
      static permission = 'default';
      static requestPermission = async () => (Notification.permission = 'granted');
      constructor(title, { body }) {
        notices.push([title, body]);
        window.shown = this;
      }
      close() {}
    };`);
  await row(page, 'Tell me').waitFor();
  await openSettings(page, 'Notifications');
  await page.getByRole('button', { name: 'Allow notifications' }).click();
  await page.getByText('Notifications are on.').waitFor();
  await page.keyboard.press('Escape');
  await page.evaluate("Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })");
  const reported = () => page.evaluate('notices.map(([, body]) => body)');
  await desk.call('runs.send', { sessionId: id, text: 'again\n```ask\nWhich?\n```' });
  await expect.poll(reported).toEqual(['The agent is waiting for you']);
  await desk.call('runs.send', { sessionId: id, text: 'this one' });
  await expect.poll(reported).toEqual(['The agent is waiting for you', 'The agent finished']);
  await page.evaluate('shown.onclick()');
  await expect.poll(() => new URL(page.url()).hash).toBe(`#${id}`);
});

test('the palette reaches everything by keyboard, and gives the focus back', { tags: ['all'] }, async ({ desk }) => {
  const id = await desk.worked('By keyboard');
  const { page } = await desk.open(`/#${id}`);
  await ended(page);
  const field = page.getByRole('combobox', { name: 'Command palette' });
  const focused = () => page.evaluate('document.activeElement.id');
  await expect.poll(focused).toBe('message');
  await page.keyboard.press('Control+k');
  await field.waitFor();
  const all = await page.locator('[role=option]').allTextContents();
  for (const one of [
    'New session',
    'Stop',
    'Rename',
    'Pin',
    'Archive',
    'Fork',
    'Share',
    'Delete',
    'Settings',
    'Search',
  ]) {
    const isThere = all.some((text) => text.startsWith(one));
    expect(isThere, one).toBe(one !== 'Stop'); // no run is active
  }
  const chosen = () => page.locator('[role=option][aria-selected=true]').textContent();
  const [first, second] = all;
  expect(await chosen()).toBe(first);
  await page.keyboard.press('ArrowDown');
  expect(await chosen()).toBe(second);
  expect(await field.getAttribute('aria-activedescendant')).toBe('palette-1');
  await page.evaluate(`for (const init of [{ key: 'Escape' }, { key: 'k', ctrlKey: true }])
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { ...init, bubbles: true }))`); // within one frame
  await field.waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => field.count()).toBe(0);
  await expect.poll(focused).toBe('message');
  for (const tab of ['Files', 'Terminal', 'Processes', 'Desktop', 'Timeline', 'Cost']) {
    await runCommand(page, tab.toLowerCase());
    await page.getByRole('tab', { name: tab, selected: true }).waitFor();
  }
  await runCommand(page, 'by keyb'); // a session, by its name
  await expect.poll(() => page.locator('h1').textContent()).toBe('By keyboard');
});

adminTest('where the policy opens nothing the settings say why', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked('Look around');
  const data = { host: 'files.example.org', port: 443, decision: 'refused', rule: 'not listed' } as const;
  await desk.tell(id, { type: 'egress', runId: null, data });
  const { page } = await desk.open(`/#${id}`);
  await page.getByRole('button', { name: 'Review in Settings' }).click();
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  await dialog
    .getByText("You can’t allow hosts here. The policy 'none' gives the sandbox no network access.")
    .waitFor();
  expect(await dialog.getByRole('button', { name: 'Allow files.example.org' }).isDisabled()).toBe(true);
});

test('on a phone a menu has what the header has no room for', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked('In my pocket');
  const { page } = await desk.open(`/#${id}`, phone);
  await ended(page);
  await page.getByRole('button', { name: 'More' }).click();
  const menu = page.getByRole('menu', { name: 'More' });
  expect(await menu.getByRole('menuitem').count()).toBe(9);
  const focused = () => page.evaluate('document.activeElement.textContent');
  await expect.poll(focused).toContain('Pin session');
  await page.keyboard.press('ArrowDown');
  expect(await focused()).toContain('Archive session');
  await menu.getByRole('menuitem', { name: 'Share this session' }).click();
  await page.getByRole('dialog', { name: 'Share this session' }).waitFor();
});
