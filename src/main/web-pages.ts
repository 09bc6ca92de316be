import type { Config } from '../config/config.ts';
import { sandboxIdOf } from '../core/ids.ts';
import type { ProxiedFetch } from '../egress/proxied-fetch.ts';
import type { Tool } from '../tools/tool.ts';
import { webFetchTool } from '../tools/web-fetch.ts';
import { fetched } from '../web/fetch.ts';
import type { pageThread } from '../web/page-text.ts';

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
        return fetched(address, (url, until) => fetch(url, from, until), signal);
      },
      read: (job, signal) => pages.do(job, signal),
    }),
  ];
}
