import { createTimeoutSignal, raceAbort, sleep, throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { AgentBrowser, BrowserLimits, BrowserReport, ElementOrPoint } from './browser.ts';
import { type BrowserConnection, connectBrowser } from './connection.ts';
import { DownloadSaver } from './downloads.ts';
import { BrowserEventNotes, clipText } from './event-notes.ts';
import { type BrowserActionResult, explainBrowserError, toFailureResult, toSuccessResult } from './explain-error.ts';
import { navigateTab } from './navigate.ts';
import { chooseOption, locateElement, pingPage, scrollPage, setElementValue } from './page-script.ts';
import { BrowserReporter, type PageTreeConverter } from './report.ts';
import { runInConsole, runInPage } from './run-in-page.ts';
import { type BrowserTab, BrowserTabs, raceTabCrash } from './tabs.ts';

/** `no`: why the address cannot be opened. */
export function parseBrowserAddress(value: string, workdir: string): { url: string } | { no: string } {
  const text = value.trim();
  const isLocal = /^(localhost|127\.0\.0\.1|\[::1\])([:/]|$)/i.test(text);
  const isHost = /^[\w.-]+:\d+([/?#]|$)/.test(text) && !/^(about|blob|chrome|data|file|javascript):/i.test(text);
  const hasScheme = /^[a-z][a-z0-9+.-]*:/i.test(text) && !isHost;
  const url = parse(isLocal ? `http://${text}` : hasScheme ? text : `https://${text}`);
  if (!url) return { no: `${JSON.stringify(value.slice(0, 200))} is not an address.` };
  if (/^(https?|about|data|chrome):$/.test(url.protocol)) return { url: url.href };
  if (url.protocol !== 'file:') return { no: `The browser does not open ${url.protocol} addresses.` };
  const path = decode(url.pathname);
  if (path !== undefined && (path === workdir || path.startsWith(`${workdir}/`))) return { url: url.href };
  return { no: `Files outside ${workdir} are not opened in the browser; read them with file_read.` };
}

const parse = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

const names: Readonly<Record<string, string>> = {
  ctrl: 'Control',
  control: 'Control',
  cmd: 'Meta',
  super: 'Meta',
  meta: 'Meta',
  win: 'Meta',
  alt: 'Alt',
  option: 'Alt',
  shift: 'Shift',
  enter: 'Enter',
  return: 'Enter',
  esc: 'Escape',
  escape: 'Escape',
  tab: 'Tab',
  space: 'Space',
  backspace: 'Backspace',
  back_space: 'Backspace',
  del: 'Delete',
  delete: 'Delete',
  insert: 'Insert',
  home: 'Home',
  end: 'End',
  up: 'ArrowUp',
  down: 'ArrowDown',
  left: 'ArrowLeft',
  right: 'ArrowRight',
  arrowup: 'ArrowUp',
  arrowdown: 'ArrowDown',
  arrowleft: 'ArrowLeft',
  arrowright: 'ArrowRight',
  pageup: 'PageUp',
  page_up: 'PageUp',
  prior: 'PageUp',
  pagedown: 'PageDown',
  page_down: 'PageDown',
  next: 'PageDown',
};

/** `ctrl+a` becomes `Control+a`, and `Return` becomes `Enter`. */
export const toPlaywrightKeys = (keys: string): string => {
  const parts = keys === '+' ? ['+'] : keys.split('+').map((part) => part.trim());
  return parts.map((part) => names[part.toLowerCase()] ?? (/^f\d+$/.test(part) ? part.toUpperCase() : part)).join('+');
};

const connectMs = 60_000;
const settleMs = 100; // time for an input to start taking effect
const loadMs = 5_000;
const pingMs = 1_500;
const typedChars = 200; // longer or multi-line text is inserted in one step

interface Options {
  readonly sandbox: SandboxClient;
  readonly clock: Clock;
  readonly limits: BrowserLimits;
  readonly readTree: PageTreeConverter;
}
interface OpenBrowser extends BrowserConnection {
  readonly tabs: BrowserTabs;
  readonly downloads: DownloadSaver;
}
type TabWork = (tab: BrowserTab, signal: AbortSignal) => Promise<BrowserActionResult>;

/** Not safe for concurrent calls. A call restarts a browser that has died. */
export class BrowserSession implements AgentBrowser, Disposable {
  readonly #sandbox: SandboxClient;
  readonly #clock: Clock;
  readonly #limits: BrowserLimits;
  readonly #notes = new BrowserEventNotes();
  readonly #reporter: BrowserReporter;
  #opened: OpenBrowser | undefined;

  constructor({ sandbox, clock, limits, readTree }: Options) {
    this.#sandbox = sandbox;
    this.#clock = clock;
    this.#limits = limits;
    this.#reporter = new BrowserReporter({ sandbox, clock, notes: this.#notes, answerMs: limits.answerMs, readTree });
  }

  [Symbol.dispose](): void {
    this.#opened?.close();
    this.#opened = undefined;
  }

  view(signal: AbortSignal): Promise<BrowserReport> {
    return this.#do(signal, async () => toSuccessResult(''), { withText: true });
  }

  async navigate(url: string, signal: AbortSignal): Promise<BrowserReport> {
    const address = parseBrowserAddress(url, this.#sandbox.workdir);
    if ('no' in address) return { ...toFailureResult(address.no, 'refused') };
    const { navigationMs } = this.#limits;
    const go: TabWork = async (current, until) => {
      const tab = await this.#answering(current, until);
      return await navigateTab({
        tab,
        url: address.url,
        sandbox: this.#sandbox,
        timeoutMs: navigationMs,
        signal: until,
      });
    };
    return await this.#do(signal, go, { ms: navigationMs + 2 * loadMs, isNavigation: true });
  }

  async restart(url: string, signal: AbortSignal): Promise<BrowserReport> {
    const address = parseBrowserAddress(url, this.#sandbox.workdir);
    if ('no' in address) return { ...toFailureResult(address.no, 'refused') };
    this[Symbol.dispose]();
    using until = createTimeoutSignal(connectMs, this.#clock, signal);
    await this.#sandbox.desktop.restartBrowser(until.signal);
    this.#notes.take();
    return await this.navigate(url, signal);
  }

  click(target: ElementOrPoint, signal: AbortSignal): Promise<BrowserReport> {
    return this.#do(signal, async (tab) => {
      const place = await this.#place(tab, target);
      if ('ok' in place) return place;
      await tab.page.mouse.click(place.x, place.y);
      return toSuccessResult(`Clicked ${place.what}.`);
    });
  }

  input(
    target: ElementOrPoint,
    text: string,
    { pressEnter, signal }: { pressEnter: boolean; signal: AbortSignal },
  ): Promise<BrowserReport> {
    return this.#do(signal, async (tab) => {
      const place = await this.#place(tab, target);
      if ('ok' in place) return place;
      const { mouse, keyboard } = tab.page;
      if (!('index' in target) || !(await runInPage(await tab.cdp(), setElementValue, { index: target.index, text }))) {
        await mouse.click(place.x, place.y);
        await keyboard.press('Control+a');
        if (text === '') await keyboard.press('Delete');
        else if (text.length > typedChars || text.includes('\n')) await keyboard.insertText(text);
        else await keyboard.type(text);
      }
      if (pressEnter) await keyboard.press('Enter');
      return toSuccessResult(`Wrote into ${place.what}${pressEnter ? ' and pressed Enter' : ''}.`);
    });
  }

  moveMouse(x: number, y: number, signal: AbortSignal): Promise<BrowserReport> {
    return this.#do(signal, async ({ page }) => {
      await page.mouse.move(x, y);
      return toSuccessResult(`The mouse is at ${x}, ${y}.`);
    });
  }

  pressKey(key: string, signal: AbortSignal): Promise<BrowserReport> {
    return this.#do(signal, async ({ page }) => {
      const keys = toPlaywrightKeys(key);
      try {
        await page.keyboard.press(keys);
      } catch (thrown) {
        if (!/unknown key/i.test(String(thrown))) throw thrown;
        return toFailureResult(
          `There is no key ${JSON.stringify(clipText(key, 60))}. Examples: Enter, Tab, Control+a, ArrowDown.`,
        );
      }
      return toSuccessResult(`Pressed ${keys}.`);
    });
  }

  selectOption(index: number, option: string, signal: AbortSignal): Promise<BrowserReport> {
    return this.#do(signal, async (tab) => {
      const wrong = notListed(tab, index);
      if (wrong) return wrong;
      const done = await runInPage(await tab.cdp(), chooseOption, { index, option });
      return 'none' in done
        ? toFailureResult(done.none, 'not_found')
        : toSuccessResult(`Chose ${JSON.stringify(done.chosen)}.`);
    });
  }

  scroll(direction: 'up' | 'down', distance: 'screen' | 'end', signal: AbortSignal): Promise<BrowserReport> {
    return this.#do(signal, async (tab) => {
      const moved = await runInPage(await tab.cdp(), scrollPage, {
        direction: direction === 'down' ? 1 : -1,
        distance,
      });
      const end = direction === 'down' ? 'at its end' : 'at its top';
      return toSuccessResult(moved ? `Scrolled ${direction}.` : `Nothing moved: the page is already ${end}.`);
    });
  }

  consoleExec(javascript: string, signal: AbortSignal): Promise<BrowserReport> {
    return this.#do(signal, async (tab) =>
      toSuccessResult(await runInConsole(await tab.cdp(), javascript, this.#limits.answerMs - 500)),
    );
  }

  consoleView(maxLines: number, signal: AbortSignal): Promise<BrowserReport> {
    return this.#do(signal, async ({ console }) =>
      toSuccessResult(console.length === 0 ? 'The console is empty.' : console.slice(-maxLines).join('\n')),
    );
  }

  async address(signal: AbortSignal): Promise<string | undefined> {
    const opened = await this.#open(signal);
    if ('ok' in opened) return undefined;
    using until = createTimeoutSignal(this.#limits.answerMs, this.#clock, signal);
    const tab = await raceAbort(opened.tabs.current(), until.signal).catch(() => throwIfAborted(signal));
    return tab?.page.url();
  }

  async #do(
    signal: AbortSignal,
    work: TabWork,
    { ms = this.#limits.answerMs, withText = false, isNavigation = false, retried = false } = {},
  ): Promise<BrowserReport> {
    const opened = await this.#open(signal);
    if ('ok' in opened) return opened;
    let outcome: BrowserActionResult;
    try {
      using until = createTimeoutSignal(ms, this.#clock, signal);
      const tab = await raceAbort(opened.tabs.current(), until.signal);
      tab.dialogs = 0;
      outcome = await raceTabCrash(tab, work(tab, until.signal), until.signal);
      if (!withText) await this.#settle(opened, outcome, { signal: until.signal, isNavigation });
    } catch (thrown) {
      throwIfAborted(signal);
      // If the browser died during this call, the retry opens a new browser.
      if (isNavigation && !retried && !opened.isOpen())
        return await this.#do(signal, work, { ms, isNavigation, retried: true });
      outcome = explainBrowserError(thrown, opened.isOpen());
    }
    return await this.#reporter.report(opened, outcome, { signal, withText });
  }

  async #open(signal: AbortSignal): Promise<OpenBrowser | BrowserActionResult> {
    if (this.#opened?.isOpen()) return this.#opened;
    const isAnew = this.#opened !== undefined;
    this[Symbol.dispose]();
    using until = createTimeoutSignal(connectMs, this.#clock, signal);
    let connection: BrowserConnection | undefined;
    try {
      connection = await connectBrowser(this.#sandbox.desktop, until.signal);
      const { context, control } = connection;
      const { maxTabs, maxDownloadBytes: maxBytes } = this.#limits;
      const notes = this.#notes;
      const folder = `${this.#sandbox.workdir}/Downloads`;
      const downloads = new DownloadSaver({ control, folder, maxBytes, notes, clock: this.#clock });
      await raceAbort(downloads.start(), until.signal);
      const tabs = new BrowserTabs({ context, notes, maxTabs });
      await raceAbort(tabs.find(), until.signal);
      this.#opened = { ...connection, tabs, downloads };
    } catch (thrown) {
      connection?.close();
      throwIfAborted(signal);
      return explainBrowserError(thrown, true);
    }
    if (isAnew) this.#notes.add('The browser had ended and was started again; earlier pages are lost.');
    return this.#opened;
  }

  /** Replaces a tab whose page is too busy even to navigate away. */
  async #answering(tab: BrowserTab, signal: AbortSignal): Promise<BrowserTab> {
    try {
      using soon = createTimeoutSignal(pingMs, this.#clock, signal);
      await raceAbort(
        tab.cdp().then((cdp) => runInPage(cdp, pingPage, {})),
        soon.signal,
      );
      return tab;
    } catch {
      throwIfAborted(signal);
      this.#notes.add('The previous page no longer responded; its tab was closed.');
      return (await this.#opened?.tabs.replace(tab)) ?? tab;
    }
  }

  async #settle(
    { tabs, downloads }: OpenBrowser,
    outcome: BrowserActionResult,
    { signal, isNavigation }: { signal: AbortSignal; isNavigation: boolean },
  ): Promise<void> {
    if (!isNavigation) await sleep(settleMs, signal, this.#clock);
    await tabs.arrived(signal);
    const tab = await tabs.current();
    const loaded = tab.page.waitForLoadState('load', { timeout: loadMs });
    await raceTabCrash(tab, loaded, signal).catch(() => throwIfAborted(signal));
    await downloads.settle(signal, outcome.downloads === true);
  }

  async #place(
    tab: BrowserTab,
    target: ElementOrPoint,
  ): Promise<{ x: number; y: number; what: string } | BrowserActionResult> {
    if ('x' in target) return { ...target, what: `at ${target.x}, ${target.y}` };
    const { index } = target;
    const wrong = notListed(tab, index);
    if (wrong) return wrong;
    const at = await runInPage(await tab.cdp(), locateElement, { index });
    if ('gone' in at)
      return toFailureResult(`Element ${index} of the last view is gone. Call browser_view again.`, 'not_found');
    if ('coveredBy' in at)
      return toFailureResult(`Element ${index} is behind ${at.coveredBy}. Close or move that first.`);
    return { x: at.x, y: at.y, what: `element ${index}, a <${at.tag}>` };
  }
}

function notListed({ shown }: BrowserTab, index: number): BrowserActionResult | undefined {
  const count = shown?.count ?? 0;
  if (index < count) return undefined;
  const known = count === 0 ? 'The last view had none' : `The last view had 0 to ${count - 1}`;
  return toFailureResult(`There is no element ${index}. ${known}; refresh with browser_view.`, 'not_found');
}
