// @module-tag nightly
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import { type FakeReply, type FakeRequest, isPlanned } from '../../support/agents/fake-models/wire-format.ts';
import { axeFinds, deskTest, typeInto } from './desk.ts';

// One task from its files to the result, as a person with a browser has it: attached, worked on, served, seen, commented on in
// the diff, changed, seen again, downloaded.

const pageOf = (heading: string) => `<!doctype html>
<html lang="en">
<title>Counts</title>
<h1>${heading}</h1>
<pre>Oslo,7
Rome,3</pre>
<p>counted by hand</p>
</html>
`;
const program = `const { createServer } = require('node:http');
const { readFileSync } = require('node:fs');
createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end(readFileSync('page.html'));
}).listen(4400);
`;

interface ModelMessage {
  readonly role: string;
  readonly content: unknown;
}

/** The model: it reads both files, writes and serves a page of them, and changes its heading when a person asks for it. */
function reply(request: FakeRequest): FakeReply {
  const { body } = request;
  const prompt = JSON.stringify(body.messages);
  const workdir = /Working directory: (\/[^\\"]*)/.exec(prompt)?.[1];
  const lastResult = (body.messages as ModelMessage[]).findLast(({ role }) => role === 'tool')?.content;
  const shell = (command: string) => ({ calls: [{ name: 'shell_exec', args: { id: 'main', command } }] });
  const write = (name: string, content: string) => ({
    calls: [{ name: 'file_write', args: { file: `${workdir}/${name}`, content } }],
  });
  if (!isPlanned(request))
    return { calls: [{ name: 'make_plan', args: { title: 'Cities as a page', steps: ['Serve the page'] } }] };
  if (JSON.stringify(body.messages.at(-1)).includes('All steps are through'))
    return { text: 'It is done: http://localhost:4400/' };
  if (prompt.includes('page.html:4')) {
    if (prompt.includes('new_str')) return { text: 'The heading is changed.' };
    const edits = [{ old_str: '<h1>Cities', new_str: '<h1>Towns' }];
    return { calls: [{ name: 'file_edit', args: { file: `${workdir}/page.html`, edits } }] };
  }
  if (!prompt.includes('cat attachments')) return shell('cat attachments/*-cities.csv attachments/*-note.txt');
  if (!prompt.includes('<h1>Cities'))
    return String(lastResult).includes('Oslo,7\nRome,3\ncounted by hand')
      ? write('page.html', pageOf('Cities'))
      : { text: `The files are missing: ${lastResult}` };
  if (!prompt.includes('createServer')) return write('serve.cjs', program);
  if (!prompt.includes('nohup')) return shell('nohup node serve.cjs > serve.log 2>&1 &');
  return { text: 'The page is at http://localhost:4400/' };
}

const fake = await fakeProvider('compatible', reply);
afterAll(() => fake[Symbol.asyncDispose]());

const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });

async function walk(page: Page): Promise<void> {
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Attach files' }).click(),
  ]);
  await chooser.setFiles([file('cities.csv', 'Oslo,7\nRome,3\n'), file('note.txt', 'counted by hand')]);
  const attached = page.getByRole('list', { name: 'Attached files' });
  await expect.poll(() => attached.getByText(/^1[45] B$/).count()).toBe(2);
  const message = page.getByLabel('Message', { exact: true });
  await typeInto(message, 'Show these cities as a page.');
  await message.press('Enter');

  const seen = page.frameLocator('iframe');
  await seen.getByRole('heading', { name: 'Cities' }).waitFor();
  await seen.getByText('counted by hand').waitFor();
  await page.locator('.ended').first().waitFor();

  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByText('Changed', { exact: true }).click();
  await page.getByRole('button', { name: 'new page.html' }).click();
  const changes = page.getByRole('textbox', { name: 'Changes to page.html' });
  await changes.getByText('Cities').click();
  await page.getByRole('button', { name: 'Comment on line 4' }).click();
  await typeInto(page.getByRole('textbox', { name: 'Comment on line 4 for the agent' }), 'Call them towns.');
  await page.keyboard.press('Control+Enter');
  await page.locator('.ended').nth(1).waitFor();
  await changes.getByText('Towns').waitFor(); // the open comparison follows the file
  await changes.getByText('Cities').waitFor();
  expect(await axeFinds(page)).toEqual([]);

  await page.getByRole('link', { name: 'http://localhost:4400/' }).last().click();
  await page.getByRole('button', { name: 'Reload' }).click();
  await seen.getByRole('heading', { name: 'Towns' }).waitFor();

  await page.getByRole('tab', { name: 'Files' }).click();
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download', exact: true }).click(),
  ]);
  expect(saved.suggestedFilename()).toBe('page.html');
  expect(await readFile(await saved.path(), 'utf8')).toBe(pageOf('Towns'));
}

const settings = fakeSettings('compatible', fake.url);
const onProcess = deskTest({ CORRAL_DRIVER: 'process', ...settings });
const onDocker = deskTest({ CORRAL_DRIVER: 'docker', ...settings });

const title = 'a task with two attached files ends in a page that is seen, commented on, changed and downloaded, on';
onProcess(`${title} the process driver`, async ({ desk }) => await walk((await desk.open()).page));
onDocker(`${title} Docker`, { tags: ['nightly'] }, async ({ desk }) => await walk((await desk.open()).page));
