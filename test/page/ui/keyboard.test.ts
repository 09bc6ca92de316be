// @module-tag all
// A person uses the page by keys alone, or by touch: what is within reach, and where the focus is afterwards.
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { type Desk, deskTest, phone } from './desk.ts';

const test = deskTest({ CORRAL_DRIVER: 'process', CORRAL_APPROVALS_TOOLS: 'shell_exec' });
const focused = (page: Page) =>
  page.evaluate<string>(
    `(({ tagName, ariaLabel, innerText }) => tagName + ' ' + (ariaLabel ?? innerText))(document.activeElement)`,
  );
const write = `Write\n${fence('file:notes.html', '<p>one</p>')}`;

async function opened(desk: Desk, task: string) {
  const visit = await desk.open(`/#${await desk.worked(task)}`);
  await visit.page.locator('.ended').first().waitFor();
  return visit;
}

test('a review goes on after its comment, and keys lead from the run to the file', async ({ desk }) => {
  const { page, complaints } = await opened(desk, write);
  await page.getByRole('button', { name: 'Review changes' }).press('Enter');
  await expect.poll(() => focused(page)).toBe('BUTTON Files');
  await page.getByRole('button', { name: 'new notes.html' }).press('Enter');
  const now = page.getByRole('textbox', { name: 'Changes to notes.html' });
  await now.focus();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Command palette' }).press('Escape');
  await expect.poll(() => page.evaluate(`document.activeElement.closest('.editor-text') !== null`)).toBe(true);
  await page.getByRole('button', { name: 'Comment on line 1' }).last().press('Enter');
  await page.keyboard.type('Shorter, please.');
  await page.keyboard.press('Control+Enter');
  await page.locator('.ended').nth(1).waitFor();
  await now.getByText('one').waitFor();
  await expect.poll(() => page.evaluate(`document.activeElement.closest('.editor-text') !== null`)).toBe(true);
  expect(complaints).toEqual([]);
});

test('a call is rejected with a reason typed after Enter, and Cancel goes back', async ({ desk }) => {
  const { page } = await desk.open(`/#${await desk.worked(`Try\n${fence('sh', 'echo one')}`)}`);
  const explain = page.getByRole('button', { name: 'Reject and explain' });
  await explain.press('Enter');
  await page.getByRole('group', { name: 'Approval' }).getByRole('button', { name: 'Cancel' }).press('Enter');
  await explain.press('Enter');
  await page.keyboard.type('Not today');
  await page.keyboard.press('Escape');
  await explain.press('Enter');
  await expect.poll(() => focused(page)).toMatch(/^INPUT/);
  await page.keyboard.press('Enter');
  await page.getByText('Not today').first().waitFor();
});

test('a control that is gone or disabled passes the focus on to the next one', async ({ desk }) => {
  const { page } = await opened(desk, write);
  await page.keyboard.press('Control+,');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Memory' }).press('Enter');
  await expect.poll(() => focused(page)).toMatch(/^SECTION Memory/);
  await page.keyboard.press('Escape');
  for (const change of ['disabled = true', 'remove()']) {
    await page.getByRole('button', { name: 'Fork here' }).first().waitFor();
    await page.evaluate(`(() => {
      const button = Object.assign(document.createElement('button'), { id: 'doomed', textContent: 'Doomed' });
      document.querySelector('.work-head').prepend(button);
    })()`);
    await page.locator('#doomed').press('Shift');
    await page.evaluate(`document.getElementById('doomed').${change}`);
    await expect.poll(() => focused(page)).toBe('BUTTON Files');
    await page.evaluate(`document.getElementById('doomed')?.remove()`);
  }
});

test('Tab enters a long list of sessions at its first row, also after a way through it', async ({ desk }) => {
  const ids: string[] = [];
  for (let made = 0; made < 40; made++) ids.unshift((await desk.call('sessions.create', {})).id);
  const { page } = await desk.open(`/#${ids.at(-1)}`);
  await page.locator(`a[href="#${ids.at(-1)}"]`).waitFor();
  await page.locator('.search-row button').last().focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await expect.poll(() => page.evaluate('document.activeElement.hash')).toBe(`#${ids[0]}`);
});

