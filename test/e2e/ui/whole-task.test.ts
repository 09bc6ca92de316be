import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { needs } from '../../support/servers/components.ts';
import { axeFinds, desk } from './desk.ts';

// A task from its files to the result: attached, worked on, served, seen, changed after a word on it, seen again, downloaded.

const program = `const { createServer } = require('node:http');
const { readdirSync, readFileSync } = require('node:fs');
const attached = (end) => 'attachments/' + readdirSync('attachments').find((name) => name.endsWith(end));
createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><html lang="en"><title>Cities</title><h1>Cities</h1><pre>' + readFileSync(attached('cities.csv')) +
    '</pre><p>' + readFileSync(attached('note.txt')) + '</p>');
}).listen(4400);
`;
const task = `Show the cities.\n${fence('file:show.cjs', program)}\n${fence('sh', 'nohup node show.cjs > show.log 2>&1 & sleep 0.2')}`;
const change = `In show.cjs, line 6: the heading should say Towns.\n${fence(
  'sh',
  "sed -i 's/<h1>Cities/<h1>Towns/' show.cjs; pkill -f show.cjs; nohup node show.cjs > show.log 2>&1 & sleep 0.2",
)}`;
const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });

async function walk(page: Page): Promise<void> {
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Attach files' }).click(),
  ]);
  await chooser.setFiles([file('cities.csv', 'Oslo,7\nRome,3\n'), file('note.txt', 'counted by hand')]);
  await page.getByRole('list', { name: 'Attached files' }).getByText('B').nth(1).waitFor();
  const message = page.getByLabel('Message', { exact: true });
  await message.fill(task);
  await message.press('Enter');
  await page.getByRole('tab', { name: 'Preview 1 new' }).click({ timeout: 170_000 });
  await page.getByRole('button', { name: /Port 4400/ }).click();
  const frame = page.frameLocator('iframe');
  await frame.getByRole('heading', { name: 'Cities' }).waitFor();
  await frame.getByText('counted by hand').waitFor();
  await page.locator('.ended').first().waitFor();

  await message.fill(change);
  await message.press('Enter');
  await page.locator('.ended').nth(1).waitFor({ timeout: 170_000 });
  await page.getByRole('button', { name: 'Load again' }).click();
  await frame.getByRole('heading', { name: 'Towns' }).waitFor();

  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByText('Changed', { exact: true }).click();
  await page
    .getByRole('button', { name: /show\.cjs/ })
    .first()
    .click();
  await page.getByText('<h1>Towns', { exact: false }).first().waitFor();
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download', exact: true }).click(),
  ]);
  expect(await readFile(await saved.path(), 'utf8')).toBe(program.replace('<h1>Cities', '<h1>Towns'));
  expect(await axeFinds(page)).toEqual([]);
}

const onProcess = desk({ CORRAL_DRIVER: 'process', CORRAL_EGRESS_POLICY: 'none' });
const onDocker = desk({ CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none' });

const title = 'a task with two attached files ends in a page that is seen, changed and downloaded, on';
test(`${title} the process driver`, { timeout: 500_000 }, async (context) => {
  await needs(context, 'bubblewrap');
  const { page, faults } = await onProcess.page(context);
  await walk(page);
  expect(faults).toEqual([]);
});

test(`${title} Docker`, { timeout: 500_000 }, async (context) => {
  await needs(context, 'docker');
  const { page, faults } = await onDocker.page(context);
  await walk(page);
  expect(faults).toEqual([]);
});
