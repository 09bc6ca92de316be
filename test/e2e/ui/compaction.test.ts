import { expect, onTestFinished, test } from 'vitest';
import { browse } from '../../support/browser.ts';
import { needs } from '../../support/components.ts';
import { composedServer } from '../../support/composed.ts';

/** Runs in the page, whose modules are its own, beside the page's own content. */
const shows = (data: object, type = 'context.compacted') => `(async () => {
  const { Timeline } = await import('/static/timeline.js');
  document.querySelector('#shown')?.remove();
  const root = document.createElement('div');
  root.id = 'shown';
  document.body.prepend(root);
  const timeline = new Timeline(root, document.scrollingElement, () => {});
  timeline.add({ type: 'message.user', ts: 1, data: { text: 'Read all files.' } });
  timeline.add({ type: '${type}', ts: 2, data: ${JSON.stringify(data)} });
})()`;

test('a shortened conversation is a line that unfolds into the summary, below the originals', async (context) => {
  await needs(context, 'chromium');
  const server = await composedServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { page, complaints } = await browse(context, { width: 1280, height: 800 });
  await page.goto(server.url);
  const sizes = { before: 30_000, after: 9_000 };
  await page.evaluate(shows({ kind: 'summary', ...sizes, summary: '## State\n<b>Two</b> files were read.' }));
  await page.getByText('Read all files.').waitFor();
  const text = page.getByText('<b>Two</b> files were read.'); // as text, never as HTML
  expect(await text.isVisible()).toBe(false);
  await page.getByText('The model goes on with a summary').click();
  await text.waitFor();
  await page.evaluate(shows({ kind: 'results', ...sizes, summary: null }));
  await page.getByText('Older results were left out of what the model sees. About 30000 tokens became 9000.').waitFor();
  expect(await page.locator('#shown details').count()).toBe(0);
  expect(complaints).toEqual([]);
});

test('what a model thought is a line that unfolds, and a turn without thoughts has none', async (context) => {
  await needs(context, 'chromium');
  const server = await composedServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { page, complaints } = await browse(context, { width: 1280, height: 800 });
  await page.goto(server.url);
  await page.evaluate(shows({ thoughts: 'Two files.\n\nThe second first.' }, 'usage'));
  const text = page.getByText('The second first.');
  expect(await text.isVisible()).toBe(false);
  await page.getByText('What the model thought').click();
  await text.waitFor();
  await page.evaluate(shows({ inputTokens: 1 }, 'usage'));
  expect(await page.locator('#shown details').count()).toBe(0);
  expect(complaints).toEqual([]);
});
