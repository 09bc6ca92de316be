import { z } from 'zod';
import type { WebSearch } from '../../search/search.ts';
import { defineTool, describeTool, type Tool } from '../tool.ts';

const parameters = z.object({
  query: z.string().min(1).max(400).describe('as you would type it into a search engine'),
  count: z.int().min(1).max(20).default(8),
});
const about = {
  name: 'web_search',
  family: 'search',
  group: 'search',
  label: 'Search the web for',
  description: 'Search the web. The hits are titles, addresses and short excerpts, which may be wrong or outdated.',
  needs: [],
  parameters,
  orderKey: () => null,
} as const;

export const webSearchToolDescription = describeTool(about);

export const createWebSearchTool = (engine: WebSearch): Tool =>
  defineTool({
    ...about,
    async run({ signal }, { query, count }) {
      const results = await engine.search(query, count, signal);
      const lines = results.map(
        ({ title, link, snippet }, index) => `${index + 1}. ${title}\n   ${link}\n   ${snippet}`,
      );
      const output = lines.length === 0 ? 'Nothing was found. Try other words.' : lines.join('\n');
      return { ok: true, output, content: { results: [...results] } };
    },
  });
