import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createOpenaiCompatibleFetch } from './compatible-fetch.ts';
import type { ProviderAdapter } from './provider-adapter.ts';

/** Any server that speaks OpenAI's Chat Completions: Ollama, vLLM, LiteLLM, OpenRouter and many more. */
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
  // Servers with reasoning models expect the current turn's reasoning. Reasoning from earlier turns is refused or wasted.
  keepsReasoning: 'in-turn',
};
