import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { randomIds } from '../../../src/core/ids.ts';
import { fence } from '../../support/api.ts';
import { needs } from '../../support/components.ts';
import { onlyNightly } from '../../support/nightly.ts';
import { desk, scrollTo } from './desk.ts';

const { page: open, worked, server } = desk({ CORRAL_DRIVER: 'process' });
const long = 'it measures, which other tests of the run would disturb';

/** The seconds for which the page's own thread has worked since it was opened: scripts, styles and layout. */
async function busySeconds(page: Page): Promise<number> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send('Performance.enable');
  const { metrics } = await devTools.send('Performance.getMetrics');
  await devTools.detach();
  const of = (name: string) => metrics.find((one) => one.name === name)?.value ?? 0;
  return of('ScriptDuration') + of('LayoutDuration') + of('RecalcStyleDuration');
}

test('10,000 lines of output are drawn as the few in view, and scroll without a pause', async (context) => {
  onlyNightly(context, long);
  await needs(context, 'bubblewrap');
  const id = await worked(`Count\n${fence('sh', 'seq 1 10000')}`);
  const { page } = await open(context, `/#${id}`);
  await page.locator('.ended').waitFor();
  await page.getByRole('button', { name: 'Show all 10,000 lines' }).click();
  const lines = page.getByRole('group', { name: 'Output' });
  await lines.getByText('1', { exact: true }).waitFor();
  expect(await lines.locator('.line').count()).toBeLessThan(100);
  const before = await busySeconds(page);
  for (let n = 1; n <= 20; n++) await scrollTo(lines, n * 10_000);
  await scrollTo(lines);
  await lines.getByText('10000', { exact: true }).waitFor();
  const scrolled = (await busySeconds(page)) - before;
  context.annotate(`scrolled through 10,000 lines: ${scrolled.toFixed(2)} s of work`);
  expect(scrolled).toBeLessThan(1.5);
});

test('10,000 sessions open, scroll and filter without a pause', { timeout: 120_000 }, async (context) => {
  onlyNightly(context, long);
  const id = await worked('The first of many', { title: 'The first of many' });
  const { store } = (await server()).core;
  const found = await store.records.get('session', id);
  const ids = randomIds();
  const put = async (n: number) => {
    const made = { ...(found?.doc as object), id: ids.sessionId(), title: `Session ${n}`, latestMessageAt: n * 60_000 };
    await store.records.put({ kind: 'session', id: made.id, doc: made, sort: made.latestMessageAt });
  };
  for (let from = 0; from < 10_000; from += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, n) => put(from + n)));
  }
  const { page } = await open(context);
  await page.getByText('The first of many').waitFor();
  await page.getByText('Session 9999', { exact: true }).waitFor();
  const opened = await busySeconds(page);
  expect(await page.locator('.session').count()).toBeLessThan(100);
  const list = page.getByRole('list', { name: 'Sessions' });
  for (let n = 1; n <= 20; n++) await scrollTo(list, n * 20_000);
  await scrollTo(list);
  await page.getByText('Session 0', { exact: true }).waitFor();
  const scrolled = await busySeconds(page);
  await page.getByRole('searchbox').fill('session 777');
  await expect.poll(() => page.locator('.session').count()).toBe(11);
  const filtered = await busySeconds(page);
  context.annotate(
    `opened ${opened.toFixed(2)} s, scrolled ${(scrolled - opened).toFixed(2)} s, filtered ${(filtered - scrolled).toFixed(2)} s`,
  );
  expect(opened).toBeLessThan(6);
  expect(scrolled - opened).toBeLessThan(1.5);
  expect(filtered - scrolled).toBeLessThan(2);
});

test('the page is ready for a message within a second of its own work', async (context) => {
  onlyNightly(context, long);
  await server();
  const { page } = await open(context);
  await page.getByText('What shall be done?').waitFor();
  await expect.poll(() => page.evaluate('document.activeElement?.id')).toBe('message');
  const opened = await busySeconds(page);
  context.annotate(`opened: ${opened.toFixed(2)} s of work`);
  expect(opened).toBeLessThan(1);
});
