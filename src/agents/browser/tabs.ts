import type { BrowserContext, CDPSession, ConsoleMessage, Dialog, Page } from 'playwright-core';
import { combineSignals, neverAbortingSignal, raceAbort, sleep } from '../../core/concurrency/cancel.ts';
import type { ElementSnapshot } from './element-list.ts';
import { type BrowserEventNotes, clipText } from './event-notes.ts';
import { isPageClosedError } from './explain-error.ts';

const lookMs = 1_000;
const closeMs = 1_000;
const comingMs = 5_000; // Chromium starts a process for each tab, which can be slow
const maxConsoleLines = 500;
const maxDialogs = 10; // per action; a page that opens more is closed

export interface BrowserTab {
  readonly page: Page;
  readonly console: string[];
  readonly cdp: () => Promise<CDPSession>;
  crashed: boolean;
  /** Rejects when the page crashes, because calls to a crashed page never settle. */
  readonly crash: Promise<never>;
  dialogs: number;
  shown: ElementSnapshot | undefined;
}
interface Options {
  readonly context: BrowserContext;
  readonly notes: BrowserEventNotes;
  readonly maxTabs: number;
}

/** A new tab becomes current. Changes that the server did not cause become notes. */
export class BrowserTabs {
  readonly #context: BrowserContext;
  readonly #notes: BrowserEventNotes;
  readonly #maxTabs: number;
  #tabs: BrowserTab[] = [];
  #current: BrowserTab | undefined;
  /** Above 0 while the server itself changes tabs, which creates no notes. */
  #quiet = 0;
  #coming = 0;
  #arrival = Promise.withResolvers<void>();

  constructor({ context, notes, maxTabs }: Options) {
    this.#context = context;
    this.#notes = notes;
    this.#maxTabs = maxTabs;
    for (const page of context.pages()) this.#add(page);
    context.on('page', (page) => {
      this.#coming = Math.max(0, this.#coming - 1);
      this.#arrival.resolve();
      this.#arrival = Promise.withResolvers();
      this.#add(page, 'announced');
    });
  }

  get all(): readonly BrowserTab[] {
    return this.#tabs;
  }

  async find(): Promise<void> {
    const shows = async (tab: BrowserTab) => {
      const state = await tab.page.evaluate('document.visibilityState');
      return state === 'visible' && tab.page.url() !== 'about:blank';
    };
    const looked = this.#tabs.map((tab) => shows(tab).catch(() => false));
    const waited = sleep(lookMs, neverAbortingSignal).then(() => false);
    const visible = await Promise.all(looked.map((look) => Promise.race([look, waited])));
    this.#current = this.#tabs.findLast((_, n) => visible[n]) ?? this.#current;
  }

  /** Waits up to five seconds for tabs that pages requested. */
  async arrived(signal: AbortSignal): Promise<void> {
    const patience = combineSignals([signal, AbortSignal.timeout(comingMs)]);
    while (this.#coming > 0 && !patience.aborted) {
      await raceAbort(this.#arrival.promise, patience).catch(() => {});
    }
    this.#coming = 0;
  }

  async current(): Promise<BrowserTab> {
    const tab = this.#current;
    if (tab && !tab.crashed && !tab.page.isClosed()) return tab;
    return await this.replace(tab);
  }

  /** Opens the new tab first, because a browser without tabs exits. */
  async replace(old: BrowserTab | undefined): Promise<BrowserTab> {
    this.#quiet += 1;
    try {
      const page = await this.#context.newPage();
      const fresh = this.#tabs.find((tab) => tab.page === page) ?? this.#add(page);
      this.#current = fresh;
      if (old) this.#discard(old);
      return fresh;
    } finally {
      this.#quiet -= 1;
    }
  }

  #add(page: Page, message?: 'announced'): BrowserTab {
    let session: Promise<CDPSession> | undefined;
    const cdp = () => {
      session ??= this.#openSession(page);
      return session;
    };
    const crash = Promise.withResolvers<never>();
    crash.promise.catch(() => {});
    const tab: BrowserTab = {
      page,
      console: [],
      cdp,
      crashed: false,
      crash: crash.promise,
      dialogs: 0,
      shown: undefined,
    };
    this.#tabs.push(tab);
    this.#current = tab;
    this.#listen(tab);
    page.on('crash', () => {
      tab.crashed = true;
      crash.reject(new Error('Page crashed'));
    });
    if (message && this.#quiet === 0) this.#notes.add('The page opened a new tab, which is now the one you see.');
    const oldest = this.#tabs[0];
    if (oldest && this.#tabs.length > this.#maxTabs) {
      this.#notes.add(
        `At most ${this.#maxTabs} tabs can be open; the oldest was closed: ${clipText(oldest.page.url(), 120)}`,
      );
      this.#discard(oldest);
    }
    return tab;
  }

