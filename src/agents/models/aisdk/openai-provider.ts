import { z } from 'zod';
import { ModelId, type ModelListFormat } from '../model-list.ts';
import type { Provider } from '../provider.ts';

const Page = z.object({ data: z.array(z.unknown()) });
const Entry = z.object({ id: ModelId });
/** OpenAI's list does not state a model's kind. */
const agents = /^(ft:)?(gpt-|o\d|chatgpt-|codex-)/;
const others = /audio|realtime|transcribe|tts|image|search|instruct|embedding|moderation|deep-research/;

const openaiListing: ModelListFormat = {
  path: () => '/models',
  read: (body) => ({
    models: Page.parse(body)
      .data.flatMap((entry) => Entry.safeParse(entry).data ?? [])
      .filter(({ id }) => agents.test(id) && !others.test(id))
      .map(({ id }) => ({ id, name: id })),
  }),
};

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
    const [{ createAiSdkModel }, { openaiAdapter }] = await Promise.all([import('./aisdk.ts'), import('./openai.ts')]);
    return createAiSdkModel({ ...options, adapter: openaiAdapter });
  },
} as const satisfies Provider;
