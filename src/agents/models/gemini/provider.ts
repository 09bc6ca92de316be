import type { Provider } from '../provider.ts';
import { geminiListing } from './list.ts';

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
  build: async (options) => (await import('./gemini.ts')).geminiModel(options),
} as const satisfies Provider;
