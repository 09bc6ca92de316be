import type { PictureType } from '../../core/text/pictures.ts';

// The browser of a sandbox's desktop, for tools. Results and page failures are returned as reports for the model. Only a
// lost sandbox, a missing desktop, a failed restart and the caller's own signal cause rejections.

export interface PictureBytes {
  readonly mimeType: PictureType;
  readonly data: Buffer;
}
export interface BrowserReport {
  readonly ok: boolean;
  /** Set if `ok` is false. `refused`: the egress policy blocks the address, or the browser does not open such addresses. */
  readonly reason?: 'failed' | 'not_found' | 'refused' | 'timed_out';
  readonly text: string;
  readonly picture?: PictureBytes;
}

/** An element by its number in the last view, or a point on the page in CSS pixels from the top left. */
export type ElementOrPoint = { readonly index: number } | { readonly x: number; readonly y: number };

export interface AgentBrowser {
  /** Returns the page's elements, renumbered, and its text as Markdown. */
  view(signal: AbortSignal): Promise<BrowserReport>;
  navigate(url: string, signal: AbortSignal): Promise<BrowserReport>;
  restart(url: string, signal: AbortSignal): Promise<BrowserReport>;
  click(target: ElementOrPoint, signal: AbortSignal): Promise<BrowserReport>;
  /** Replaces the field's content. */
  input(
    target: ElementOrPoint,
    text: string,
    options: { pressEnter: boolean; signal: AbortSignal },
  ): Promise<BrowserReport>;
  moveMouse(x: number, y: number, signal: AbortSignal): Promise<BrowserReport>;
  /** Examples: `Enter`, `Control+a`, `ArrowDown`. */
  pressKey(key: string, signal: AbortSignal): Promise<BrowserReport>;
  /** `index` is the element's number in the last view, `option` the option's position (from 0), text or value. */
  selectOption(index: number, option: string, signal: AbortSignal): Promise<BrowserReport>;
  scroll(direction: 'up' | 'down', far: 'screen' | 'end', signal: AbortSignal): Promise<BrowserReport>;
  consoleExec(javascript: string, signal: AbortSignal): Promise<BrowserReport>;
  consoleView(maxLines: number, signal: AbortSignal): Promise<BrowserReport>;
  /** Undefined if the browser does not answer. */
  address(signal: AbortSignal): Promise<string | undefined>;
}

export interface BrowserLimits {
  /** Above this number, the oldest tab is closed. */
  readonly maxTabs: number;
  readonly maxDownloadBytes: number;
  readonly navigationMs: number;
  /** Time limit for operations in a page that should finish immediately. */
  readonly answerMs: number;
}
