import type { Page } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import { findAskedTask } from '../../../src/agents/models/demo/tasks/list.ts';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import { axeFinds, deskTest, openSettings, typeInto } from './desk.ts';

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
  await page.getByText('Other provider', { exact: true }).click();
  await typeInto(page.getByLabel('Base URL', { exact: true }), fake.url);
  await page.getByLabel('Name (optional)').pressSequentially('Our Team');
  await typeInto(page.getByLabel('API key (optional)'), fakeKey);
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await page.getByText('Connected. 3 models found.').waitFor();
  await page.getByText('131K context').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('radio', { name: /^qwen3/ }).click();
  await page.getByRole('button', { name: 'Set as default model' }).click();
  await page.getByRole('heading', { name: 'No model is set up yet' }).waitFor({ state: 'detached' });
  await expect.poll(() => page.locator('#about').textContent()).toMatch(/^our-team \/ qwen3 · /);
  const message = page.getByRole('textbox', { name: 'Message' });
  const send = page.getByRole('button', { name: 'Send' });
  expect(await send.isDisabled()).toBe(true);
  await typeInto(message, 'Hello');
  await send.click();
  await page.getByRole('article', { name: 'Agent' }).getByText('The fake has answered.').first().waitFor();
  expect(await presses()).toBeLessThanOrEqual(6);
  expect(complaints).toEqual([]);
  expect(fake.requests.at(-1)?.headers.authorization).toBe(`Bearer ${fakeKey}`);
  await page.getByRole('button', { name: 'Model: our-team / qwen3' }).waitFor();
  await desk.call('models.forget', { provider: 'our-team' });
});

test('a default model is taken as typed, refused without its key, and the demo is a way back', async ({ desk }) => {
  await desk.call('models.use', { provider: 'our-team', baseUrl: fake.url, key: fakeKey, model: 'qwen3' });
  const { page } = await desk.open();
  const settings = await openSettings(page, 'Models and keys');
  const change = () => settings.getByRole('button', { name: 'Change model' }).click();
  const dialog = page.getByRole('dialog', { name: 'Default model' });
  const search = dialog.getByRole('searchbox', { name: 'Search models' });
  const use = dialog.getByRole('button', { name: 'Use model' });
  await change();
  await typeInto(search, 'zzz');
  await dialog.getByText('No listed model matches.').waitFor();
  expect(await use.isDisabled()).toBe(true);
  await typeInto(search, 'openai/gpt-99');
  await use.click();
  await dialog.getByRole('alert').getByText('openai/gpt-99 needs a key').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await settings.getByText('without their own model use our-team / qwen3').waitFor();
  await change();
  await page.keyboard.press('Escape');
  await settings.getByRole('button', { name: 'Remove our-team' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await change();
  await typeInto(search, 'demo');
  await use.click();
  await settings.getByText('without their own model use Demo (no AI)').waitFor();
  await desk.call('models.forget', { provider: 'our-team' });
});

test('a wrong key and a wrong address are reported at their fields, which keep them', {
  tags: ['all'],
}, async ({ desk }) => {
  const { page } = await desk.open();
  await page.getByText('Other provider', { exact: true }).click();
  const address = page.getByLabel('Base URL', { exact: true });
  await typeInto(address, fake.url);
  const key = page.getByLabel('API key (optional)');
  await typeInto(key, 'a-wrong-key');
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await page.getByText('The provider refused this key').waitFor();
  expect([await key.getAttribute('aria-invalid'), await key.inputValue()]).toEqual(['true', 'a-wrong-key']);
  await typeInto(address, new URL('/elsewhere', fake.url).href);
  await address.press('Enter');
  await page.getByText('no list of models at this address').waitFor();
  expect([await address.getAttribute('aria-invalid'), await key.getAttribute('aria-invalid')]).toEqual([
    'true',
    'false',
  ]);
  expect(await page.getByRole('button', { name: 'Set as default model' }).count()).toBe(0);
  expect(await axeFinds(page)).toEqual([]);
});

test('the demo answers a message that is no task of it with its tasks', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await desk.open();
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.pressSequentially('Build a snake game');
  await message.press('Enter');
  const answer = page.getByRole('article', { name: 'Agent' });
  await answer.getByText('Demo, no AI.').waitFor();
  await page.getByRole('button', { name: 'Build a game' }).click();
  expect(findAskedTask(await message.inputValue())).toBeDefined();
  expect(await page.locator('.tool').count()).toBe(0);
  await page.getByRole('button', { name: 'Add model' }).click();
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
});

test('a session whose repository cannot be cloned is failed, and its card offers both ways on', async ({ desk }) => {
  const id = await desk.worked('hello', {
    template: 'minimal',
    repositories: [{ url: 'http://127.0.0.1:9/shop.git' }],
  });
  const { page } = await desk.open(`/#${id}`);
  const card = page.getByRole('alert').filter({ hasText: 'Could not clone the repository' });
  await card.getByRole('button', { name: 'Try again' }).waitFor();
  await page.getByRole('main').getByText('failed', { exact: true }).waitFor();
  await card.getByRole('button', { name: 'Edit URL in a new session' }).click();
  await expect.poll(() => page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('hello');
  await page.getByRole('button', { name: 'Template: Minimal' }).waitFor();
  await page.getByRole('textbox', { name: 'Message' }).press('Enter');
  await card.getByRole('button', { name: 'Try again' }).waitFor();
  expect(await page.evaluate('document.activeElement.id')).toBe('message');
});

test('what cannot run here is grey with what it lacks until its key is there', { tags: ['all'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open();
  const template = page.getByRole('button', { name: 'Template: Server default' });
  await template.click();
  const dialog = page.getByRole('dialog', { name: 'Template' });
  const computer = dialog.getByRole('button', { name: 'Computer use' });
  await computer.getByText('sandboxes on this server have none').waitFor();
  await computer.getByText('Set CORRAL_SANDBOX_DESKTOP=true').waitFor();
  expect(await computer.isDisabled()).toBe(true);
  const codex = dialog.getByRole('button', { name: 'Codex' });
  await codex.getByText('no secret sets OPENAI_API_KEY').waitFor();
  expect(await codex.isDisabled()).toBe(true);
  expect(await axeFinds(page)).toEqual([]);
  const places = { hosts: ['api.openai.com'], header: 'authorization', env: ['OPENAI_API_KEY'] };
  await desk.call('serverCredentials.put', { name: 'openai', ...places, value: 'a-key-of-openai' });
  await page.reload();
  await template.click();
  await codex.click();
  await page.getByRole('button', { name: 'Template: Codex' }).waitFor();
  await desk.call('serverCredentials.revoke', { name: 'openai' });
  expect(complaints).toEqual([]);
});
