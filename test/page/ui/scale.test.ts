// @module-tag nightly
import { afterAll, expect } from 'vitest';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { stored } from '../../support/machines/session-parts.ts';
import { composeCore } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { deskTest, scrollTo, typeInto } from './desk.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const test = deskTest({ CORRAL_DATA_DIR: folder.path }, 'nobody');
await seed(10_000);

/** Last week's sessions, stored by an earlier server: a running server keeps its list in memory. */
async function seed(count: number): Promise<void> {
  await using earlier = await composeCore({ CORRAL_DATA_DIR: folder.path });
  const ids = createIdSource();
  const { records } = earlier.core.store;
  const now = Date.now();
  for (let n = 0; n < count; n++) {
    const [id, at] = [ids.sessionId(), now - n * 60_000];
    const times = { createdAt: at, updatedAt: at, latestMessageAt: at };
    const doc = stored({ id, title: `Session ${n}`, status: 'completed', ...times });
    await records.put({ kind: 'session', id, doc, sort: at });
  }
}

test('10,000 sessions open, scroll and filter', async ({ desk }) => {
  const { page } = await desk.open();
  await page.getByText('Session 0', { exact: true }).waitFor();
  const list = page.getByRole('list', { name: 'Sessions' });
  // A week has seven or eight headings, each as high as a session.
  const height = () => page.evaluate<number>("document.querySelector('.sessions .virtual-space').offsetHeight / 44");
  await expect.poll(height).toBeGreaterThan(10_006);
  expect(await page.locator('.session').count()).toBeLessThan(100);
  for (let n = 1; n <= 20; n++) await scrollTo(list, n * 20_000);
  await scrollTo(list);
  await page.getByText('Session 9999', { exact: true }).waitFor();
  await typeInto(page.getByRole('searchbox'), 'session 777');
  await expect.poll(() => page.locator('.session').count()).toBe(19);
});
