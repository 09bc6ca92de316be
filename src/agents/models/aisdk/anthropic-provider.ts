import type { Provider, Reasoning } from '../provider.ts';
import { anthropicListing } from './anthropic-list.ts';
import { claude } from './claude.ts';

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
  abilities: (model: string, reasoning: Reasoning) => ({
    window: 200_000,
    images: true,
    caching: 'marked',
    ...claude(model, reasoning),
  }),
  build: async (options) => {
    const [{ aiSdkModel }, { anthropicAdapter }] = await Promise.all([import('./aisdk.ts'), import('./anthropic.ts')]);
    return aiSdkModel({ ...options, adapter: anthropicAdapter });
  },
} as const satisfies Provider;
