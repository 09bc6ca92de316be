// The browser of a sandbox's desktop, as tools use it. Results and failures of a page are reports in words for the
// model. Only a lost sandbox and the caller's own signal reject.

export interface PictureBytes {
  readonly mimeType: 'image/jpeg' | 'image/png';
  readonly data: Buffer;
}
export interface BrowserReport {
  readonly ok: boolean;
  /** Where it is not ok. `refused`: by the egress policy, or because it makes no sense here. */
  readonly reason?: 'failed' | 'not_found' | 'refused' | 'timed_out';
  readonly text: string;
  /** The browser's present picture; absent where none could be taken. */
  readonly picture?: PictureBytes;
}

/** An element by its number in the last view, or a place in the page in CSS pixels from its top left. */
export type Target = { readonly index: number } | { readonly x: number; readonly y: number };

export interface AgentBrowser {
  /** The page's elements, numbered again, and its text as Markdown. */
  view(signal: AbortSignal): Promise<BrowserReport>;
  navigate(url: string, signal: AbortSignal): Promise<BrowserReport>;
  /** A new browser, at this address. */
  restart(url: string, signal: AbortSignal): Promise<BrowserReport>;
  click(target: Target, signal: AbortSignal): Promise<BrowserReport>;
  /** Replaces what the field holds. */
  input(target: Target, text: string, options: { pressEnter: boolean; signal: AbortSignal }): Promise<BrowserReport>;
  moveMouse(x: number, y: number, signal: AbortSignal): Promise<BrowserReport>;
  /** `Enter`, `Control+a`, `ArrowDown`. */
  pressKey(key: string, signal: AbortSignal): Promise<BrowserReport>;
  /** By its place (from 0), its text or its value. */
  selectOption(index: number, option: string, signal: AbortSignal): Promise<BrowserReport>;
  /** One screen, or to the very end. */
  scroll(direction: 'up' | 'down', far: 'screen' | 'end', signal: AbortSignal): Promise<BrowserReport>;
  consoleExec(javascript: string, signal: AbortSignal): Promise<BrowserReport>;
  consoleView(maxLines: number, signal: AbortSignal): Promise<BrowserReport>;
}

export interface BrowserLimits {
  /** Beyond it the oldest tab is closed. */
  readonly maxTabs: number;
  /** A larger download is stopped. */
  readonly maxDownloadBytes: number;
  readonly navigationMs: number;
  /** How long anything else may take in a page that should answer at once. */
  readonly answerMs: number;
}
