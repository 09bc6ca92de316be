import { z } from 'zod';
import { ModelId, type ModelListFormat, OptionalModelName, OptionalTokenCount } from '../model-list.ts';
import type { Provider, ReasoningLevel } from '../provider.ts';
import { findClaudeCapabilities } from './claude.ts';

const Page = z.object({
  data: z.array(z.unknown()),
  has_more: z.boolean().default(false),
  last_id: z.string().max(200).nullish(),
});
const Entry = z.object({
  id: ModelId,
  display_name: OptionalModelName,
  max_input_tokens: OptionalTokenCount,
  max_tokens: OptionalTokenCount,
});

const anthropicListing: ModelListFormat = {
  path: (after) => `/v1/models?limit=1000${after === undefined ? '' : `&after_id=${encodeURIComponent(after)}`}`,
  read(body) {
    const { data, has_more, last_id } = Page.parse(body);
    const entries = data.flatMap((entry) => Entry.safeParse(entry).data ?? []);
    return {
      next: has_more ? (last_id ?? undefined) : undefined,
      models: entries.map(({ id, display_name, max_input_tokens: window, max_tokens: maxOutput }) => ({
        id,
        name: display_name ?? id,
        window,
        maxOutput,
        images: true,
        tools: true,
      })),
    };
  },
};

export const anthropicProvider = {
  name: 'anthropic',
  label: 'Anthropic',
  models: [
    { id: 'claude-sonnet-5-5', name: 'Claude Sonnet 5.5' },
    { id: 'claude-opus-5-5', name: 'Claude Opus 5.5' },
    { id: 'claude-haiku-5-5', name: 'Claude Haiku 5.5' },
  ],
  access: {
    keyVariables: ['ANTHROPIC_API_KEY'],
    baseUrl: 'https://api.anthropic.com',
    keyCheck: {
      path: '/v1/models?limit=1',
      headers: (key) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),
    },
    listing: anthropicListing,
  },
  abilities: (model: string, reasoning: ReasoningLevel) => ({
    window: 200_000,
    images: true,
    caching: 'marked',
    ...findClaudeCapabilities(model, reasoning),
  }),
  build: async (options) => {
    const [{ createAiSdkModel }, { anthropicAdapter }] = await Promise.all([
      import('./aisdk.ts'),
      import('./anthropic.ts'),
    ]);
    return createAiSdkModel({ ...options, adapter: anthropicAdapter });
  },
} as const satisfies Provider;
