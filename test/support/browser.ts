import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { onTestFinished, type TestContext } from 'vitest';
import { needs } from './components.ts';
import { onFailureTell } from './on-failure.ts';

const executablePath = '/usr/bin/chromium';
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Seen {
  readonly page: Page;
  readonly context: BrowserContext;
  /** The errors and warnings that the page reported. */
  readonly complaints: string[];
}

/** A browser with its own profile; the end of the test closes it. */
export async function browse(
  context: TestContext,
  { width, height, dark = false }: { width: number; height: number; dark?: boolean },
): Promise<Seen> {
  await needs(context, 'chromium');
  const profile = await mkdtemp(join(tmpdir(), 'corral-browser-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: quiet,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
  });
  onTestFinished(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  });
  const page = browser.pages()[0] ?? (await browser.newPage());
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => void complaints.push(String(error)));
  page.setDefaultTimeout(45_000); // a loaded machine with a slow disk is common
  onFailureTell(
    'the page',
    async () => `${page.url()}\n${await page.evaluate('document.body.innerText')}\n${complaints.join('\n')}`,
  );
  return { page, context: browser, complaints };
}
