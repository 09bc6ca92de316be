// @module-tag nightly
import fc from 'fast-check';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { hostileCsv, hostileItem, hostileName, hostileTitle } from '../../support/hostile/hostile-text.ts';
import { type Desk, deskTest } from './desk.ts';

// Generated conversations of an agent that tries to break the page. The layer check ensures that no text is parsed in
// the page's own thread; the benchmark measures the longest frame of such conversations.

const messages = Number(process.env.FUZZ_MESSAGES ?? 300); // a longer hunt: FUZZ_MESSAGES=10000
const ofOneSession = 100;
/** A text of this length is laid out in a frame. */
const maxText = 8_100; // characters
const seed = Number(process.env.FUZZ_SEED ?? 20_261_124);

const test = deskTest();
const boxed = deskTest({ CORRAL_DRIVER: 'process' });
const sample = <Value>(arbitrary: fc.Arbitrary<Value>, numRuns: number, at = 0) =>
  fc.sample(arbitrary, { seed: seed + at, numRuns });

interface Hostile {
  readonly id: string;
  readonly shown: number;
}

async function hostileSession(desk: Desk, at: number): Promise<Hostile> {
  const [title = ''] = sample(hostileTitle, 1, at);
  const { id } = await desk.call('sessions.create', { title: 'Hostile' });
  const items = sample(hostileItem, ofOneSession, at);
  await desk.tell(id, { type: 'title', runId: null, data: { title } }, ...items.flat());
  await desk.tell(id, {
    type: 'approval.requested',
    runId: null,
    data: {
      callId: 'last',
      function: title,
      args: { command: 'the last call' },
      expiresAt: Date.now() + 1e7,
      reason: title,
    },
  });
  return { id, shown: items.length };
}

/** The maximum number of characters that the browser lays out as one text. */
const longestText = (page: Page) =>
  page.evaluate<number>(`{
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let longest = 0;
    while (texts.nextNode()) longest = Math.max(longest, texts.currentNode.data.length);
    longest;
  }`);

test(`${messages} hostile messages leave every item and every approval where it belongs`, async ({ desk }) => {
  const sessions: Hostile[] = [];
  for (let at = 0; at < messages / ofOneSession; at++) sessions.push(await hostileSession(desk, at));
  const { page } = await desk.open();
  let longest = 0;
  for (const { id, shown } of sessions) {
    await page.goto(`/#${id}`);
    await page.reload();
    const card = page.getByRole('region', { name: 'Waiting for you' }).getByRole('group', { name: 'Approval' });
    await card.getByText('the last call').waitFor();
    expect(await card.getByRole('button', { name: 'Approve', exact: true }).isEnabled()).toBe(true);
    await expect.poll(() => page.locator('.items [data-seq]').count()).toBe(shown);
    await page.locator('.session').first().waitFor({ state: 'attached' }); // the list comes with its own request
    longest = Math.max(longest, await longestText(page));
  }
  expect(longest, `seed ${seed}`).toBeLessThanOrEqual(maxText);
});

boxed('files with hostile names and tables open, one after the other', async ({ desk }) => {
  const { id } = await desk.call('sessions.create', {});
  const tables = sample(hostileCsv, 6);
  const stored: string[] = [];
  for (const [at, name] of ['x.constructor', 'sheet.csv', ...sample(hostileName, 4)].entries()) {
    const path = name.includes('.') ? name : `${name}.csv`;
    const address = `/streams/sessions/${id}/file?path=${encodeURIComponent(path)}`;
    const answer = await desk.fetch(address, { method: 'PUT', body: tables[at] ?? '' });
    if (answer.ok) stored.push(path);
  }
  expect(stored.length).toBeGreaterThanOrEqual(2);
  const { page } = await desk.open(`/#${id}`);
  // The workspace also has a folder of Corral's own, which opens in the tree.
  const files = page.locator('[role=treeitem]:not([aria-expanded])');
  await expect.poll(() => files.count()).toBe(stored.length);
  for (const at of stored.keys()) {
    await files.nth(at).click();
    await page
      .locator('.file .file-body, .file .editor-text, .file .empty:not(:text("Loading"))')
      .first()
      .waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Back to files' }).click();
  }
});
