import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { onTestFinished, type TestContext } from 'vitest';
import { onFailureTell } from '../runner/on-failure.ts';
import { needs } from '../servers/components.ts';

const executablePath = '/usr/bin/chromium';
/**
 * Chromium draws parts of its own window, such as the reload button, as pages with processes of their own: a quarter of the
 * processor time of a test. Of two such switches it obeys the last, so those that Playwright turns off are here too.
 */
const withoutFeatures = [
  ...['InitialWebUI', 'PreloadTopChromeWebUI', 'WebUIOmniboxPopup', 'WebUIReloadButton', 'WebUIToolbar'],
  ...['AimEnabled', 'AvoidCorsURLLoaderRestartOnRedirect', 'HttpsFirstBalancedModeAutoEnable', 'HttpsUpgrades'],
  ...['LensOverlay', 'MediaRouter', 'NetworkTimeServiceQuerying', 'OptimizationHints', 'PaintHolding'],
  ...['PreconnectToSearch', 'ThirdPartyStoragePartitioning'],
];
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--disable-features=${withoutFeatures.join(',')}`,
];

export interface BrowserVisit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** The errors and warnings that the page reported. */
  readonly complaints: string[];
}

/** One for all tests of a process, because its start costs more than most tests. It ends with the process. */
let launched: Promise<Browser> | undefined;
export async function browserOfProcess(): Promise<Browser> {
  const browser = await launched;
  if (browser?.isConnected()) return browser;
  launched = chromium.launch({ executablePath, args: quiet });
  return await launched;
}

/** A page with a profile of its own; the end of the test closes it. */
export async function browse(
  context: TestContext,
  { width, height, dark = false }: { width: number; height: number; dark?: boolean },
): Promise<BrowserVisit> {
  await needs(context, 'chromium');
  const browser = await browserOfProcess();
  const profile = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce', // a spinner that turns keeps a processor busy
  });
  onTestFinished(() => profile.close());
  const page = await profile.newPage();
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
  return { page, context: profile, complaints };
}