  async #openSession(page: Page): Promise<CDPSession> {
    const session = await this.#context.newCDPSession(page);
    session.on('Page.windowOpen', () => {
      this.#coming += 1;
    });
    await session.send('Page.enable');
    return session;
  }

  #listen(tab: BrowserTab): void {
    const { page } = tab;
    const log = (line: string) => {
      tab.console.push(clipText(line, 2_000));
      if (tab.console.length > maxConsoleLines) tab.console.shift();
    };
    page.on('console', (message: ConsoleMessage) => log(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => log(`error: ${error.message}`));
    page.on('dialog', (dialog) => this.#answer(tab, dialog));
    page.on('close', () => this.#closed(tab));
    page.on('filechooser', () =>
      this.#notes.add('The page requested a file, which cannot be chosen here; send it from the shell instead.'),
    );
  }

  #answer(tab: BrowserTab, dialog: Dialog): void {
    tab.dialogs += 1;
    if (tab.dialogs > maxDialogs) {
      if (tab.dialogs > maxDialogs + 1) return;
      this.#notes.add(`The page opened more than ${maxDialogs} dialogs in a row; its tab was closed.`);
      void this.replace(tab).catch(() => {}); // fails when the browser is gone, which the next call reports
      return;
    }
    const text = clipText(dialog.message(), 200);
    const kind = dialog.type();
    this.#notes.add(
      kind === 'beforeunload'
        ? 'The page showed a warning before it was left; it was confirmed.'
        : `The page showed a dialog (${kind}): ${JSON.stringify(text)}. It was answered with OK${kind === 'prompt' ? ` and ${JSON.stringify(clipText(dialog.defaultValue(), 100))}` : ''}.`,
    );
    dialog.accept(kind === 'prompt' ? dialog.defaultValue() : undefined).catch(() => {});
  }

  #closed(tab: BrowserTab): void {
    if (!this.#tabs.includes(tab)) return;
    this.#tabs = this.#tabs.filter((it) => it !== tab);
    if (this.#current !== tab) return;
    this.#current = this.#tabs.at(-1);
    if (this.#quiet === 0) this.#notes.add('The tab was closed; you now see the previous one.');
    void this.#current?.page.bringToFront().catch(() => {});
  }

  #discard(tab: BrowserTab): void {
    this.#tabs = this.#tabs.filter((it) => it !== tab);
    void tab.page.close().catch(() => {});
  }
}

/** Playwright may report the page's close event a moment after the failure. */
export async function isTabClosedError({ page }: BrowserTab, thrown: unknown): Promise<boolean> {
  if (page.isClosed()) return true;
  if (!isPageClosedError(thrown)) return false;
  const whenClosed = page.waitForEvent('close', { timeout: closeMs });
  return await whenClosed.then(
    () => true,
    () => false,
  );
}

/** Rejects if the page crashes, because calls to a crashed page never settle. */
export const raceTabCrash = <Value>(tab: BrowserTab, work: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  raceAbort(Promise.race([work, tab.crash]), signal);
