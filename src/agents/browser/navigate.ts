import type { Response } from 'playwright-core';
import { raceAbort } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { clipText } from './event-notes.ts';
import { type BrowserActionResult, explainNetworkFailure, toFailureResult, toSuccessResult } from './explain-error.ts';
import type { BrowserTab } from './tabs.ts';

/** The browser hides the proxy's response. A separate CONNECT request shows the reason. */
async function explainRefusal(sandbox: SandboxClient, url: string, signal: AbortSignal): Promise<string | undefined> {
  const { hostname, port, protocol } = new URL(url);
  if (!/^[\w.:[\]-]+$/.test(hostname)) return undefined; // the name becomes part of a command
  const authority = `${hostname}:${port || (protocol === 'http:' ? 80 : 443)}`;
  const script = `p=\${https_proxy:-http://127.0.0.1:3128}; p=\${p#*://}; p=\${p%/}
exec 3<>"/dev/tcp/\${p%:*}/\${p##*:}" && printf 'CONNECT %s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' ${authority} ${authority} >&3 && head -n 1 <&3`;
  const command = `timeout 5 bash -c ${quoteForShell(script)}`;
  const { stdout } = await sandbox.exec({ command, timeoutMs: 6_000 }, signal).catch((thrown: unknown) => {
    if (thrown instanceof AppError && thrown.code === 'cancelled') throw thrown;
    return { stdout: '' };
  });
  return /^HTTP\/1\.[01] 4\d\d (egress to .*)/.exec(stdout)?.[1]?.trim();
}

const restMs = 5_000; // maximum wait for content to load after navigation
const refusalBytes = 2_000;

interface Options {
  readonly tab: BrowserTab;
  readonly url: string;
  readonly sandbox: SandboxClient;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export async function navigateTab({
  tab: { page },
  url,
  sandbox,
  timeoutMs,
  signal,
}: Options): Promise<BrowserActionResult> {
  let response: Response | null;
  try {
    response = await raceAbort(page.goto(url, { timeout: timeoutMs, waitUntil: 'domcontentloaded' }), signal);
  } catch (thrown) {
    const message = String((thrown as Error | null)?.message);
    if (/Download is starting/i.test(message)) {
      return { ...toSuccessResult(`${clipText(url, 300)} is a download, not a page.`), downloads: true };
    }
    if (/ERR_TUNNEL_CONNECTION_FAILED/.test(message)) {
      const why = await explainRefusal(sandbox, url, signal);
      if (why) return toFailureResult(`Blocked: ${why}`, 'refused');
    }
    if (/ERR_ABORTED/.test(message)) {
      return /^chrome:/.test(url)
        ? toFailureResult('The page crashed, or the browser cannot display it.')
        : toFailureResult(`${clipText(url, 300)} opened no page: the server sent none, or the page redirected itself.`);
    }
    if (/timeout .* exceeded/i.test(message)) {
      return toFailureResult(`${clipText(url, 300)} did not load within ${timeoutMs / 1_000} s.`, 'timed_out');
    }
    const network = explainNetworkFailure(url, message);
    if (network) return network;
    throw thrown;
  }
  await raceAbort(page.waitForLoadState('load', { timeout: restMs }), signal).catch((thrown: unknown) => {
    if (signal.aborted) throw thrown; // a timeout is not a failure, because the page is already visible
  });
  return await outcome(response, page.url());
}

async function outcome(response: Response | null, url: string): Promise<BrowserActionResult> {
  const shown = clipText(url, 300);
  if (!response) return toSuccessResult(`Opened ${shown}.`);
  const { 'content-type': type = '', 'content-length': length = '0' } = response.headers();
  const status = response.status();
  if (status === 403 && type.startsWith('text/plain') && Number(length) <= refusalBytes) {
    const text = await response.text().catch(() => '');
    if (text.startsWith('egress to ')) return toFailureResult(`Blocked: ${text.trim()}`, 'refused');
  }
  if (status >= 400) return toFailureResult(`${shown} answered HTTP ${status}.`);
  const kind = type.split(';')[0]?.trim() ?? '';
  if (kind === 'application/pdf') {
    const how =
      'Its text is not in the page: fetch it with the shell (curl -O) and use pdftotext, or look at the picture.';
    return toSuccessResult(`Opened ${shown}, a PDF. ${how}`);
  }
  if (kind !== '' && !/html|^text\/|json|xml/.test(kind))
    return toSuccessResult(`Opened ${shown}, which is ${kind}, not a page.`);
  return toSuccessResult(`Opened ${shown}.`);
}
