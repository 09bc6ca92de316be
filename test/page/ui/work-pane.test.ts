import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import type { BrowserVisit } from '../../support/clients/browser.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { axeFinds, type Desk, deskTest, redDot, scrollTo, typeInto, wide } from './desk.ts';

const test = deskTest({ CORRAL_DRIVER: 'process' });

const at = (path: string) => `/streams/sessions/${sessionId}/file?path=${encodeURIComponent(path)}`;
let sessionId: string;

/** A session that has worked, and its page. */
async function opened(desk: Desk, tab: string, size?: Parameters<Desk['open']>[1]): Promise<BrowserVisit> {
  sessionId = (await desk.call('sessions.create', {})).id;
  await desk.fetch(at('old.txt'), { method: 'PUT', body: 'one\ntwo\n' });
  const files = [
    fence('file:notes.md', '# Notes\n\n- first'),
    fence('file:data/cities.csv', 'city,people\n"Oslo, N",7'),
  ];
  await run(desk, ['Look', ...files, fence('sh', 'sed -i s/two/three/ old.txt; echo from the shell')].join('\n'));
  const visit = await desk.open(`/#${sessionId}`, size);
  const { page } = visit;
  await page.locator('.ended').first().waitFor();
  if (size && size.width < 860) await page.getByRole('button', { name: 'Work' }).click();
  await page.getByRole('tab', { name: tab }).click();
  return visit;
}
const run = (desk: Desk, text: string) => desk.call('runs.send', { sessionId, text });
const read = async (desk: Desk, path: string) => await (await desk.fetch(at(path))).text();
const leaf = (page: Page, name: string) => page.getByRole('treeitem', { name });
const part = (page: Page, name: string) => page.getByRole('tabpanel').getByText(name, { exact: true });

