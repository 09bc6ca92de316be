import { z } from 'zod';
import { ModelId, type ModelListFormat, OptionalModelName, OptionalTokenCount } from '../model-list.ts';
import type { Provider } from '../provider.ts';

const Page = z.object({ models: z.array(z.unknown()).default([]), nextPageToken: z.string().max(2_000).optional() });
const Entry = z.object({
  name: ModelId,
  displayName: OptionalModelName,
  inputTokenLimit: OptionalTokenCount,
  outputTokenLimit: OptionalTokenCount,
  supportedGenerationMethods: z.array(z.string()).catch([]),
  thinking: z.boolean().optional().catch(undefined),
});
/** Models that agents cannot use. */
const others = /embedding|imagen|veo|aqa|tts|image|audio|live|lyria|robotics/;

const geminiListing: ModelListFormat = {
  path: (after) =>
    `/v1beta/models?pageSize=1000${after === undefined ? '' : `&pageToken=${encodeURIComponent(after)}`}`,
  read(body) {
    const { models, nextPageToken } = Page.parse(body);
    const entries = models.flatMap((model) => Entry.safeParse(model).data ?? []);
    return {
      next: nextPageToken || undefined,
      models: entries
        .map((entry) => ({ ...entry, id: entry.name.replace(/^models[/]/, '') }))
        .filter(({ id, supportedGenerationMethods: can }) => can.includes('generateContent') && !others.test(id))
        .map(({ id, displayName, inputTokenLimit: window, outputTokenLimit: maxOutput, thinking }) => ({
          id,
          name: displayName ?? id,
          window,
          maxOutput,
          reasoning: thinking,
          // Open models on the same API may not support images or tools.
          ...(id.startsWith('gemini-') && { images: true, tools: true }),
        })),
    };
  },
};

export const geminiProvider = {
  name: 'gemini',
  label: 'Google Gemini',
  models: [
    { id: 'gemini-2.5-flash', name: 'Gemini 2.5 Flash' },
    { id: 'gemini-2.5-pro', name: 'Gemini 2.5 Pro' },
    { id: 'gemini-2.5-flash-lite', name: 'Gemini 2.5 Flash-Lite' },
  ],
  access: {
    keyVariables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    baseUrl: 'https://generativelanguage.googleapis.com',
    keyCheck: { path: '/v1beta/models?pageSize=1', headers: (key) => ({ 'x-goog-api-key': key }) },
    listing: geminiListing,
  },
  abilities: () => ({ window: 1_048_576, maxOutput: 65_536, images: true, forcedTool: true, caching: 'automatic' }),
  build: async (options) => (await import('./gemini.ts')).createGeminiModel(options),
} as const satisfies Provider;
