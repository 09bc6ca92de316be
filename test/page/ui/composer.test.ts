// @module-tag all
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, deskTest, phone, typeInto } from './desk.ts';

const test = deskTest({ CORRAL_DRIVER: 'process' });

test('what is typed while a message is being sent stays, and nothing of that message', async ({ desk }) => {
  const { page } = await desk.open();
  const field = page.getByLabel('Message', { exact: true });
  await field.focus();
  const box = () => field.inputValue();
  await page.keyboard.type('first');
  await page.keyboard.press('Enter');
  await page.keyboard.type('second', { delay: 15 });
  await page.getByText('first', { exact: true }).last().waitFor();
  await expect.poll(box).toBe('second');
  await page.keyboard.press('Enter');
  await page.keyboard.type('third');
  await expect.poll(box).toBe('third');
  await page.reload();
  await expect.poll(box).toBe('third');
});

test('a file is completed by its letters and attached, commands act, Escape leaves the text', async ({ desk }) => {
  const id = await desk.worked(`Write\n${fence('file:docs/Übersicht.md', 'x')}\n${fence('file:src/app.ts', '1')}`);
  const { page } = await desk.open(`/#${id}`);
  await page.locator('.ended').waitFor();
  const field = page.getByLabel('Message', { exact: true });
  const options = page.getByRole('listbox').getByRole('option');

  await field.pressSequentially('Read @ubers');
  await expect.poll(() => options.allInnerTexts()).toEqual([expect.stringContaining('Übersicht.md')]);
  expect(await field.getAttribute('aria-activedescendant')).toBe(await options.first().getAttribute('id'));
  expect(await field.getAttribute('aria-controls')).toBe(await page.getByRole('listbox').getAttribute('id'));
  expect(await axeFinds(page)).toEqual([]);
  await page.keyboard.press('Enter');
  expect(await field.inputValue()).toBe('Read @docs/Übersicht.md ');
  await page.keyboard.press('Enter');
  await page.locator('.attachment').getByText('Übersicht.md', { exact: true }).waitFor();

  await typeInto(field, '');
  await field.pressSequentially('/di');
  await expect.poll(() => options.first().innerText()).toContain('/diff');
  await page.keyboard.press('Tab');
  await page.getByRole('region', { name: 'Files' }).getByRole('radio', { name: 'Changed', checked: true }).waitFor();
  expect(await field.inputValue()).toBe('');

  await field.pressSequentially('/');
  await expect.poll(() => options.count()).toBeGreaterThan(8);
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => options.last().getAttribute('aria-selected')).toBe('true');
  await page.keyboard.press('Escape');
  await expect.poll(() => options.count()).toBe(0);
  for (const name of ['aria-controls', 'aria-activedescendant']) expect(await field.getAttribute(name)).toBeNull();
  expect(await field.inputValue()).toBe('/');

  await typeInto(field, '');
  await field.pressSequentially('/help');
  await expect.poll(() => options.first().innerText()).toContain('/help');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Commands and shortcuts' }).getByText('/model').waitFor();
  expect(await axeFinds(page)).toEqual([]);
});

test('on a phone a tap takes a command, and a new session says that it has no files', async ({ desk }) => {
  const { page } = await desk.open('/', { ...phone, hasTouch: true });
  const field = page.getByLabel('Message', { exact: true });
  await field.pressSequentially('Read @a');
  await page.getByText('A new session has no files yet.', { exact: false }).waitFor();
  await typeInto(field, '');
  await field.pressSequentially('/set');
  await page.getByRole('option', { name: '/settings' }).tap();
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  expect(await field.inputValue()).toBe('');
  await page.keyboard.press('Escape');
  await field.pressSequentially('/help');
  await page.getByRole('button', { name: 'Send', exact: true }).tap();
  await page.getByRole('dialog', { name: 'Commands and shortcuts' }).waitFor();
});

test('an edited message begins a branch with the files before it', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked(fence('sh', 'echo one > a.txt'));
  const { page } = await desk.open(`/#${id}`);
  await page.locator('.ended').waitFor();
  const field = page.getByLabel('Message', { exact: true });
  await typeInto(field, fence('sh', 'echo two >> a.txt; cat a.txt'));
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('.ended').count()).toBe(2);
  const mine = page.getByRole('article', { name: 'You' });
  await mine.last().hover();
  await mine.last().getByRole('button', { name: 'Edit' }).click();
  const edited = page.getByLabel('Edited message');
  await typeInto(edited, fence('sh', 'echo three >> a.txt; cat a.txt'));
  expect(await axeFinds(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.url()).not.toContain(id);
  const group = page.getByRole('group', { name: 'Versions of this message' });
  await group.getByText('2/2').waitFor();
  await page.locator('.output, .console').getByText('three').first().waitFor();
  const reply = await page.getByRole('log', { name: 'Conversation' }).innerText();
  expect(reply).toContain('one');
  expect(reply).not.toContain('two');
  await group.getByRole('button', { name: 'Previous version' }).click();
  await group.getByText('1/2').waitFor();
  await expect.poll(() => page.url()).toContain(id);
  await page.locator('.output, .console').getByText('two').first().waitFor();
  expect(await axeFinds(page)).toEqual([]);
});

test('a goal is set with a message on a phone, and judges the run', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await desk.open('/', phone);
  const field = page.getByLabel('Message', { exact: true });
  const send = page.getByRole('button', { name: 'Send' });
  await typeInto(field, `Write it\n${fence('file:done.txt', 'yes')}`);
  await page.getByRole('button', { name: 'Add goal' }).click();
  const form = page.getByRole('group', { name: 'Goal' });
  await form.getByText('Enter success criteria or a check.').waitFor();
  expect(await send.isDisabled()).toBe(true);
  await typeInto(form.getByLabel('Checks (one command per line, optional)'), 'test -f done.txt');
  await typeInto(form.getByLabel('Max retries'), '21');
  await form.getByText('Max retries must be a whole number from 0 to 20.').waitFor();
  expect(await send.isDisabled()).toBe(true);
  await typeInto(form.getByLabel('Max retries'), '0');
  expect(await axeFinds(page)).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
  await send.click();
  await page.locator('.ended').getByText('Goal met.').waitFor();
  await page.getByText('Passed: test -f done.txt').waitFor();
  expect(await page.getByRole('group', { name: 'Goal' }).getByRole('textbox').count()).toBe(0);
});
