import type { Config } from '../config/config.ts';
import { engineFetch } from '../search/engine-fetch.ts';
import { webSearch } from '../search/engines.ts';
import type { Tool } from '../tools/tool.ts';
import { webSearchTool } from '../tools/web-search.ts';

/** The tools that search the web: none without an engine. Throws invalid_request when the engine lacks a setting. */
export function searchTools({ engine, ...settings }: Config['search']): readonly Tool[] {
  return engine === undefined ? [] : [webSearchTool(webSearch(engine, settings, engineFetch))];
}
