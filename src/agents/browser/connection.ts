import type { Browser, BrowserContext, CDPSession } from 'playwright-core';
import { raceAbort } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { DesktopClient } from '../../sandboxes/client/client.ts';
import { createPipeTransport } from './transport.ts';

const connectMs = 20_000;

export interface BrowserConnection {
  readonly context: BrowserContext;
  /** The DevTools session of the browser itself, in addition to those of its pages. */
  readonly control: CDPSession;
  isOpen(): boolean;
  /** Closes the connection but not the browser. */
  close(): void;
}

/** Starts the browser if necessary. */
export async function connectBrowser(desktop: DesktopClient, signal: AbortSignal): Promise<BrowserConnection> {
  const pipe = await desktop.cdp(signal);
  const transport = createPipeTransport(pipe, desktop);
  try {
    // Loaded with the first browser, because a server without browsers should not spend memory on it.
    const { chromium } = await import('playwright-core');
    // Replaces Playwright's test defaults: a person watches this browser, and the server sets the download folder.
    const connecting = chromium.connectOverCDP(transport, { noDefaults: true, timeout: connectMs });
    const browser: Browser = await raceAbort(connecting, signal);
    const context = browser.contexts()[0];
    if (!context) throw new AppError('sandbox_unavailable', 'The browser has no profile.');
    const control = await raceAbort(browser.newBrowserCDPSession(), signal);
    return { context, control, isOpen: () => browser.isConnected(), close: () => transport.close() };
  } catch (thrown) {
    transport.close();
    throw thrown;
  }
}
