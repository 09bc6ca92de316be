// @module-tag nightly
import { afterAll, expect, test } from 'vitest';
import { randomIds } from '../../../src/core/model/ids.ts';
import { newSession } from '../../../src/sessions/run/log/projection.ts';
import { composeCore } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { busySeconds, desk, scrollTo } from './desk.ts';

// Measurements, which other tests of a run would disturb.

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const { page: open } = desk({ CORRAL_DATA_DIR: folder.path });
const empty = desk();

/** Sessions of the last week, as an earlier server left them: a server keeps its list in memory. */
async function seed(count: number): Promise<void> {
  await using earlier = await composeCore({ CORRAL_DATA_DIR: folder.path });
  const ids = randomIds();
  const { records } = earlier.core.store;
  const now = Date.now();
  for (let n = 0; n < count; n++) {
    const [id, at] = [ids.sessionId(), now - n * 60_000];
    const fresh = newSession({
      id,
      at,
      title: `Session ${n}`,
      origin: 'trpc',
      template: 'default',
      projectId: null,
      lastTask: '',
    });
    await records.put({ kind: 'session', id, doc: { ...fresh, status: 'completed' }, sort: at });
  }
}

test('the page is ready for a message within a second of its own work', async (context) => {
  const { page } = await empty.page(context);
  await page.getByText('What shall be done?').waitFor();
  await expect.poll(() => page.evaluate('document.activeElement?.id')).toBe('message');
  const opened = await busySeconds(page);
  context.annotate(`opened: ${opened.toFixed(2)} s of work`);
  expect(opened).toBeLessThan(1);
});

test('10,000 sessions open, scroll and filter without a pause', async (context) => {
  await seed(10_000);
  const { page } = await open(context);
  await page.getByText('Session 0', { exact: true }).waitFor();
  const list = page.getByRole('list', { name: 'Sessions' });
  // A week has seven or eight headings, each as high as a session.
  const height = () => page.evaluate<number>("document.querySelector('.sessions .virtual-space').offsetHeight / 44");
  await expect.poll(height).toBeGreaterThan(10_006);
  const opened = await busySeconds(page);
  expect(await page.locator('.session').count()).toBeLessThan(100);
  for (let n = 1; n <= 20; n++) await scrollTo(list, n * 20_000);
  await scrollTo(list);
  await page.getByText('Session 9999', { exact: true }).waitFor();
  const scrolled = await busySeconds(page);
  await page.getByRole('searchbox').fill('session 777');
  await expect.poll(() => page.locator('.session').count()).toBe(19);
  const filtered = await busySeconds(page);
  context.annotate(
    `opened ${opened.toFixed(2)} s, scrolled ${(scrolled - opened).toFixed(2)} s, filtered ${(filtered - scrolled).toFixed(2)} s`,
  );
  expect(opened).toBeLessThan(6);
  expect(scrolled - opened).toBeLessThan(1.5);
  expect(filtered - scrolled).toBeLessThan(2);
});
