import { defaultCapabilities, type Model, type ModelCapabilities, type TurnPart, type TurnUsage } from '../model.ts';
import type { ListedModel } from '../model-list.ts';
import type { Provider, ReasoningLevel } from '../provider.ts';

/** Per million tokens. */
interface Price {
  readonly input: number;
  readonly output: number;
  /** Default: the input price. */
  readonly cachedInput?: number | undefined;
  /** Default: the input price. */
  readonly cacheWrite?: number | undefined;
}
interface PriceEntry {
  readonly window?: number;
  costOf(usage: TurnUsage): number | undefined;
}

// `@pydantic/genai-prices` takes up 0.8 MB, so only servers with a real model load it.
const providerIds: Readonly<Record<string, string>> = { gemini: 'google' };

async function findCatalogEntry(provider: string, model: string): Promise<PriceEntry | undefined> {
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

const inTheirWords = (usage: TurnUsage) => ({
  input_tokens: usage.inputTokens,
  output_tokens: usage.outputTokens,
  ...(usage.cachedTokens !== undefined && { cache_read_tokens: usage.cachedTokens }),
  ...(usage.cacheWrittenTokens !== undefined && { cache_write_tokens: usage.cacheWrittenTokens }),
});

function costAt(price: Price, { inputTokens, outputTokens, cachedTokens = 0, cacheWrittenTokens = 0 }: TurnUsage) {
  const fresh = Math.max(0, inputTokens - cachedTokens - cacheWrittenTokens);
  const { input, output, cachedInput = input, cacheWrite = input } = price;
  return (fresh * input + cachedTokens * cachedInput + cacheWrittenTokens * cacheWrite + outputTokens * output) / 1e6;
}

/** An entry in `models.catalog`, which overrides every other source. */
export interface CatalogEntry {
  readonly window?: number | undefined;
  readonly maxOutput?: number | undefined;
  readonly images?: boolean | undefined;
  readonly parallel?: boolean | undefined;
  readonly forcedTool?: boolean | undefined;
  readonly reasoning?: ReasoningLevel | undefined;
  readonly price?: Price | undefined;
}
interface Facts {
  readonly abilities: ModelCapabilities;
  readonly reasoning: ReasoningLevel;
  readonly costOf: (usage: TurnUsage) => number | undefined;
}

/** In order of precedence: settings, published list, provider, defaults. */
export async function resolveModelInfo(provider: Provider, model: string, entry: CatalogEntry = {}): Promise<Facts> {
  const { reasoning = 'default', price, ...input } = entry;
  const published = provider.access === null ? undefined : await findCatalogEntry(provider.name, model);
  const abilities = {
    ...defaultCapabilities,
    ...provider.abilities(model, reasoning),
    ...(published?.window !== undefined && { window: published.window }),
    ...Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)),
  };
  return {
    abilities: { ...abilities, maxOutput: Math.min(abilities.maxOutput, abilities.window) },
    reasoning,
    costOf: price ? (usage) => costAt(price, usage) : (usage) => published?.costOf(usage),
  };
}

export function withPrices(model: Model, costOf: Facts['costOf']): Model {
  const withCost = (part: TurnPart): TurnPart => {
    if (part.type !== 'end' || part.outcome.kind !== 'finished') return part;
    const cost = costOf(part.outcome.usage);
    if (cost === undefined) return part;
    return { ...part, outcome: { ...part.outcome, usage: { ...part.outcome.usage, cost } } };
  };
  return {
    name: model.name,
    abilities: model.abilities,
    costOf,
    async *turn(request, signal) {
      for await (const part of model.turn(request, signal)) yield withCost(part);
    },
  };
}

const sample = 1_000; // tokens; below any price threshold for long requests

export async function withCatalogInfo(provider: string, model: ListedModel): Promise<ListedModel> {
  const published = await findCatalogEntry(provider, model.id);
  if (!published) return model;
  const perMillion = (usage: Partial<TurnUsage>) => {
    const cost = published.costOf({ inputTokens: 0, outputTokens: 0, ...usage });
    return cost === undefined ? undefined : Number(((cost / sample) * 1e6).toPrecision(6));
  };
  const [input, output] = [perMillion({ inputTokens: sample }), perMillion({ outputTokens: sample })];
  const price = input === undefined || output === undefined ? undefined : { input, output };
  return { ...model, window: model.window ?? published.window, price: model.price ?? price };
}
