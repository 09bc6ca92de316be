// @module-tag all
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { deskTest, phone, typeInto } from './desk.ts';

const test = deskTest();

/** Presses a key that an input method handles: while it composes, and in Safari's order, which ends the composition first. */
const composed = (page: Page, key: string) =>
  page.evaluate(`for (const isComposing of [true, false]) {
    const event = new KeyboardEvent('keydown', { key: '${key}', bubbles: true, cancelable: true, isComposing, keyCode: 229 });
    document.activeElement.dispatchEvent(event);
  }`);
const directionOf = (page: Page, selector: string, hasText: string) =>
  page
    .locator(selector, { hasText })
    .last()
    .evaluate((node) => getComputedStyle(node as never).direction);

test('Enter that ends a composition sends no message, saves no title and runs no command', async ({ desk }) => {
  const id = await desk.worked('はじめ');
  const { page } = await desk.open(`/#${id}`);
  await page.locator('.ended').waitFor();
  const field = page.getByLabel('Message', { exact: true });
  const input = await page.context().newCDPSession(page);
  await field.focus();
  await input.send('Input.imeSetComposition', { text: 'にほ', selectionStart: 2, selectionEnd: 2 });
  await composed(page, 'Enter');
  await input.send('Input.insertText', { text: '日本' });
  await page.evaluate("navigator.clipboard.writeText('語\\nです')");
  await page.keyboard.press('Control+v');
  expect(await field.inputValue()).toBe('日本語\nです');
  const title = page.getByRole('textbox', { name: 'Rename' });
  await title.focus();
  for (const key of ['Enter', 'Escape']) await composed(page, key);
  expect(await page.evaluate("document.activeElement.classList.contains('title')")).toBe(true);
  await field.focus();
  await page.keyboard.press('Control+k');
  const palette = page.locator('.palette-field');
  await typeInto(palette, 'set');
  for (const key of ['Enter', 'ArrowDown']) await composed(page, key);
  expect(await palette.getAttribute('aria-activedescendant')).toBe('palette-0');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
});

test('Arabic and Hebrew run from right to left, each text for itself, code from left to right', async ({ desk }) => {
  const text = 'مرحبا **بالعالم** `code()`\n\n- בדיקה\n\n> اقتباس\n\nEnglish\n\n```\nlet x = "שלום";\n```';
  const id = await desk.worked(text);
  await desk.call('sessions.update', { id, title: 'שיחה חדשה' });
  const { page } = await desk.open(`/#${id}`);
  await page.locator('.ended').waitFor();
  const directions: Record<string, unknown> = {};
  for (const [selector, part] of [
    ['.bubble p', 'مرحبا'],
    ['.bubble ul', 'בדיקה'],
    ['.bubble blockquote', 'اقتباس'],
    ['.bubble p', 'English'],
    ['.bubble p code', 'code'],
    ['.bubble pre', 'let'],
    ['h1 .title', 'שיחה'],
    ['.session-name', 'שיחה'],
  ] as const) {
    directions[`${selector} ${part}`] = await directionOf(page, selector, part);
  }
  const expected = ['rtl', 'rtl', 'rtl', 'ltr', 'ltr', 'ltr', 'rtl', 'rtl'];
  expect(Object.values(directions), JSON.stringify(directions)).toEqual(expected);
  await typeInto(page.getByLabel('Message', { exact: true }), 'سلام');
  expect(await directionOf(page, '#message', '')).toBe('rtl');
});

test('on a phone no field is so small that iOS zooms into it', async ({ desk }) => {
  const id = await desk.worked('hello');
  const { page } = await desk.open(`/#${id}`, { ...phone, hasTouch: true });
  await page.locator('.ended').waitFor();
  const small = () =>
    page.evaluate(`[...document.querySelectorAll('input, select, textarea, [contenteditable]')]
      .filter((node) => !['checkbox', 'radio', 'file', 'range', 'color', 'hidden'].includes(node.type))
      .filter((node) => parseFloat(getComputedStyle(node).fontSize) < 16)
      .map((node) => node.outerHTML.slice(0, 120))`);
  expect(await small()).toEqual([]);
  for (const dialog of ['#/settings', '#/automations']) {
    await page.evaluate(`location.hash = '${dialog}'`);
    expect(await small()).toEqual([]);
  }
  const field = page.getByLabel('Message', { exact: true });
  await typeInto(field, '/set');
  await page.getByRole('option', { name: '/settings' }).tap();
  for (const tab of await page.getByRole('dialog').getByRole('tab').all()) {
    await tab.tap();
    expect(await small()).toEqual([]);
  }
});
