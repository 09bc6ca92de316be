import type { Config } from '../config/config.ts';
import { guardedFetch } from '../egress/guarded-fetch.ts';
import { webSearch } from '../search/engines.ts';
import type { Tool } from '../tools/tool.ts';
import { webSearchTool } from '../tools/web-search.ts';

/** The operator names the engine's address, so it can be a private one. A model chooses only the words. */
const everywhere = { allowRanges: ['0.0.0.0/0', '::/0'] };

/** The tools that search the web: none without an engine. Throws invalid_request when the engine lacks a setting. */
export function searchTools({ engine, ...settings }: Config['search']): readonly Tool[] {
  if (engine === undefined) return [];
  return [webSearchTool(webSearch(engine, settings, guardedFetch({ addresses: everywhere })))];
}
