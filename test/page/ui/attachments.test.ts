import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, deskTest, phone, redDot, typeInto } from './desk.ts';

const test = deskTest({ CORRAL_DRIVER: 'process' });

const notes = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('the secret word\n') };
const picture = { name: 'dot.png', mimeType: 'image/png', buffer: redDot };

test('files of the first message of a new session are sent with it, seen in it and in its files', async ({ desk }) => {
  const { page } = await desk.open();
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Attach files' }).click();
  await (await choosing).setFiles([notes, picture, { ...notes, name: 'not-this.txt' }]);
  const list = page.getByRole('list', { name: 'Attached files' });
  await list.getByText('16 B').first().waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('button', { name: 'Remove not-this.txt' }).click();
  await typeInto(
    page.getByLabel('Message', { exact: true }),
    `Read it\n${fence('sh', 'cat attachments/*-notes.txt; ls attachments')}`,
  );
  await page.keyboard.press('Enter');
  const mine = page.getByRole('article', { name: 'You' });
  await mine.getByRole('button', { name: 'notes.txt' }).waitFor();
  await mine.getByRole('img', { name: 'dot.png' }).waitFor();
  expect(await list.isVisible()).toBe(false);
  await page.locator('.output, .console').getByText('the secret word').first().waitFor();
  const message = () => page.evaluate('document.body.innerText');
  await expect.poll(message).toMatch(/[0-9a-f]{8}-dot\.png/);
  expect(await message()).not.toContain('not-this');
  expect(await axeFinds(page)).toEqual([]);
  await mine.getByRole('button', { name: 'Copy path' }).first().click();
  expect(await page.evaluate('navigator.clipboard.readText()')).toMatch(/^attachments[/][0-9a-f]{8}-notes\.txt$/);
  await page.route('**/files/*/download', (route) => route.abort());
  await mine.getByRole('button', { name: 'notes.txt' }).click();
  const failure = page.getByRole('status').getByText('Could not download the file');
  await failure.waitFor();
  await page.getByRole('button', { name: 'New session' }).click();
  await expect.poll(() => failure.count()).toBe(0); // it was about the other session
});

test('files are dropped on the message box and pasted into it', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await desk.open('/', phone);
  const give = (kind: 'drop' | 'paste', name: string) =>
    page.evaluate(`(() => {
      const data = new DataTransfer();
      data.items.add(new File(['hello'], ${JSON.stringify(name)}, { type: 'text/plain' }));
      const at = document.getElementById('message');
      const init = { bubbles: true, cancelable: true };
      const event = ${kind === 'drop'} ? new DragEvent('drop', { ...init, dataTransfer: data }) : new ClipboardEvent('paste', { ...init, clipboardData: data });
      at.dispatchEvent(event);
    })()`);
  const list = page.getByRole('list', { name: 'Attached files' });
  await page.getByLabel('Message', { exact: true }).waitFor();
  await give('drop', 'dropped.txt');
  await list.getByText('dropped.txt').waitFor();
  await give('paste', 'pasted.txt');
  await list.getByText('pasted.txt').waitFor();
  await expect.poll(() => list.getByText('5 B').count()).toBe(2);
  await page.getByLabel('Message', { exact: true }).focus();
  await page.keyboard.insertText('a'.repeat(200_001)); // too long for a message
  await list.getByText('pasted-text.txt').waitFor();
  await list.getByText('200.0 kB').waitFor();
  expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('');
  await page.keyboard.insertText('a'.repeat(500)); // a word longer than a line
  expect(await page.evaluate(`document.getElementById('message').getBoundingClientRect().left`)).toBeGreaterThan(0);
  expect(await axeFinds(page)).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
});
