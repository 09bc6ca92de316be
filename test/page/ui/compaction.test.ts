// @module-tag all
import { expect, onTestFinished, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { browse } from '../../support/clients/browser.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';

test('a shortened conversation is a line that unfolds into the summary, below the originals', async (context) => {
  await needs(context, 'chromium');
  const server = await composedServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const made = await fetch(`${server.url}/api/sessions`, {
    method: 'POST',
    body: JSON.stringify({ task: 'Read all files.' }),
  });
  const id = SessionId.parse(((await made.json()) as { session_id: string }).session_id);
  const sizes = { before: 30_000, after: 9_000, model: null };
  const compacted = (data: object) => ({
    type: 'context.compacted',
    runId: null,
    data: { uptoSeq: 1, ...sizes, ...data },
  });
  const facts = [
    compacted({ kind: 'summary', summary: '## State\n<b>Two</b> files were read.' }),
    compacted({ kind: 'results', summary: null }),
  ];
  const { events } = server.core.store;
  // The session's own start writes to its log meanwhile, so the append is tried until it comes between two of its events.
  await expect
    .poll(async () => {
      const { head } = await events.page(id, 0, 1);
      const entry = { sessionId: id, after: head, at: Date.now(), facts: facts as never };
      return await events.append(entry).then(() => 'done', String);
    })
    .toBe('done');
  const { page, complaints } = await browse(context, { width: 1280, height: 800 });
  await page.goto(`${server.url}/#${id}`);
  const text = page.getByText('<b>Two</b> files were read.'); // as text, never as HTML
  await page.getByText('The model goes on with a summary').waitFor();
  expect(await text.isVisible()).toBe(false);
  await page.getByText('The model goes on with a summary').click();
  await text.waitFor();
  await page.getByText('Older results were left out of what the model sees. About 30000 tokens became 9000.').waitFor();
  expect(await page.locator('details.compacted').count()).toBe(1);
  expect(complaints).toEqual([]);
});
