// @module-tag all
import { expect } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { axeFinds, deskTest, skillOf } from './desk.ts';

const test = deskTest();

test('an uploaded skill is chosen for a new session, and another one by its name in that session', async ({ desk }) => {
  await desk.call('skills.create', skillOf('house-style'));
  await desk.call('skills.create', skillOf('legal-terms'));
  const { page, complaints } = await desk.open();
  await page.locator('.composer').getByRole('button', { name: 'Skills' }).click();
  await page.getByRole('checkbox', { name: /^house-style/ }).press('Space');
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('dialog', { name: 'Choose skills' }).getByRole('button', { name: 'Apply' }).press('Enter');
  await page.getByRole('button', { name: 'Skills: house-style' }).waitFor();
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.pressSequentially('Say good morning');
  await box.press('Enter');
  await expect.poll(() => new URL(page.url()).hash).not.toBe('');
  const id = SessionId.parse(new URL(page.url()).hash.slice(1));
  const chosen = async () => (await desk.server.core.services.sessions.agent(id)).skills;
  await expect.poll(chosen).toEqual(['house-style']);
  await box.pressSequentially('/legal');
  await page.getByRole('option', { name: /legal-terms/ }).waitFor();
  await box.press('Enter');
  await expect.poll(() => box.inputValue()).toContain('legal-terms');
  await expect.poll(chosen).toEqual(['house-style', 'legal-terms']);
  await page.getByRole('button', { name: 'Skills', exact: true }).first().press('Enter');
  await page
    .getByRole('dialog', { name: 'Skills' })
    .getByRole('button', { name: /^legal-terms/ })
    .press('Enter');
  await page.getByRole('button', { name: 'Use in a new session' }).press('Enter');
  await page.getByRole('button', { name: 'Skills: legal-terms' }).waitFor();
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('message');
  expect(complaints).toEqual([]);
});

test('a skill is uploaded from a file, and a file of another kind is refused', async ({ desk }) => {
  const { page } = await desk.open();
  await page.getByRole('button', { name: 'Skills', exact: true }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Skills' });
  const choose = async (name: string, text: string) => {
    const chooser = page.waitForEvent('filechooser');
    await dialog.getByRole('button', { name: 'Upload ZIP or SKILL.md' }).click();
    await (await chooser).setFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(text) });
  };
  await choose('sales.csv', 'nix');
  await dialog.getByText('This file is neither a ZIP archive nor a SKILL.md.').waitFor();
  await choose('SKILL.md', '---\nname: haiku\ndescription: How poems are written.\n---\nThree lines.\n');
  await page.getByRole('dialog', { name: 'haiku' }).getByText('How poems are written.').first().waitFor();
});
