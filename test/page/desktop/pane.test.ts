// @module-tag all
import { expect, onTestFinished, test } from 'vitest';
import { browse } from '../../support/clients/browser.ts';
import { describeRows } from '../../support/runner/tags.ts';
import { shownDesktop } from '../../support/sandboxes/shown-desktop.ts';
import { phone, wide } from '../ui/desk.ts';

// The desktop inside the main page: a frame with the desktop's page.
const shown = shownDesktop(74);

describeRows([wide, { ...phone, dark: false }])('at $width pixels', (size) => {
  test('the main page offers a stopped desktop, starts it, and shows it while it runs', async (context) => {
    const { id } = await shown.session(context);
    await shown.desktop.client.stop(AbortSignal.timeout(60_000));
    const { page, complaints } = await browse(context, size);
    await page.goto(`${shown.server.url}/#${id}`);
    if (size.width < 860) await page.getByRole('button', { name: 'Work' }).click();
    await page.getByRole('tab', { name: 'Desktop' }).click();
    await page.getByText('The desktop is not running.').waitFor();
    await page.getByRole('button', { name: 'Start desktop' }).click();
    const pane = page.frameLocator('.desktop-tab iframe');
    await pane.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
    await shown.paint('#2060a0');
    const colour = `(() => {
    const canvas = document.querySelector('.desktop-tab iframe').contentDocument.querySelector('#screen canvas');
    return [...canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3).join(' ');
  })()`;
    await expect.poll(() => page.evaluate(colour)).toBe('32 96 160');
    expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0);
    expect(await pane.getByRole('link', { name: 'Open in new tab' }).getAttribute('href')).toBe(
      `/sessions/${id}/desktop`,
    );
    // The test's own pixel reads cause that warning.
    expect(complaints.filter((text) => !text.includes('willReadFrequently'))).toEqual([]);
  });
});

test('a sandbox without a desktop gets one on request, when it can', { tags: ['nightly'] }, async (context) => {
  const { id } = await shown.session(context);
  const fake = shown.server.others.desktop;
  const { client } = shown.desktop;
  const input = { client: undefined, next: client, offer: { state: 'building', detail: 'layer 2 of 3', seconds: 61 } };
  Object.assign(fake, input);
  onTestFinished(() => void Object.assign(fake, { client, next: undefined, offer: undefined }));
  const { page } = await browse(context, wide);
  await page.goto(`${shown.server.url}/#${id}`);
  await page.getByRole('tab', { name: 'Desktop' }).click();
  await page.getByText('The desktop image is being built.').waitFor();
  await page.getByText('layer 2 of 3, 1 min').waitFor();
  expect(await page.getByRole('button', { name: /with a desktop/ }).count()).toBe(0);
  fake.offer = { state: 'ready' };
  await page.getByRole('button', { name: 'Restart with desktop' }).click();
  await page.frameLocator('.desktop-tab iframe').getByText('Live', { exact: true }).waitFor({ state: 'attached' });
});
