import { fetchWithRedirects } from '../../agents/page-fetch/fetch.ts';
import type { pageThread } from '../../agents/page-fetch/page-text.ts';
import type { Tool } from '../../agents/tools/tool.ts';
import { webFetchTool } from '../../agents/tools/web/fetch.ts';
import { sandboxIdOf } from '../../core/model/ids.ts';
import type { ProxiedFetch } from '../../sandboxes/egress/fetch/proxied-fetch.ts';

interface PageWays {
  readonly fetch: ProxiedFetch;
  readonly pages: ReturnType<typeof pageThread>;
}

/** The tool that fetches pages through the sandboxes' way out. */
export const pageTool = ({ fetch, pages }: PageWays): Tool =>
  webFetchTool({
    fetch: (address, { sessionId }, signal) => {
      const from = { id: sandboxIdOf(sessionId), sessionId };
      return fetchWithRedirects(address, (url, until) => fetch(url, from, until), signal);
    },
    read: (job, signal) => pages.do(job, signal),
  });
