import { createOpenAI } from '@ai-sdk/openai';
import type { ProviderAdapter } from './provider-adapter.ts';

/** With `store: false`, requests contain encrypted reasoning. OpenAI refuses summaries to unverified organizations. */
export const openaiAdapter: ProviderAdapter = {
  name: 'openai',
  open: ({ model, key, baseUrl, fetch }) =>
    createOpenAI({ apiKey: key?.reveal() ?? 'none', baseURL: baseUrl, fetch }).responses(model),
  options: ({ cacheKey, tools }, { abilities, reasoning, summaries }) => ({
    providerOptions: {
      openai: {
        store: false,
        reasoningSummary: summaries && reasoning !== 'none' ? 'auto' : null,
        ...(cacheKey !== undefined && { promptCacheKey: cacheKey }),
        ...(tools.length > 0 && { parallelToolCalls: abilities.parallel }),
      },
    },
  }),
  refusesSummaries: ({ status, text }) => status === 400 && /reasoning[ ._]summar/i.test(text),
  pictures: 'inside',
  keepsReasoning: 'always',
};
