import type { Provider } from '../provider.ts';
import { openaiListing } from './openai-list.ts';

export const openaiProvider = {
  name: 'openai',
  label: 'OpenAI',
  models: [
    { id: 'gpt-5', name: 'GPT-5' },
    { id: 'gpt-5-mini', name: 'GPT-5 mini' },
    { id: 'gpt-4.1', name: 'GPT-4.1' },
  ],
  access: {
    keyVariables: ['OPENAI_API_KEY'],
    baseUrl: 'https://api.openai.com/v1',
    keyCheck: { path: '/models', headers: (key) => ({ authorization: `Bearer ${key}` }) },
    listing: openaiListing,
  },
  abilities: () => ({ window: 128_000, maxOutput: 16_384, images: true, forcedTool: true, caching: 'automatic' }),
  build: async (options) => {
    const [{ aiSdkModel }, { openaiAdapter }] = await Promise.all([import('./aisdk.ts'), import('./openai.ts')]);
    return aiSdkModel({ ...options, adapter: openaiAdapter });
  },
} as const satisfies Provider;
