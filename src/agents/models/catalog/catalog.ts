import { type Abilities, assumedAbilities, type Model, type TurnPart, type Usage } from '../model.ts';
import type { ListedModel } from '../model-list.ts';
import type { Provider, Reasoning } from '../provider.ts';
import { costAt, findCatalogEntry, type Price } from './prices.ts';

/** The operator's description of one model, in `models.catalog`. It overrides every other source. */
export interface CatalogEntry {
  readonly window?: number | undefined;
  readonly maxOutput?: number | undefined;
  readonly images?: boolean | undefined;
  readonly parallel?: boolean | undefined;
  readonly forcedTool?: boolean | undefined;
  readonly reasoning?: Reasoning | undefined;
  readonly price?: Price | undefined;
}
interface Facts {
  readonly abilities: Abilities;
  readonly reasoning: Reasoning;
  /** Undefined: the price is not known. */
  readonly costOf: (usage: Usage) => number | undefined;
}

/** Describes a model from the settings, else the published list, else its provider, else the assumptions. */
export async function factsOf(provider: Provider, model: string, entry: CatalogEntry = {}): Promise<Facts> {
  const { reasoning = 'default', price, ...given } = entry;
  const published = provider.access === null ? undefined : await findCatalogEntry(provider.name, model);
  const abilities = {
    ...assumedAbilities,
    ...provider.abilities(model, reasoning),
    ...(published?.window !== undefined && { window: published.window }),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  return {
    abilities: { ...abilities, maxOutput: Math.min(abilities.maxOutput, abilities.window) },
    reasoning,
    costOf: price ? (usage) => costAt(price, usage) : (usage) => published?.costOf(usage),
  };
}

/** The same model, whose turns say what they cost. */
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

const sample = 1_000; // tokens: below every step from which a long request costs more

/** The listed model with what the published list says, where its provider's own list says nothing. */
export async function withPublished(provider: string, model: ListedModel): Promise<ListedModel> {
  const published = await findCatalogEntry(provider, model.id);
  if (!published) return model;
  const perMillion = (usage: Partial<Usage>) => {
    const cost = published.costOf({ inputTokens: 0, outputTokens: 0, ...usage });
    return cost === undefined ? undefined : Number(((cost / sample) * 1e6).toPrecision(6));
  };
  const [input, output] = [perMillion({ inputTokens: sample }), perMillion({ outputTokens: sample })];
  const price = input === undefined || output === undefined ? undefined : { input, output };
  return { ...model, window: model.window ?? published.window, price: model.price ?? price };
}
