import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fence } from '../../support/api.ts';
import { browse } from '../../support/browser.ts';
import { needs } from '../../support/components.ts';
import { composedServer } from '../../support/composed.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Each rule that the page breaks, with the elements. */
const broken = `axe.run(document).then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`;

describe.each([
  ['light', { width: 1440, height: 900, dark: false }],
  ['dark', { width: 1024, height: 768, dark: true }],
  ['a phone', { width: 390, height: 844, dark: true }],
])('%s', (_where, size) => {
  test('axe finds nothing on the first page, a conversation, the palette, the cost and the settings', async (context) => {
    await needs(context, 'chromium');
    const server = await composedServer();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const { page } = await browse(context, size);
    const check = async (what: string) => {
      await page.evaluate(axe);
      expect(await page.evaluate(broken), what).toEqual([]);
    };
    await page.goto(server.url);
    await page.getByText('What shall be done?').waitFor();
    await check('the first page');
    const table = '| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done';
    await page
      .getByLabel('Message')
      .fill(`Do it\n\n${table}\n${fence('file:a.ts', 'const a = 1;')}\n${fence('file:b.md', '# x')}`);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.ended').waitFor();
    await check('a conversation');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Commands' }).fill('cost');
    await check('the palette');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'This session' }).waitFor();
    await check('the cost');
    await page.keyboard.press('Control+,');
    await page.getByRole('dialog', { name: 'Settings' }).waitFor();
    await check('the settings');
  });
});
