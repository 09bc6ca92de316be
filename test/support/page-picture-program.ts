// Creates docs/page.webp, the picture of the page in README.md: node scripts/run.mjs
// test/support/page-picture-program.ts Needs bubblewrap and /usr/bin/chromium. The demo model and a sandbox of this
// machine create the session in it.
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { builtInTasks } from '../../src/agents/models/demo/tasks/list.ts';
import { serverProcess } from './servers/server-process.ts';

const target = process.argv[2] ?? fileURLToPath(new URL('../../docs/page.webp', import.meta.url));
await using server = await serverProcess({
  CORRAL_DRIVER: 'process',
  CORRAL_EGRESS_POLICY: 'none',
  CORRAL_RATE_LIMIT_PER_MINUTE: '0',
});
async function call(path: string, input: object): Promise<{ id: string; status: string }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${server.url}/trpc/${path}`, { method: 'POST', headers, body: JSON.stringify(input) });
  return ((await answer.json()) as { result: { data: { id: string; status: string } } }).result.data;
}
async function work(text: string): Promise<string> {
  const { id } = await call('sessions.create', {});
  await call('runs.send', { sessionId: id, text });
  return id;
}
let id = '';
for (const { asks } of builtInTasks.toReversed().filter(({ asks }) => !asks.en.includes('game')))
  id = await work(asks.en);

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.goto(`${server.url}/#${id}`);
await page.locator('.ended').waitFor({ timeout: 120_000 });
await page.getByRole('button', { name: 'Open chart.html' }).click();
await page.frameLocator('.page-frame iframe').getByRole('heading', { name: 'Sales by month' }).waitFor();
await sleep(1_500); // the session before is marked as read
const devTools = await page.context().newCDPSession(page);
const { data } = await devTools.send('Page.captureScreenshot', { format: 'webp', quality: 82 });
await writeFile(target, Buffer.from(data, 'base64'));
await browser.close();
console.log(`wrote ${target}`);
