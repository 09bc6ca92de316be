import type { Usage } from '../model.ts';

/** Per million tokens. */
export interface Price {
  readonly input: number;
  readonly output: number;
  /** Input that came from the provider's cache; the price of input where it is absent. */
  readonly cachedInput?: number | undefined;
  /** Input that was written to the cache; the price of input where it is absent. */
  readonly cacheWrite?: number | undefined;
}
export interface PriceEntry {
  readonly window?: number;
  costOf(usage: Usage): number | undefined;
}

// The package with its list has 0.8 MB, so only a server that uses a real model loads it.
const providerIds: Readonly<Record<string, string>> = { gemini: 'google' };

/** The entry of the published price list; undefined for a model that is not in it. Nothing is fetched. */
export async function findCatalogEntry(provider: string, model: string): Promise<PriceEntry | undefined> {
  const { calcPrice, findProvider } = await import('@pydantic/genai-prices');
  const providerId = providerIds[provider] ?? provider;
  const found = findProvider({ providerId });
  const none = calcPrice({ input_tokens: 0, output_tokens: 0 }, model, { providerId });
  if (!found || !none) return undefined;
  const window = none.model.context_window;
  return {
    ...(window !== undefined && { window }),
    costOf: (usage) => calcPrice(inTheirWords(usage), model, { providerId })?.total_price,
  };
}

const inTheirWords = (usage: Usage) => ({
  input_tokens: usage.inputTokens,
  output_tokens: usage.outputTokens,
  ...(usage.cachedTokens !== undefined && { cache_read_tokens: usage.cachedTokens }),
  ...(usage.cacheWrittenTokens !== undefined && { cache_write_tokens: usage.cacheWrittenTokens }),
});

export function costAt(price: Price, { inputTokens, outputTokens, cachedTokens = 0, cacheWrittenTokens = 0 }: Usage) {
  const fresh = Math.max(0, inputTokens - cachedTokens - cacheWrittenTokens);
  const { input, output, cachedInput = input, cacheWrite = input } = price;
  return (fresh * input + cachedTokens * cachedInput + cacheWrittenTokens * cacheWrite + outputTokens * output) / 1e6;
}
