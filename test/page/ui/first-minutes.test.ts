import type { Page } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import { builtInTask } from '../../../src/agents/models/demo/tasks/list.ts';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import { axeFinds, deskTest } from './desk.ts';

const fake = await fakeProvider('compatible', () => ({ text: 'The fake has answered.' }));
afterAll(() => fake[Symbol.asyncDispose]());

const test = deskTest({ CORRAL_MODELS_PRIVATE_ADDRESSES: 'allow' }, 'admin');

async function countPresses(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(`
    globalThis.presses = 0;
    addEventListener('pointerdown', () => globalThis.presses++, true);
  `);
  return () => page.evaluate<number>('globalThis.presses');
}

test('a person gets from the start page to a first answer in at most six clicks', async ({ desk }) => {
  const { page, complaints } = await desk.open();
  const presses = await countPresses(page);
  await page.getByRole('heading', { name: 'No model is set up yet' }).waitFor();
  await page.getByText('a scripted demo answers').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.getByText('Another address', { exact: true }).click();
  await page.getByLabel('Address', { exact: true }).fill(fake.url);
  await page.getByLabel('API key (optional)').fill(fakeKey);
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await page.getByText('Connected. 3 models found.').waitFor();
  await page.getByText('131K context').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('radio', { name: /^qwen3/ }).click();
  await page.getByRole('button', { name: 'Use this model' }).click();
  await page.getByRole('heading', { name: 'No model is set up yet' }).waitFor({ state: 'detached' });
  await expect.poll(() => page.locator('#about').textContent()).toMatch(/^qwen3 · /);
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.fill('Hello');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('article', { name: 'Agent' }).getByText('The fake has answered.').first().waitFor();
  expect(await presses()).toBeLessThanOrEqual(6);
  expect(complaints).toEqual([]);
  expect(fake.requests.at(-1)?.headers.authorization).toBe(`Bearer ${fakeKey}`);
  const [, port] = /:(\d+)/.exec(fake.url) ?? [];
  await desk.call('models.forget', { provider: `127-0-0-1-${port}` });
});

test('a wrong key and an address that is no provider are told at the form, which keeps what was typed', {
  tags: ['all'],
}, async ({ desk }) => {
  const { page } = await desk.open();
  await page.getByText('Another address', { exact: true }).click();
  const address = page.getByLabel('Address', { exact: true });
  await address.fill(fake.url);
  await page.getByLabel('API key (optional)').fill('a-wrong-key');
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await page.getByRole('alert').getByText('The provider refused this key').waitFor();
  await address.fill(new URL('/elsewhere', fake.url).href);
  await address.press('Enter');
  await page.getByRole('alert').getByText('no list of models at this address').waitFor();
  expect(await page.getByRole('button', { name: 'Use this model' }).count()).toBe(0);
  expect(await axeFinds(page)).toEqual([]);
});

test('the demo answers a message that is no task of it at once, with its tasks and the way to a model', {
  tags: ['all'],
}, async ({ desk }) => {
  const { page } = await desk.open();
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.pressSequentially('Build a snake game');
  await message.press('Enter');
  const answer = page.getByRole('article', { name: 'Agent' });
  await answer.getByText('Demo, no AI.').waitFor();
  await page.getByRole('button', { name: 'A game' }).click();
  expect(builtInTask(await message.inputValue())).toBeDefined();
  expect(await page.locator('.tool').count()).toBe(0);
  await page.getByRole('button', { name: 'Add a model' }).click();
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
});

test('the tasks of the start page are tasks that the demo knows by heart, in each language', { tags: ['all'] }, async ({
  desk,
}) => {
  for (const language of ['en', 'de']) {
    const { page } = await desk.open();
    await page.evaluate(`localStorage.setItem('corral.language', '${language}')`);
    await page.reload();
    const buttons = page.locator('.welcome li button');
    await page.locator(`html[lang=${language}]`).waitFor();
    await expect.poll(() => buttons.count()).toBe(3);
    for (const button of await buttons.all()) {
      await button.click();
      const text = await page.locator('#message').inputValue();
      expect(builtInTask(text)?.ends, text).toContain('.html');
    }
  }
});

test('a template that cannot run here is shown as such, with the reason and what helps', { tags: ['all'] }, async ({
  desk,
}) => {
  const { page } = await desk.open();
  const option = page.getByRole('option', { name: 'Computer use: not available here' });
  await option.waitFor({ state: 'attached' });
  expect(await option.isDisabled()).toBe(true);
  await page.getByRole('button', { name: '1 not available here' }).click();
  const dialog = page.getByRole('dialog', { name: 'Templates not available here' });
  await dialog.getByText('sandboxes here have none').waitFor();
  await dialog.getByText('Set CORRAL_SANDBOX_DESKTOP=true').waitFor();
  expect(await axeFinds(page)).toEqual([]);
});
