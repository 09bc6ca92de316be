// Creates docs/page.webp, the picture of the page in README.md: node scripts/run.mjs
// test/support/page-picture-program.ts Needs bubblewrap and /usr/bin/chromium. The demo model and a sandbox of this
// machine create the session in it.
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serverProcess } from './servers/server-process.ts';

const target = process.argv[2] ?? fileURLToPath(new URL('../../docs/page.webp', import.meta.url));
const fence = (word: string, text: string) => `\`\`\`${word}\n${text}\n\`\`\``;
const task = `How warm was last week?
${fence('file:data/week.csv', 'day,high,low\nMon,21,12\nTue,24,13\nWed,19,11')}
${fence('file:report.py', "import csv\n\nrows = list(csv.DictReader(open('data/week.csv')))\nprint('average', round(sum(int(r['high']) for r in rows) / len(rows), 1))")}
${fence('sh', "python3 report.py; printf '\\033[32m3 passed\\033[0m in 0.12s\\n'")}`;

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
const started = async (title: string, text: string) => {
  const { id } = await call('sessions.create', { title });
  await call('runs.send', { sessionId: id, text });
  return id;
};
await started('Read the release notes', 'Read them');
await started('Which colour for the chart?', `Ask\n${fence('ask', 'Which colour should the chart have?')}`);
const id = await started('Weather of last week', task);

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.goto(`${server.url}/#${id}`);
await page.locator('.ended').waitFor({ timeout: 120_000 });
await page.getByRole('treeitem', { name: 'data' }).waitFor();
await page.getByRole('treeitem', { name: 'report.py' }).click();
await page.locator('.source-text').waitFor();
await sleep(1_500); // the highlighter loads
const devTools = await page.context().newCDPSession(page);
const { data } = await devTools.send('Page.captureScreenshot', { format: 'webp', quality: 82 });
await writeFile(target, Buffer.from(data, 'base64'));
await browser.close();
console.log(`wrote ${target}`);
