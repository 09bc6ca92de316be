import type { Response } from 'playwright-core';
import { orAborted } from '../../core/concurrency/cancel.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { whyRefused } from './egress-refusal.ts';
import { clipped } from './event-notes.ts';
import { failed, networkFailure, type Said, said } from './explain-error.ts';
import type { Tab } from './tabs.ts';

const restMs = 5_000; // ms for content that the page still loads after navigation
const refusalBytes = 2_000;

interface Options {
  readonly tab: Tab;
  readonly url: string;
  readonly sandbox: SandboxClient;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Opens an address, and describes the result. */
export async function navigate({ tab: { page }, url, sandbox, timeoutMs, signal }: Options): Promise<Said> {
  let response: Response | null;
  try {
    response = await orAborted(page.goto(url, { timeout: timeoutMs, waitUntil: 'domcontentloaded' }), signal);
  } catch (thrown) {
    const message = String((thrown as Error | null)?.message);
    if (/Download is starting/i.test(message)) {
      return { ...said(`${clipped(url, 300)} is a download, not a page.`), downloads: true };
    }
    if (/ERR_TUNNEL_CONNECTION_FAILED/.test(message)) {
      const why = await whyRefused(sandbox, url, signal);
      if (why) return failed(`Blocked: ${why}`, 'refused');
    }
    if (/ERR_ABORTED/.test(message)) {
      return /^chrome:/.test(url)
        ? failed('The page crashed, or the browser does not show it.')
        : failed(`${clipped(url, 300)} led to no page: the server sent none, or the page went elsewhere itself.`);
    }
    if (/timeout .* exceeded/i.test(message)) {
      return failed(`${clipped(url, 300)} did not load within ${timeoutMs / 1_000} s.`, 'timed_out');
    }
    const network = networkFailure(url, message);
    if (network) return network;
    throw thrown;
  }
  await orAborted(page.waitForLoadState('load', { timeout: restMs }), signal).catch((thrown: unknown) => {
    if (signal.aborted) throw thrown; // otherwise the page is visible already, and only a part of it is slow
  });
  return await outcome(response, page.url());
}

async function outcome(response: Response | null, url: string): Promise<Said> {
  const shown = clipped(url, 300);
  if (!response) return said(`Opened ${shown}.`);
  const { 'content-type': type = '', 'content-length': length = '0' } = response.headers();
  const status = response.status();
  if (status === 403 && type.startsWith('text/plain') && Number(length) <= refusalBytes) {
    const text = await response.text().catch(() => '');
    if (text.startsWith('egress to ')) return failed(`Blocked: ${text.trim()}`, 'refused');
  }
  if (status >= 400) return failed(`${shown} answered HTTP ${status}.`);
  const kind = type.split(';')[0]?.trim() ?? '';
  if (kind === 'application/pdf') {
    const how =
      'Its text is not in the page: fetch it with the shell (curl -O) and use pdftotext, or look at the picture.';
    return said(`Opened ${shown}, a PDF. ${how}`);
  }
  if (kind !== '' && !/html|^text\/|json|xml/.test(kind)) return said(`Opened ${shown}, which is ${kind} and no page.`);
  return said(`Opened ${shown}.`);
}
