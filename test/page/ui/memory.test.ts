// @module-tag all
import { expect } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { axeFinds, deskTest, openSettings, phone, typeInto } from './desk.ts';

const test = deskTest();
test('a note is written, changed, undone, redacted and deleted', { tags: ['nightly'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open('/', phone);
  const { memory } = desk.server.core.services;
  const person = { of: 'person', id: desk.owner } as const;
  const path = 'build/a.md';
  const dialog = await openSettings(page, 'Memory');
  await dialog.getByRole('button', { name: 'New note' }).click();
  await typeInto(dialog.getByLabel('Path'), path);
  await typeInto(dialog.getByLabel('Text', { exact: true }), 'make\n<b>the secret</b>\n');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(/^Version 1 · 2\d B/).waitFor();
  await typeInto(dialog.getByLabel('Text', { exact: true }), 'make test\n');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(/^Version 2 · 10 B/).waitFor();
  await dialog.getByRole('button', { name: 'Show changes' }).first().click();
  await dialog.getByText('− <b>the secret</b>').waitFor();
  expect(await axeFinds(page)).toEqual([]);

  await dialog.getByRole('button', { name: 'Undo last change' }).click();
  await dialog.getByText(/^Version 3 · 2\d B/).waitFor();
  await expect.poll(() => dialog.getByLabel('Text', { exact: true }).inputValue()).toBe('make\n<b>the secret</b>\n');
  await dialog.getByRole('button', { name: 'Undo last change' }).click();
  await dialog.getByText(/^Version 4 · 10 B/).waitFor();
  await dialog.getByRole('button', { name: 'Redact version 1' }).click();
  await dialog.getByRole('button', { name: 'Redact', exact: true }).click();
  await dialog
    .getByText(/redacted/)
    .first()
    .waitFor();
  expect(await memory.history(person, path)).toMatchObject([{}, {}, {}, { number: 1, text: null }]);

  // Another person was faster: nothing is overwritten.
  await memory.write(person, { path, text: 'of somebody else' });
  await typeInto(dialog.getByLabel('Text', { exact: true }), 'mine');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('alert').getByText('it was changed in the meantime').waitFor();
  expect((await memory.read(person, path)).text).toBe('of somebody else');

  await dialog.getByRole('button', { name: 'Delete all versions' }).click();
  await dialog.getByRole('button', { name: 'Delete all versions' }).last().click();
  await dialog.getByText('No notes yet.').waitFor();
  await dialog.getByLabel('Show deleted').check();
  await dialog.getByRole('button', { name: path }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  expect(JSON.stringify(await memory.history(person, path))).not.toContain('secret');
  expect(complaints).toEqual([]);
});

const adminTest = deskTest({}, 'admin');
adminTest('memory is off until an administrator turns it on in the page, and agents have it then', async ({ desk }) => {
  const { page, complaints } = await desk.open();
  const dialog = await openSettings(page, 'Memory');
  await dialog.getByText('Off by default.').waitFor();
  const toolsOf = async () => {
    const id = await desk.worked('Say hello');
    return (await desk.server.core.services.sessions.agent(SessionId.parse(id))).tools;
  };
  expect(await toolsOf()).not.toContain('memory_write');
  await dialog.getByRole('radio', { name: 'Off' }).press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await dialog.getByRole('button', { name: 'Save' }).press('Enter');
  await dialog.getByText('Saved').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  expect(await toolsOf()).toContain('memory_write');
  await dialog.getByRole('button', { name: /^Reset/ }).press('Enter');
  await dialog.getByText('Reset to default').waitFor();
  expect(complaints).toEqual([]);
});
