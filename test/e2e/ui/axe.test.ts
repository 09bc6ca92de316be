import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { fence } from '../../support/api.ts';
import { axeFinds, desk, middle, phone, wide } from './desk.ts';

const { page: open, worked, call } = desk();

const table = '| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done';
const task = `Do it\n\n${table}\n${fence('file:a.ts', 'const a = 1;')}\n${fence('sh', 'seq 1 40')}\n${fence('ask', 'Go on?')}`;

const command = async (page: Page, name: string) => {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill(name);
  await page.keyboard.press('Enter');
};

test.each([
  ['1440', wide],
  ['1024', middle],
  ['390', phone],
])('at %s pixels axe finds nothing on any view, light and dark', { timeout: 120_000 }, async (_name, size, ...rest) => {
  const context = rest.at(-1) as unknown as Parameters<typeof open>[0];
  const { page } = await open(context, '/', size);
  const found: unknown[] = [];
  const check = async (view: string) => {
    // The colours alone differ between the themes.
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await axeFinds(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await axeFinds(page, 'color-contrast');
    const width = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    for (const text of [...light, ...dark]) found.push(`${view}: ${text}`);
    if (width !== 0) found.push(`${view}: ${width} pixels wider than the screen`);
  };
  await page.getByText('What shall be done?').waitFor();
  await check('the first page');
  const id = await worked(task);
  await page.goto(`/#${id}`);
  await page.getByText('The agent waits for your answer.').waitFor();
  await check('a question');
  await call('runs.send', { sessionId: id, text: 'yes' });
  await page.locator('.ended').waitFor();
  await check('a conversation');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).waitFor();
  await check('the palette');
  await page.keyboard.press('Escape');
  for (const [name, ready] of [
    ['files', page.getByRole('tree', { name: /./ })],
    ['terminal', page.getByRole('button', { name: 'Open a terminal' }).first()],
    [
      'screen',
      page
        .getByRole('tabpanel')
        .getByText(/desktop/i)
        .first(),
    ],
    ['timeline', page.getByRole('slider', { name: 'Place in the log' })],
    ['cost', page.getByRole('region', { name: 'Budget left' })],
  ] as const) {
    await command(page, name);
    await ready.waitFor();
    await check(`the tab ${name}`);
  }
  await command(page, 'share this');
  await page.getByRole('button', { name: 'Create a link' }).click();
  await page.getByRole('textbox', { name: 'Link' }).waitFor();
  await check('sharing');
  const link = await page.getByRole('textbox', { name: 'Link' }).inputValue();
  await page.keyboard.press('Escape');
  await command(page, 'fork this');
  await page.getByRole('dialog', { name: 'Fork this session' }).waitFor();
  await check('forking');
  await page.keyboard.press('Escape');
  await command(page, 'delete this');
  await page.getByRole('dialog', { name: 'Delete this session?' }).waitFor();
  await check('a question before a deletion');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+,');
  for (const section of ['Appearance', 'Notifications', 'Models and keys', 'Tools and approvals', 'Network']) {
    await page.getByRole('dialog').getByRole('button', { name: section }).click();
    await page.getByRole('dialog').getByText('Loading…').waitFor({ state: 'hidden' });
    await check(`the settings: ${section}`);
  }
  await page.keyboard.press('Escape');
  await command(page, 'search the sessions');
  await page.getByRole('searchbox').waitFor();
  await page.waitForTimeout(250); // the list slides in
  await check('the list of sessions');
  await page.goto(link);
  await page.getByRole('article', { name: 'You' }).first().waitFor();
  await check('the shared session');
  expect(found).toEqual([]);
});
