import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect, onTestFinished, type TestContext } from 'vitest';
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
interface PageSize {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly hasTouch?: boolean;
}

/** One for all tests of a process, because its start costs more than most tests. It ends with the process. */
let launched: Promise<Browser> | undefined;
async function browserOfProcess(): Promise<Browser> {
  const browser = await launched;
  if (browser?.isConnected()) return browser;
  launched = chromium.launch({ executablePath, args: quiet });
  return await launched;
}

const aboutPolicy = /Content Security Policy|Trusted(HTML|Script)/;

/**
 * A page with its own profile, which is closed at the end of the test. An uncaught exception or rejection fails the
 * test, and so does a request that the page's policy blocked (previews have their own policy). Other complaints do not:
 * on a busy machine a browser also reports requests that a reload cut off. `token`: signs the page in.
 */
export async function browse(
  context: Pick<TestContext, 'skip'>,
  { width, height, dark = false, hasTouch = false }: PageSize,
  { url, token }: { readonly url?: string; readonly token?: string | undefined } = {},
): Promise<BrowserVisit> {
  await needs(context, 'chromium');
  const browser = await browserOfProcess();
  const profile = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce', // a spinning indicator keeps a processor busy
    hasTouch,
    isMobile: hasTouch,
    permissions: ['clipboard-read', 'clipboard-write'],
    ...(url !== undefined && { baseURL: url }),
  });
  const faults: string[] = [];
  onTestFinished(async () => {
    await profile.close();
    expect(faults, 'what the page did not catch').toEqual([]);
  });
  if (token !== undefined) {
    // A sandboxed page has no storage. Another port leads to the same server, through the test's network.
    const signIn = `try {
      if (location.hostname === '127.0.0.1') sessionStorage.setItem('corral.token', '${token}');
    } catch {}`;
    await profile.addInitScript(signIn);
  }
  const page = await profile.newPage();
  page.setDefaultTimeout(60_000); // a loaded machine with a slow disk is common
  const complaints: string[] = [];
  profile.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    complaints.push(message.text());
    if (aboutPolicy.test(message.text()) && !/\/previews\//.test(message.location().url)) faults.push(message.text());
  });
  profile.on('weberror', (thrown) => {
    const error = thrown.error();
    complaints.push(String(error));
    faults.push(error.stack || String(error));
  });
  onFailureTell(
    'the page',
    async () => `${page.url()}\n${await page.evaluate('document.body.innerText')}\n${complaints.join('\n')}`,
  );
  return { page, context: profile, complaints };
}
