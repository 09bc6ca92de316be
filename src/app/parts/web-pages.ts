import { type FetchedPage, fetchWithRedirects } from '../../agents/page-fetch/fetch.ts';
import type { createPageTextThread } from '../../agents/page-fetch/page-text.ts';
import type { Tool } from '../../agents/tools/tool.ts';
import { createWebFetchTool } from '../../agents/tools/web/fetch.ts';
import { type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import type { ProxiedFetch } from '../../sandboxes/egress/fetch/proxied-fetch.ts';

export type WebPageFetch = (address: string, session: SessionId, signal: AbortSignal) => Promise<FetchedPage>;
interface PageWays {
  readonly fetch: ProxiedFetch;
  readonly pages: ReturnType<typeof createPageTextThread>;
}

/** Follows redirects. Requests use the sandboxes' proxy, so the session's egress policy applies. */
export const createWebPageFetch =
  (fetch: ProxiedFetch): WebPageFetch =>
  (address, sessionId, signal) => {
    const from = { id: sandboxIdOf(sessionId), sessionId };
    return fetchWithRedirects(address, (url, until) => fetch(url, from, until), signal);
  };

export const createProxiedWebFetchTool = ({ fetch, pages }: PageWays): Tool =>
  createWebFetchTool({
    fetch: (address, { sessionId }, signal) => createWebPageFetch(fetch)(address, sessionId, signal),
    read: (job, signal) => pages.do(job, signal),
  });
