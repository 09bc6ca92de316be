import { fetchFromEngine } from '../../agents/search/engine-fetch.ts';
import { createWebSearch } from '../../agents/search/engines.ts';
import type { Tool } from '../../agents/tools/tool.ts';
import { webSearchTool } from '../../agents/tools/web/search.ts';
import type { Config } from '../settings/config.ts';

export function createSearchTools({ engine, ...settings }: Config['search']): readonly Tool[] {
  return engine === undefined ? [] : [webSearchTool(createWebSearch(engine, settings, fetchFromEngine))];
}
