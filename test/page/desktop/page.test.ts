// @module-tag all
import type { Page } from 'playwright-core';
import { expect, type TestContext, test } from 'vitest';
import { browse } from '../../support/clients/browser.ts';
import { rfbClient } from '../../support/clients/rfb-client.ts';
import { describeRows } from '../../support/runner/tags.ts';
import { shownDesktop } from '../../support/sandboxes/shown-desktop.ts';
import { listenToInput } from '../../support/sandboxes/xvnc.ts';
import { axeFinds, phone, wide } from '../ui/desk.ts';

// The desktop's page with noVNC in a real browser, connected to a real Xvnc.
const shown = shownDesktop(72);

/** The colour in the middle of noVNC's canvas. */
const seen = (page: Page) =>
  page.evaluate(`(() => {
    const canvas = document.querySelector('#screen canvas');
    const [r, g, b] = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
    return [r, g, b].join(' ');
  })()`);
const live = (page: Page) => page.getByText('Live', { exact: true }).waitFor();

async function opened(context: TestContext, size: typeof wide, query = '') {
  const { id, url } = await shown.session(context);
  const seat = await browse(context, size);
  await seat.page.goto(`${shown.server.url}/sessions/${id}/desktop${query}`);
  return { ...seat, id, vnc: url() };
}

describeRows([wide, { ...phone, dark: false }])('at $width pixels', (size) => {
  test('the page shows the screen, and a person takes control, types and gives control back', async (context) => {
    const { page, complaints } = await opened(context, size);
    await live(page);
    await shown.paint('#2060a0');
    await expect.poll(() => seen(page)).toBe('32 96 160');
    expect(await axeFinds(page)).toEqual([]);
    // The person changes the theme on the main page, and the browser notifies this one.
    await page.evaluate("dispatchEvent(new StorageEvent('storage', { key: 'corral.theme', newValue: 'dark' }))");
    await expect.poll(() => page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(23, 20, 17)');
    expect(await axeFinds(page, 'color-contrast')).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0);

    using input = await listenToInput(shown.desktop);
    await page.getByRole('button', { name: 'Take control' }).click();
    await page.getByText('You have control').waitFor({ state: 'attached' });
    await page.keyboard.press('q');
    await expect.poll(input.text).toMatch(/RawKeyPress.*detail: \d+/s);
    await page.locator('#screen canvas').click({ position: { x: 100, y: 60 } });
    await expect.poll(input.text).toMatch(/RawButtonPress/);
    await page.getByRole('button', { name: 'Release control' }).click();
    await page.getByText('The agent has control').waitFor({ state: 'attached' });
    // The test's own pixel reads cause that warning.
    const ours = complaints.filter((text) => !text.includes('willReadFrequently'));
    expect(ours).toEqual([]);
  });
});

test('keyboard users go through the tools, into the screen and out again', { tags: ['nightly'] }, async (context) => {
  const { page } = await opened(context, wide);
  await live(page);
  await page.getByRole('button', { name: 'Take control' }).focus();
  const order: unknown[] = [];
  for (let n = 0; n < 5; n++) {
    await page.keyboard.press('Tab');
    order.push(await page.evaluate('document.activeElement.id || document.activeElement.tagName'));
  }
  expect(order).toEqual(['view-only', 'scale', 'BUTTON', 'BUTTON', 'CANVAS']);
  using input = await listenToInput(shown.desktop);
  await page.keyboard.press('Tab'); // the desktop gets this key
  await expect.poll(input.text).toMatch(/RawKeyPress/);
  expect(await page.evaluate('document.activeElement.tagName')).toBe('CANVAS');
  for (const key of ['Control', 'Alt', 'Shift']) await page.keyboard.down(key);
  expect(await page.evaluate('document.activeElement.id')).toBe('control');
  for (const key of ['Control', 'Alt', 'Shift']) await page.keyboard.up(key);
  const count = (what: RegExp) => input.text().match(what)?.length ?? 0;
  // No key stays pressed on the desktop.
  await expect.poll(() => count(/RawKeyPress/g) - count(/RawKeyRelease/g)).toBe(0);
});

test('View only sends no key to the screen, and the page shows another viewer in control and takes over from it', async (context) => {
  const { page, vnc } = await opened(context, wide);
  await live(page);
  using input = await listenToInput(shown.desktop);
  await page.getByLabel('View only').check();
  await page.locator('#screen canvas').click();
  await page.keyboard.press('z');
  using other = await rfbClient(`${vnc}?notices=1`);
  other.click(9, 9);
  await page.getByText('Someone else has control').waitFor();
  expect(input.text().match(/RawKeyPress/g)).toBeNull();
  await page.getByRole('button', { name: 'Take over' }).click();
  await expect.poll(() => other.reports.at(-1)?.who).toBe('another');
  expect(await page.getByLabel('View only').isChecked()).toBe(false);
});

test('F127 the page reconnects after a display dies, with the control that it had, and starts none unasked', {
  tags: ['nightly'],
}, async (context) => {
  const { page, id } = await opened(context, wide);
  await live(page);
  await page.getByRole('button', { name: 'Take control' }).click();
  await page.getByText('You have control').waitFor({ state: 'attached' });
  await page.locator('#screen canvas').focus();
  const [before] = shown.desktop.streams;
  await shown.desktop.crash();
  await expect.poll(() => [...shown.desktop.streams].filter((stream) => stream !== before).length).toBe(1);
  await live(page);
  await page.getByText('You have control').waitFor({ state: 'attached' });
  using input = await listenToInput(shown.desktop);
  await page.keyboard.press('q');
  await expect.poll(input.text).toMatch(/RawKeyPress/);
  await shown.paint('#906030');
  await expect.poll(() => seen(page)).toBe('144 96 48');
  expect((await shown.server.call('POST', `/api/v1/sessions/${id}/desktop/stop`)).body.data.state).toBe('stopped');
  await page.getByText('The desktop was stopped').waitFor();
  await page.getByRole('button', { name: 'Start again' }).click();
  await live(page);
});

test('unknown sessions and sandboxes without a desktop end the retries', { tags: ['nightly'] }, async (context) => {
  const { page, id } = await opened(context, phone);
  await live(page);
  await page.goto(`${shown.server.url}/sessions/0123456789abcdef/desktop`);
  await page.getByText('Session not found').waitFor();
  shown.server.others.desktop.client = undefined;
  await page.goto(`${shown.server.url}/sessions/${id}/desktop`);
  await page.getByText('This sandbox has no desktop.').waitFor();
  shown.server.others.desktop.client = shown.desktop.client;
  await page.getByRole('button', { name: 'Try again' }).click();
  await live(page);
});
