import type { PictureType } from '../../core/text/pictures.ts';

// Page failures are returned as reports. Calls reject only if the sandbox is lost, there is no desktop, a restart fails
// or the signal aborts.

export interface PictureBytes {
  readonly mimeType: PictureType;
  readonly data: Buffer;
}
export interface BrowserReport {
  readonly ok: boolean;
  /** Set if `ok` is false. `refused`: by the egress policy, or by the browser. */
  readonly reason?: 'failed' | 'not_found' | 'refused' | 'timed_out';
  readonly text: string;
  readonly picture?: PictureBytes;
}

/** An element's number in the last view, or a viewport point in CSS pixels. */
export type ElementOrPoint = { readonly index: number } | { readonly x: number; readonly y: number };

export interface AgentBrowser {
  view(signal: AbortSignal): Promise<BrowserReport>;
  navigate(url: string, signal: AbortSignal): Promise<BrowserReport>;
  restart(url: string, signal: AbortSignal): Promise<BrowserReport>;
  click(target: ElementOrPoint, signal: AbortSignal): Promise<BrowserReport>;
  input(
    target: ElementOrPoint,
    text: string,
    options: { pressEnter: boolean; signal: AbortSignal },
  ): Promise<BrowserReport>;
  moveMouse(x: number, y: number, signal: AbortSignal): Promise<BrowserReport>;
  /** Examples: `Enter`, `Control+a`, `ArrowDown`. */
  pressKey(key: string, signal: AbortSignal): Promise<BrowserReport>;
  /** `index`: from the last view. `option`: a position (from 0), text or value. */
  selectOption(index: number, option: string, signal: AbortSignal): Promise<BrowserReport>;
  scroll(direction: 'up' | 'down', far: 'screen' | 'end', signal: AbortSignal): Promise<BrowserReport>;
  consoleExec(javascript: string, signal: AbortSignal): Promise<BrowserReport>;
  consoleView(maxLines: number, signal: AbortSignal): Promise<BrowserReport>;
  address(signal: AbortSignal): Promise<string | undefined>;
}

export interface BrowserLimits {
  /** Above this number, the oldest tab is closed. */
  readonly maxTabs: number;
  readonly maxDownloadBytes: number;
  readonly navigationMs: number;
  readonly answerMs: number;
}
