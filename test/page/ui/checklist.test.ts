// @module-tag all
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { deskTest, phone, typeInto } from './desk.ts';

// Behaviour that people expect of the page without instructions.
const test = deskTest({ CORRAL_DRIVER: 'process', CORRAL_APPROVALS_TOOLS: 'file_write' });
const scroller = (at: Page) => at.locator('.scroll');
const awayFromEnd = (at: Page): Promise<number> =>
  scroller(at).evaluate((node) => {
    const { scrollHeight, scrollTop, clientHeight } = node as unknown as Record<string, number>;
    return Math.round((scrollHeight ?? 0) - (scrollTop ?? 0) - (clientHeight ?? 0));
  });
const toEnd = (at: Page) => at.getByRole('button', { name: 'Jump to latest' });
/** A network between the page and the server. Stopping it closes no connection, as when a cable is unplugged. */
async function openNetwork(at: Page) {
  let { promise: isUp, resolve: go } = Promise.withResolvers<void>();
  go();
  await at.route('**/trpc/**', async (route) => {
    await isUp;
    await route.continue();
  });
  await at.routeWebSocket(/\/trpc/, async (socket) => {
    await isUp;
    const server = socket.connectToServer();
    socket.onMessage((text) => void isUp.then(() => server.send(text)));
    server.onMessage((text) => void isUp.then(() => socket.send(text)));
  });
  return {
    stop() {
      ({ promise: isUp, resolve: go } = Promise.withResolvers<void>());
    },
    go: () => go(),
  };
}
const ended = (at: Page) => at.locator('.ended').first().waitFor();

test('a person who reads further up is left there, and one button leads back to the end', async ({ desk }) => {
  const long = Array.from({ length: 60 }, (_, n) => `paragraph ${n}\n\n`).join('');
  const id = await desk.worked(`${long}${fence('file:d.txt', 'text')}`);
  const { page } = await desk.open(`/#${id}`);
  const approve = page.getByRole('button', { name: 'Approve', exact: true });
  await approve.waitFor();
  await expect.poll(() => awayFromEnd(page)).toBe(0);
  await scroller(page).hover();
  await page.mouse.wheel(0, -900);
  await toEnd(page).waitFor();
  await approve.dispatchEvent('click'); // a click would scroll to the button
  await page.locator('.ended').waitFor({ state: 'attached' });
  expect(await awayFromEnd(page)).toBeGreaterThan(50);
  await toEnd(page).click();
  await expect.poll(() => awayFromEnd(page)).toBe(0);
  await toEnd(page).waitFor({ state: 'detached' });
});

test('within three seconds the page says that the server is away, and what it sends later', async ({ desk }) => {
  const { id } = await desk.call('sessions.create', {});
  const { page: at } = await desk.open('about:blank');
  const network = await openNetwork(at);
  await at.clock.install();
  await at.goto(`/#${id}`);
  await at.getByRole('textbox', { name: 'Message' }).waitFor();
  await expect.poll(() => at.getByText('Connecting…').count()).toBe(0);
  network.stop();
  await at.clock.runFor(3_000);
  const reply = at.getByText('Connection lost.');
  await reply.waitFor();
  await typeInto(at.getByRole('textbox', { name: 'Message' }), 'For later');
  await at.getByRole('textbox', { name: 'Message' }).press('Enter');
  await at.getByText('Your message will be sent when you reconnect.').waitFor();
  network.go();
  await at.clock.resume();
  await at.getByRole('article', { name: 'You' }).getByText('For later').waitFor();
  await expect.poll(() => reply.count()).toBe(0);
});

test('a task typed without a connection starts one session once the connection is back', async ({ desk }) => {
  const { page: at } = await desk.open('about:blank');
  const network = await openNetwork(at);
  await at.goto('/');
  await expect.poll(() => at.getByText('Connecting…').count()).toBe(0);
  const field = at.getByRole('textbox', { name: 'Message' });
  network.stop();
  await typeInto(field, 'Sent later');
  await field.press('Enter');
  await at.getByText('Your message will be sent when you reconnect.').waitFor();
  network.go();
  await at.getByRole('article', { name: 'You' }).getByText('Sent later').waitFor();
  await expect.poll(() => field.inputValue()).toBe('');
  await at.locator('.ended').waitFor();
  expect(await at.locator('.session').count()).toBe(1);
});

test("an approval's buttons take two rows on a phone", { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked(`Write\n${fence('file:c.txt', 'first')}`);
  const { page } = await desk.open(`/#${id}`, { ...phone, hasTouch: true });
  const buttons = page.getByRole('group', { name: 'Approval' }).getByRole('button');
  await buttons.first().waitFor();
  const rows = await buttons.evaluateAll((all) => [
    ...new Set(all.map((one) => Math.round((one as unknown as { offsetTop: number }).offsetTop))),
  ]);
  expect(rows).toHaveLength(2);
});

test('a task of the start page really runs in the sandbox and ends in a page that works', async ({ desk }) => {
  const { page } = await desk.open('/');
  await page.getByRole('button', { name: /^Build a game/ }).click();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await ended(page);
  const game = page.frameLocator('iframe'); // it opens by itself, and waits for its player
  await game.getByText('Press an arrow key or swipe to begin').waitFor();
  await game.locator('canvas').click();
  await page.keyboard.press('ArrowUp');
  await game.getByText(/^(Points|Over)/).waitFor();
  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByRole('link', { name: 'snake.html' }).last().click();
  await page.getByRole('tab', { name: 'Preview', selected: true }).waitFor();
});
