import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createOpenaiCompatibleFetch } from './compatible-fetch.ts';
import type { ProviderAdapter } from './provider-adapter.ts';

/** Chat Completions servers, such as Ollama, vLLM, LiteLLM and OpenRouter. */
export const openaiCompatibleAdapter: ProviderAdapter = {
  name: 'compatible',
  open: ({ model, key, baseUrl, fetch }) =>
    createOpenAICompatible({
      name: 'compatible',
      baseURL: baseUrl,
      ...(key && { apiKey: key.reveal() }),
      includeUsage: true,
      fetch: createOpenaiCompatibleFetch(fetch),
    }).chatModel(model),
  options: () => ({}),
  pictures: 'after',
  // Servers with reasoning models expect only the current turn's reasoning.
  keepsReasoning: 'in-turn',
};