test('a file that the agent changes takes no focus from the message, and Discard gives it back', async ({ desk }) => {
  const id = await desk.worked(write);
  const { page } = await desk.open(`/#${id}`);
  await page.getByRole('tab', { name: 'Files' }).press('Enter');
  await page.getByRole('treeitem', { name: 'notes.html' }).press('Enter');
  const edit = page.getByRole('button', { name: 'Edit or comment' });
  await edit.press('Enter');
  const text = page.getByRole('textbox', { name: 'Contents of notes.html' });
  const isEditing = () => page.evaluate(`document.activeElement.closest('.editor-text') !== null`);
  await expect.poll(isEditing).toBe(true);
  await page.locator('#message').focus();
  await page.keyboard.type('Half');
  await desk.call('runs.send', { sessionId: id, text: fence('file:notes.html', '<p>two</p>') });
  await text.getByText('two').waitFor();
  await page.keyboard.type(' a sentence');
  expect(await page.locator('#message').inputValue()).toBe('Half a sentence');
  await text.press('End');
  await page.keyboard.type('x');
  await page.getByRole('button', { name: 'Cancel' }).press('Enter');
  await page.getByRole('button', { name: 'Discard', exact: true }).press('Enter');
  await expect.poll(() => focused(page)).toBe('BUTTON Edit or comment');
});

test('a page of the sandbox is entered by keys', async ({ desk }) => {
  const { page } = await opened(desk, write);
  await page.getByRole('button', { name: 'Open notes.html' }).press('Enter');
  await expect.poll(() => focused(page)).toBe('BUTTON Files');
  const enter = page.getByRole('button', { name: 'Enter the page' });
  await enter.waitFor({ state: 'attached' });
  await enter.press('Enter');
  await expect.poll(() => focused(page)).toMatch(/^IFRAME/);
});

test('a part that an updated server no longer has offers to reload the page', async ({ desk }) => {
  const id = await desk.worked(write);
  const { page } = await desk.open(`/#${id}`);
  await page.locator('.ended').first().waitFor();
  await page.route('**/static/part-*', (route) => route.fulfill({ status: 404 }));
  await page.getByRole('tab', { name: 'Cost' }).click();
  await page.getByText('The server was updated.').waitFor();
  await page.unroute('**/static/part-*');
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.getByRole('tab', { name: 'Cost', selected: true }).waitFor();
  await page.getByText('The server was updated.').waitFor({ state: 'hidden' });
});

test('in a narrow window Tab stays in the list of sessions, and the focus follows what is opened', async ({ desk }) => {
  await desk.worked('Say hello');
  const { page } = await desk.open(`/#${await desk.worked(write)}`, phone);
  const menu = page.getByRole('button', { name: 'Sessions' });
  await menu.press('Enter');
  await page.getByRole('link', { name: /Say hello/ }).waitFor();
  await expect.poll(() => focused(page)).toBe('BUTTON New session');
  expect(await page.locator(':is(main > :not(.notice-place), .work, .phone-tabs):not([inert])').count()).toBe(0);
  await page.getByRole('button', { name: 'Skills' }).press('Enter');
  await page.getByRole('dialog', { name: 'Skills' }).press('Escape');
  await expect.poll(() => focused(page)).toMatch(/^BUTTON Sessions/);
  await menu.press('Enter');
  await page.getByRole('link', { name: /Say hello/ }).press('Enter');
  await expect.poll(() => focused(page)).toBe('TEXTAREA Message');
});

test('on a phone a tap on a session opens it, and shows its conversation', async ({ desk }) => {
  const first = await desk.worked(write);
  await desk.worked('Say hello');
  const { page } = await desk.open(`/#${first}`, { ...phone, hasTouch: true });
  await page.locator('.ended').first().waitFor();
  await page.getByRole('button', { name: 'Work', exact: true }).tap();
  await page.getByRole('button', { name: 'Sessions' }).tap();
  const row = page.getByRole('link', { name: /Say hello/ });
  const box = await row.boundingBox();
  await row.tap({ position: { x: (box?.width ?? 0) - 30, y: 20 } });
  await page.getByRole('article', { name: 'You' }).getByText('Say hello').waitFor();
  await page.getByRole('button', { name: 'Sessions' }).tap();
  await page.getByRole('link', { name: /Write/ }).waitFor(); // not archived
});
