import { AppError } from '../../core/errors/errors.ts';
import type { BrowserReport } from './browser.ts';
import { clipText } from './event-notes.ts';
import { PageError } from './run-in-page.ts';

export type BrowserActionResult = Pick<BrowserReport, 'ok' | 'text' | 'reason'> & {
  readonly downloads?: true;
};
export const toSuccessResult = (text: string): BrowserActionResult => ({ ok: true, text });
export const toFailureResult = (
  text: string,
  reason: NonNullable<BrowserReport['reason']> = 'failed',
): BrowserActionResult => ({
  ok: false,
  text,
  reason,
});

const beyondUs = new Set(['sandbox_lost', 'sandbox_unresponsive', 'sandbox_not_found', 'unsupported', 'cancelled']);

const messageOf = (thrown: unknown) => String((thrown as Error | null)?.message ?? thrown);

export const isPageClosedError = (thrown: unknown): boolean =>
  /(page|target).*closed|session closed/i.test(messageOf(thrown));

/** Returns text for the model. Rethrows errors that the model cannot fix. */
export function explainBrowserError(thrown: unknown, isOpen: boolean): BrowserActionResult {
  if (thrown instanceof AppError) {
    if (beyondUs.has(thrown.code)) throw thrown;
    if (thrown.code !== 'deadline_exceeded') return toFailureResult(thrown.publicMessage);
    return toFailureResult(
      'The page did not respond in time: it is busy or waiting. Open another page, or restart the browser with browser_restart.',
      'timed_out',
    );
  }
  const message = messageOf(thrown);
  if (thrown instanceof PageError) return toFailureResult(clipText(message, 2_000));
  if (!isOpen)
    return toFailureResult('The browser ended unexpectedly, and its pages are lost. The next call starts a new one.');
  if (/crash/i.test(message)) return toFailureResult('The page crashed. Navigate to it again, or elsewhere.');
  if (/timeout .* exceeded/i.test(message)) return toFailureResult('The page did not respond in time.', 'timed_out');
  if (isPageClosedError(thrown)) return toFailureResult('The tab was closed in the meantime.');
  return toFailureResult(clipText(message.split('\n')[0]?.replace(/^\w+\.\w+: /, '') ?? '', 400));
}

const network: readonly (readonly [RegExp, string])[] = [
  [/ERR_NAME_NOT_RESOLVED/, 'the host name cannot be resolved'],
  [/ERR_CONNECTION_REFUSED/, 'nothing in the sandbox listens there; start a server, or check the address'],
  [/ERR_CONNECTION_(RESET|CLOSED)|ERR_EMPTY_RESPONSE/, 'the server closed the connection'],
  [/ERR_CONNECTION_TIMED_OUT|ERR_TIMED_OUT/, 'the server did not respond'],
  [/ERR_CERT|ERR_SSL/, 'its certificate is not trusted, or the connection is not secure'],
  [/ERR_TOO_MANY_REDIRECTS/, 'it redirects in a loop'],
  [/ERR_PROXY_CONNECTION_FAILED|ERR_INTERNET_DISCONNECTED|ERR_ADDRESS_UNREACHABLE/, 'it is unreachable'],
  [/ERR_TUNNEL_CONNECTION_FAILED/, "the sandbox's egress proxy refused it"],
  [/ERR_BLOCKED_BY|ERR_UNSAFE/, 'the browser blocked it'],
];

export function explainNetworkFailure(url: string, message: string): BrowserActionResult | undefined {
  const name = /net::(ERR_\w+)/.exec(message)?.[1];
  if (name === undefined) return undefined;
  const why = network.find(([pattern]) => pattern.test(name))?.[1];
  return toFailureResult(`${clipText(url, 300)} cannot be opened${why ? `: ${why}` : ''} (${name}).`);
}
