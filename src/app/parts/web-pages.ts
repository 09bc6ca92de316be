import { fetchWithRedirects } from '../../agents/page-fetch/fetch.ts';
import type { pageThread } from '../../agents/page-fetch/page-text.ts';
import type { Tool } from '../../agents/tools/tool.ts';
import { webFetchTool } from '../../agents/tools/web-fetch.ts';
import { sandboxIdOf } from '../../core/model/ids.ts';
import type { ProxiedFetch } from '../../sandboxes/egress/fetch/proxied-fetch.ts';
import type { Config } from '../settings/config.ts';

/** The tools that fetch pages through the sandboxes' way out: none where it is closed. */
export function pageTools(
  { policy }: Config['egress'],
  { fetch, pages }: { readonly fetch: ProxiedFetch; readonly pages: ReturnType<typeof pageThread> },
): readonly Tool[] {
  if (policy === 'none') return [];
  return [
    webFetchTool({
      fetch: (address, { sessionId }, signal) => {
        const from = { id: sandboxIdOf(sessionId), sessionId };
        return fetchWithRedirects(address, (url, until) => fetch(url, from, until), signal);
      },
      read: (job, signal) => pages.do(job, signal),
    }),
  ];
}
