// @module-tag nightly
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, deskTest, runCommand, typeInto } from './desk.ts';

const test = deskTest({ CORRAL_DRIVER: 'process' });

test('a task is tried twice in the page, and the session gets the files of the chosen attempt', async ({ desk }) => {
  const id = await desk.worked('Parent');
  const { page, complaints } = await desk.open(`/#${id}`);
  await page.locator('.ended').waitFor();
  await runCommand(page, 'Run parallel attempts');
  const dialog = page.getByRole('dialog', { name: 'Attempts' });
  await typeInto(dialog.getByLabel('Task'), `Make it\n${fence('sh', 'echo made > made.txt')}`);
  await typeInto(dialog.getByLabel('Number of attempts'), '2');
  await typeInto(dialog.getByLabel('Checks'), 'cat made.txt');
  await dialog.getByRole('button', { name: 'Start attempts' }).click();
  const rows = dialog.getByRole('table', { name: 'Attempts' }).locator('tbody tr');
  await expect.poll(() => rows.getByText(/finished · goal met/).count()).toBe(2);
  expect(await rows.last().getByText('1/1').count()).toBe(1);
  expect(await axeFinds(page)).toEqual([]);
  await dialog.getByLabel('Delete other attempts').check();
  await dialog.getByRole('button', { name: 'Choose attempt 2' }).click();
  await dialog.getByText('chosen', { exact: true }).waitFor();
  await rows.first().getByText('deleted').waitFor();
  const { stdout } = await desk.call<{ stdout: string }>('sandbox.exec', { sessionId: id, command: 'cat made.txt' });
  expect(stdout).toBe('made\n');
  await page.keyboard.press('Escape');
  await page.getByRole('log').getByText('The files from attempt 2 are now in this session.').waitFor();
  expect(complaints).toEqual([]);
});