test('files are a tree with previews of Markdown, tables and code', { tags: ['all'] }, async ({ desk }) => {
  const { page, complaints } = await opened(desk, 'Files');
  await desk.fetch(at('latin.txt'), { method: 'PUT', body: Buffer.from('caf\xe9\n', 'latin1') });
  await page.getByRole('button', { name: 'Refresh files' }).click();
  await leaf(page, 'latin.txt').click();
  await page.getByText('It is read-only').waitFor();
  await page.getByRole('button', { name: 'Back to files' }).click();
  await leaf(page, 'data').focus();
  await page.keyboard.press('ArrowRight');
  await leaf(page, 'cities.csv').click();
  await expect.poll(() => page.getByRole('tabpanel').getByRole('cell').allTextContents()).toEqual(['Oslo, N', '7']);
  await page.getByRole('button', { name: 'Back to files' }).click();
  await leaf(page, 'notes.md').click();
  await page.getByRole('tabpanel').getByRole('heading', { name: 'Notes', exact: true }).waitFor();
  await part(page, 'Source').click();
  await page.getByRole('textbox', { name: 'Contents of notes.md' }).getByText('# Notes').hover();
  await page.locator('.cm-comments button').filter({ visible: true }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('a file that was edited is saved, unless it has changed in the meantime', { tags: ['all'] }, async ({ desk }) => {
  const { page } = await opened(desk, 'Files');
  await leaf(page, 'old.txt').click();
  const text = page.getByRole('textbox', { name: 'Contents of old.txt' });
  // Chromium gives what is typed over coloured text a style, which the page's policy refuses.
  await typeInto(text, '# Mine');
  await page.keyboard.press('Control+s');
  await page.getByText('old.txt saved.').waitFor();
  expect(await read(desk, 'old.txt')).toBe('# Mine');
  await typeInto(text, '# Mine again');
  await desk.fetch(at('old.txt'), { method: 'PUT', body: '# Theirs' });
  await page.keyboard.press('Control+s');
  await page.getByText('The file changed after you opened it.').waitFor();
  expect(await read(desk, 'old.txt')).toBe('# Theirs');
  await page.getByRole('button', { name: 'Overwrite with my version' }).click();
  await expect.poll(() => read(desk, 'old.txt')).toBe('# Mine again');
  await typeInto(text, '# Never');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Discard', exact: true }).click();
  await expect.poll(() => text.textContent()).toBe('# Mine again');
});

test('a file can be uploaded, and a name that is taken asks first', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await opened(desk, 'Files');
  await leaf(page, 'old.txt').waitFor();
  const send = (buffer: string) =>
    page
      .locator('.files input[type=file]')
      .setInputFiles({ name: 'up.bin', mimeType: 'text/plain', buffer: Buffer.from(buffer) });
  await send('first');
  await leaf(page, 'up.bin').waitFor();
  await send('second');
  await page.getByRole('dialog', { name: 'Replace this file?' }).getByRole('button', { name: 'Replace' }).click();
  await expect.poll(() => read(desk, 'up.bin')).toBe('second');
  const download = page.waitForEvent('download');
  await leaf(page, 'up.bin').click();
  await page.getByRole('button', { name: 'Download', exact: true }).click();
  expect((await download).suggestedFilename()).toBe('up.bin');
});

test('the changes of a run are compared in one or two columns, reverted singly', {
  tags: ['all'],
}, async ({ desk }) => {
  const { page, complaints } = await opened(desk, 'Files');
  await part(page, 'Changed').click();
  await page.getByRole('button', { name: 'changed old.txt' }).click();
  const now = page.getByRole('textbox', { name: 'Changes to old.txt' });
  await now.getByText('three').waitFor();
  await now.getByText('two').waitFor();
  await run(desk, fence('sh', 'sed -i s/three/four/ old.txt'));
  await now.getByText('four').waitFor(); // the open comparison follows the file
  await now.getByRole('button', { name: 'Accept' }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await part(page, 'Side by side').click();
  await page.getByRole('textbox', { name: 'old.txt before' }).getByText('three').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await part(page, 'Inline').click();
  await now.getByRole('button', { name: 'Revert' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(() => read(desk, 'old.txt')).toBe('one\nthree\n');
  expect(complaints).toEqual([]);
});

test('what the agent wrote is compared by steps; a comment names file and line', {
  tags: ['all'],
}, async ({ desk }) => {
  const { page } = await opened(desk, 'Files');
  await part(page, 'By step').click();
  await page.getByRole('list', { name: 'By step' }).getByRole('button', { name: 'notes.md' }).click();
  const now = page.getByRole('textbox', { name: 'Changes to notes.md' });
  await now.getByText('- first').click();
  expect(await axeFinds(page)).toEqual([]);
  await page.locator('.cm-comments button').filter({ visible: true }).click();
  const comment = page.getByRole('textbox', { name: 'Comment on line 3 for the agent' });
  await typeInto(comment, 'Say more here.');
  await comment.press('Escape');
  await page.locator('.cm-comments button').filter({ visible: true }).click();
  await expect.poll(() => comment.inputValue()).toBe('Say more here.');
  await page.keyboard.press('Control+Enter');
  await page.getByText('Comment sent to the agent.').waitFor();
  const reply = page.getByRole('article', { name: 'You' }).last();
  await reply.getByText('notes.md:3').waitFor();
  await reply.getByText('Say more here.').waitFor();
});

test('several files are open in an editor with line numbers and search', { tags: ['nightly'] }, async ({ desk }) => {
  const { page, complaints } = await opened(desk, 'Files', { ...wide, width: 1800 });
  expect(await leaf(page, '.corral').count()).toBe(0);
  await leaf(page, 'old.txt').click();
  const text = page.getByRole('textbox', { name: 'Contents of old.txt' });
  await text.getByText('one', { exact: true }).click();
  await page.keyboard.press('Control+f');
  await typeInto(page.getByRole('textbox', { name: 'Find' }), 'on');
  await page.keyboard.press('Escape');
  await text.press('End');
  await page.keyboard.type(' more');
  expect(await page.locator('.cm-lineNumbers').innerText()).toContain('2');
  await page.getByRole('button', { name: 'Back to files' }).click();
  await leaf(page, 'notes.md').click();
  const open = page.getByRole('list', { name: 'Open files' });
  expect(await open.getByRole('listitem').count()).toBe(2);
  await open.getByRole('button', { name: /^old\.txt/ }).click();
  await text.getByText('one more').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await open.getByRole('button', { name: 'Close notes.md' }).click();
  await expect.poll(() => open.count()).toBe(0);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Discard', exact: true }).click();
  expect(complaints).toEqual([]);
});

test("a person has a real terminal, and types into the agent's shell", { tags: ['all'] }, async ({ desk }) => {
  const { page, complaints } = await opened(desk, 'Terminal');
  await page.getByRole('button', { name: 'Terminal 1', exact: true }).waitFor();
  await page.locator('.screen').getByText('$').first().waitFor();
  await page.locator('.screen').click();
  await page.keyboard.type('stty size; echo $((40 + 2)) > typed.txt; cat typed.txt\n');
  await expect.poll(() => read(desk, 'typed.txt')).toBe('42\n');
  await page.keyboard.type('stty raw -echo; touch ready; head -c 65548 > pasted.txt; stty sane\n');
  await expect.poll(async () => (await desk.fetch(at('ready'))).status).toBe(200);
  const paste = `${'a'.repeat(65_535)}🤖${'b'.repeat(9)}`;
  await page.keyboard.insertText(paste);
  await expect.poll(async () => (await read(desk, 'pasted.txt')) === paste).toBe(true);
  expect(await axeFinds(page)).toEqual([]);
  const colour = () =>
    page.evaluate("getComputedStyle(document.querySelector('.screen .xterm-scrollable-element')).backgroundColor");
  const light = await colour();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(colour).not.toBe(light);
  await page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(colour).toBe(light);
  await page.getByText('Press Ctrl+Alt+Shift').waitFor();
  for (const key of ['Control', 'Alt', 'Shift']) await page.keyboard.down(key);
  expect(await page.evaluate('document.activeElement.id')).toBe('tab-terminal');
  for (const key of ['Control', 'Alt', 'Shift']) await page.keyboard.up(key);
  await run(
    desk,
    `Ask\n${fence('sh', 'until [ -e go ]; do sleep 0.1; done; read name; echo "hello $name" | tee greeting.txt')}`,
  );
  await page.getByRole('button', { name: /Agent/ }).click();
  await page.getByRole('tabpanel').getByText('from the shell').first().waitFor();
  await page.getByText('A command is running and receives what you type.').waitFor();
  await page.locator('.screen').click();
  await page.keyboard.type('Ann\n');
  await desk.fetch(at('go'), { method: 'PUT', body: '' });
  await expect.poll(() => read(desk, 'greeting.txt')).toBe('hello Ann\n');
  expect(complaints).toEqual([]);
});

test('the log of a process is shown from its end back to its start', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await opened(desk, 'Processes');
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  const cmd = 'seq 1 60000; until [ -e go ]; do sleep 0.1; done; echo the end';
  const body = JSON.stringify({ cmd, background: true });
  await desk.fetch(`/api/sessions/${sessionId}/shell`, { method: 'POST', body });
  await page.getByRole('button', { name: cmd }).first().click();
  const log = page.getByRole('log', { name: 'Process log' });
  await log.getByText('60000', { exact: true }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('button', { name: 'Show earlier lines' }).click();
  await page.getByRole('button', { name: 'Show earlier lines' }).waitFor({ state: 'hidden' });
  await scrollTo(log, 0);
  await log.getByText('1', { exact: true }).waitFor();
  await scrollTo(log);
  await desk.fetch(at('go'), { method: 'PUT', body: '' });
  await log.getByText('the end', { exact: true }).waitFor();
  expect(errors).toEqual([]);
});

test('images are shown, pasted files uploaded, all files archived', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await opened(desk, 'Files');
  await desk.fetch(at('dot.png'), { method: 'PUT', body: redDot });
  await page.getByRole('button', { name: 'Refresh files' }).click();
  await leaf(page, 'dot.png').click();
  const picture = page.getByRole('tabpanel').getByRole('img', { name: 'dot.png' });
  await expect
    .poll(() => picture.evaluate((node) => (node as unknown as { naturalWidth: number }).naturalWidth))
    .toBe(5);
  await page.evaluate(`(() => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(['from the clipboard'], 'pasted.txt'));
    const event = new ClipboardEvent('paste', { clipboardData, bubbles: true });
    document.querySelector('.files').dispatchEvent(event);
  })()`);
  await expect.poll(() => read(desk, 'pasted.txt')).toBe('from the clipboard');
  await page.getByRole('button', { name: 'Back to files' }).click();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download all as zip' }).click();
  expect((await download).suggestedFilename()).toMatch(/\.zip$/);
});

test('an SVG without a size fills the pane, and line numbers follow a growing comment', {
  tags: ['nightly'],
}, async ({ desk }) => {
  const { page } = await opened(desk, 'Files');
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><rect width="2" height="1"/></svg>';
  await desk.fetch(at('wide.svg'), { method: 'PUT', body: svg });
  await page.getByRole('button', { name: 'Refresh files' }).click();
  await leaf(page, 'wide.svg').click();
  const picture = page.getByRole('tabpanel').getByRole('img', { name: 'wide.svg' });
  await expect.poll(async () => (await picture.boundingBox())?.width).toBeGreaterThan(200);
  await page.getByRole('button', { name: 'Back to files' }).click();
  await leaf(page, 'old.txt').click();
  await page.getByRole('textbox', { name: 'Contents of old.txt' }).getByText('one').click();
  await page.getByRole('button', { name: 'Comment on line 1' }).click();
  await typeInto(page.getByRole('textbox', { name: 'Comment on line 1 for the agent' }), 'a\nb\nc\nd\ne');
  const topOf = async (selector: string) => (await page.locator(selector).nth(1).boundingBox())?.y;
  const gap = async () => ((await topOf('.cm-line')) ?? 0) - ((await topOf('.cm-lineNumbers [style*="20px"]')) ?? 0);
  await expect.poll(gap).toBe(0);
});

test('the timeline replays the cards of the run and what the model saw', { tags: ['nightly'] }, async ({ desk }) => {
  const { page, complaints } = await opened(desk, 'Timeline');
  const cards = (place: string) => page.locator(`${place} .tool-head`).allTextContents();
  const live = await cards('.main');
  expect(live.length).toBeGreaterThan(2);
  await expect.poll(() => cards('.timeline')).toEqual(live);
  await page.getByRole('slider', { name: 'Position in the timeline' }).press('Home');
  await expect.poll(() => cards('.timeline')).toEqual([]);
  await page.getByRole('button', { name: 'Next tool call' }).click();
  await expect.poll(async () => (await cards('.timeline')).length).toBe(1);
  await page.locator('.timeline').getByText('16×').click();
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor({ state: 'hidden' });
  await expect.poll(() => cards('.timeline')).toEqual(live);
  await part(page, 'Events').click();
  await page
    .getByRole('button', { name: /Run ended/ })
    .last()
    .click();
  await page.getByRole('region', { name: 'Event content' }).getByText('"reason"').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('button', { name: 'What the model saw' }).click();
  await page.getByRole('dialog').getByText('exactly as sent').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await part(page, 'Replay').click();
  expect(complaints).toEqual([]);
});

test('a replay goes by single events, over the pieces of a text', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await opened(desk, 'Timeline');
  const place = page.locator('.timeline-place');
  const card = page.locator('.timeline .tool').first();
  const slider = page.getByRole('slider', { name: 'Position in the timeline' });
  await slider.press('Home');
  await place.getByText(/^0 . \d+$/).waitFor();
  await page.getByRole('button', { name: 'Next event' }).click();
  await place.getByText('Session created').waitFor();
  const steps = 12;
  for (let n = 0; n < steps; n++) {
    await slider.press('ArrowRight');
    expect(await place.textContent()).not.toMatch(/Tool output|Message text/);
  }
  expect(Number(await slider.getAttribute('aria-valuenow'))).toBeGreaterThan(steps + 1);
  await slider.press('Home');
  await page.getByRole('button', { name: 'Next tool call' }).click();
  await place.getByText('Tool call started').waitFor();
  expect(await card.getAttribute('data-status')).toBe('running');
  while ((await card.getAttribute('data-status')) === 'running') await slider.press('ArrowRight');
  await place.getByText('Tool call ended').waitFor();
  await page.getByRole('button', { name: 'Previous event' }).click();
  await expect.poll(() => card.getAttribute('data-status')).toBe('running');
  await page.getByRole('button', { name: 'Live' }).click();
  const shown = ['aria-valuenow', 'aria-valuemax'].map((name) => slider.getAttribute(name));
  expect(new Set(await Promise.all(shown)).size).toBe(1);
});

test('dropped files are uploaded; a drop elsewhere changes nothing', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await opened(desk, 'Files');
  await leaf(page, 'old.txt').waitFor();
  using folder = temporaryFolder();
  const path = join(folder.path, 'dropped.txt');
  writeFileSync(path, 'from the desktop');
  const devTools = await page.context().newCDPSession(page);
  const drag = async (type: 'dragEnter' | 'dragOver' | 'drop', over: string) => {
    const box = await page.locator(over).boundingBox();
    const [x, y] = [(box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2];
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    await devTools.send('Input.dispatchDragEvent', { type, x, y, data });
  };
  const hint = page.getByText('Drop files to upload');
  await drag('dragEnter', '.files');
  await drag('dragOver', '.files');
  await hint.waitFor();
  await drag('drop', '.files');
  await leaf(page, 'dropped.txt').waitFor();
  expect(await read(desk, 'dropped.txt')).toBe('from the desktop');
  expect(await hint.count()).toBe(0);
  const isRefused = (type: string) =>
    page.evaluate(`(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['beside'], 'beside.txt'));
      const event = new DragEvent('${type}', { dataTransfer, bubbles: true, cancelable: true });
      return !document.querySelector('.items').dispatchEvent(event);
    })()`);
  // The browser opens a file that nobody refuses in place of the page.
  expect([await isRefused('dragover'), await isRefused('drop')]).toEqual([true, true]);
});

test('the end of a run says what changed and leads to it, and the pane takes the whole width', async ({ desk }) => {
  const { page, complaints } = await opened(desk, 'Files');
  await run(desk, `Write\n${fence('file:notes.txt', 'one\ntwo')}`);
  const end = page.locator('.ended').last();
  await end.getByText('1 file edited').waitFor();
  await end.getByText('+2', { exact: true }).waitFor();
  await end.getByRole('button', { name: 'Review changes' }).press('Enter');
  await page.getByRole('radio', { name: 'Changed', checked: true }).waitFor();
  const full = page.getByRole('button', { name: 'Full width' });
  await full.press('Enter');
  await page.getByRole('textbox', { name: 'Message' }).waitFor({ state: 'hidden' });
  expect(await axeFinds(page)).toEqual([]);
  await full.press('Enter');
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  expect(complaints).toEqual([]);
});
