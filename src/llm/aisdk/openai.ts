import { createOpenAI } from '@ai-sdk/openai';
import type { Dialect } from './dialect.ts';

/** OpenAI's Responses API. Nothing is stored at the provider, so reasoning comes and goes back encrypted. */
export const openaiDialect: Dialect = {
  name: 'openai',
  open: ({ model, key, baseUrl, fetch }) =>
    createOpenAI({ apiKey: key?.reveal() ?? 'none', baseURL: baseUrl, fetch }).responses(model),
  options: ({ cacheKey, tools }, { abilities }) => ({
    providerOptions: {
      openai: {
        store: false,
        ...(cacheKey !== undefined && { promptCacheKey: cacheKey }),
        ...(tools.length > 0 && { parallelToolCalls: abilities.parallel }),
      },
    },
  }),
  pictures: 'inside',
  keepsReasoning: 'always',
};
