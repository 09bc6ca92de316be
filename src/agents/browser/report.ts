import type { CDPSession } from 'playwright-core';
import { createTimeoutSignal, raceAbort, sleep, throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { BrowserReport, PictureBytes } from './browser.ts';
import type { BrowserConnection } from './connection.ts';
import { formatElementLines, toElementSnapshot } from './element-list.ts';
import { type BrowserEventNotes, clipText } from './event-notes.ts';
import { type BrowserActionResult, explainBrowserError } from './explain-error.ts';
import { clipMarkdown } from './markdown.ts';
import { scanPage } from './page-script.ts';
import type { PageScan, PageTreeNode } from './page-types.ts';
import { runInPage } from './run-in-page.ts';
import { type BrowserTab, type BrowserTabs, isTabClosedError, raceTabCrash } from './tabs.ts';

const markdownChars = 10_000;
const bounds = { maxElements: 200, maxNodes: 20_000, maxChars: 200_000 };
const againMs = 100;

interface Options {
  readonly sandbox: SandboxClient;
  readonly clock: Clock;
  readonly notes: BrowserEventNotes;
  readonly answerMs: number;
  readonly readTree: PageTreeConverter;
}
/** Runs outside the server's event loop. Undefined if the conversion takes too long. */
export type PageTreeConverter = (tree: readonly PageTreeNode[], signal: AbortSignal) => Promise<string | undefined>;
interface ShownBrowser extends Pick<BrowserConnection, 'isOpen'> {
  readonly tabs: BrowserTabs;
}

interface ReportRequest {
  readonly opened: ShownBrowser;
  readonly withText: boolean;
  readonly signal: AbortSignal;
}

export class BrowserReporter extends ServerComponent<Options> {
  async report(
    opened: ShownBrowser,
    outcome: BrowserActionResult,
    { signal, withText }: { signal: AbortSignal; withText: boolean },
  ): Promise<BrowserReport> {
    const { clock, notes: noted, answerMs } = this.deps;
    let lines: string[] = [];
    let picture: PictureBytes | undefined;
    let { ok, reason } = outcome;
    try {
      using until = createTimeoutSignal(answerMs, clock, signal);
      for (let seen: BrowserTab | undefined; ; ) {
        const tab = await raceAbort(opened.tabs.current(), until.signal);
        if (tab === seen) break; // read again if a different tab came to the front
        seen = tab;
        const looking = raceTabCrash(tab, this.#shown(tab, { opened, withText, signal: until.signal }), until.signal);
        const shown = await looking.catch(async (thrown: unknown) => {
          if (!(await isTabClosedError(tab, thrown))) throw thrown;
          return undefined;
        });
        if (shown) [lines, picture] = shown;
      }
    } catch (thrown) {
      throwIfAborted(signal);
      const why = explainBrowserError(thrown, opened.isOpen());
      lines = outcome.ok ? [why.text] : [];
      if (outcome.ok) [ok, reason] = [false, why.reason];
      picture = await this.#wholeScreen(signal);
    }
    const notes = noted.take().map((note) => `- ${note}`);
    const text = [outcome.text, ...notes, ...lines].filter(Boolean).join('\n');
    return { ok, text, ...(reason && !ok && { reason }), ...(picture && { picture }) };
  }

  async #shown(
    tab: BrowserTab,
    { opened, withText, signal }: ReportRequest,
  ): Promise<[string[], PictureBytes | undefined]> {
    const cdp = await tab.cdp();
    return await Promise.all([
      this.#look(tab, cdp, { opened, withText, signal }),
      photograph(cdp, this.deps.clock, signal),
    ]);
  }

  async #look(tab: BrowserTab, cdp: CDPSession, { opened, withText, signal }: ReportRequest): Promise<string[]> {
    const found = await runInPage(cdp, scanPage, { withText, ...bounds });
    const elements = formatElementLines(found, tab.shown);
    tab.shown = toElementSnapshot(found);
    const { title, width, height, scrollY, scrollHeight } = found;
    const count = opened.tabs.all.length;
    const tabs = count > 1 ? `, tab ${opened.tabs.all.indexOf(tab) + 1} of ${count}` : '';
    const text = withText ? ['', 'Text:', await this.#readText(found, signal)] : [];
    return [
      `Page: ${title || '(no title)'} ${clipText(tab.page.url(), 500)}${tabs}`,
      `Screen: ${width}×${height}, from ${scrollY} of ${scrollHeight}`,
      elements.length > 0 ? 'Elements on the screen:' : 'Nothing on the screen can be clicked or filled in.',
      ...elements,
      ...text,
    ];
  }

  async #readText({ tree, cut }: Pick<PageScan, 'tree' | 'cut'>, signal: AbortSignal): Promise<string> {
    const text = await this.deps.readTree(tree, signal);
    if (text === undefined) return '(It takes too long to read. Look with browser_console_exec.)';
    return clipMarkdown(text, markdownChars, cut) || '(none)';
  }

  async #wholeScreen(signal: AbortSignal): Promise<PictureBytes | undefined> {
    const { sandbox, clock, answerMs } = this.deps;
    try {
      using until = createTimeoutSignal(answerMs, clock, signal);
      return { mimeType: 'image/png', data: await sandbox.desktop.screenshot(until.signal) };
    } catch {
      throwIfAborted(signal);
      return undefined;
    }
  }
}

const photo = { format: 'jpeg', quality: 75, optimizeForSpeed: true } as const;

/** Undefined if there is nothing to capture, for example between two pages. */
async function photograph(cdp: CDPSession, clock: Clock, signal: AbortSignal): Promise<PictureBytes | undefined> {
  for (let left = 3; left > 0; left--) {
    const taken = await cdp.send('Page.captureScreenshot', photo).catch(() => undefined);
    if (taken) return { mimeType: 'image/jpeg', data: Buffer.from(taken.data, 'base64') };
    await sleep(againMs, signal, clock);
  }
  return undefined;
}
