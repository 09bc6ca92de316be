import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { createListFold, memoizeByKey } from '../../core/text/list-fold.ts';
import type { Secret } from '../../core/text/secret.ts';
import { replaceLoneSurrogates } from '../../core/text/text.ts';
import { createOpenaiCompatibleProvider } from './aisdk/compatible-provider.ts';
import { type CatalogEntry, findModelFacts, withPrices } from './catalog/catalog.ts';
import { withFallbacks } from './fallbacks.ts';
import type { Model } from './model.ts';
import type { Provider } from './provider.ts';
import { findProvider, type KeyedProviderName, parseModelRef, providers } from './providers.ts';
import { withRequestRepair } from './repairs.ts';

interface Endpoint {
  readonly apiKey?: Secret | undefined;
  readonly baseUrl?: string | undefined;
  /** The networks that the address can be in, if a person entered it in the page. */
  readonly reach?: NetworkReach | undefined;
}
/** `private`: also addresses of this machine and of private networks. */
export type NetworkReach = 'public' | 'private';
export interface ModelsConfig extends Readonly<Record<KeyedProviderName, Endpoint>> {
  readonly compatible: Readonly<Record<string, Endpoint & { readonly baseUrl: string }>>;
  readonly fallbacks: readonly string[];
  readonly catalog: Readonly<Record<string, CatalogEntry>>;
}
export interface ModelRegistryOptions extends Pick<ServerDependencies, 'clock' | 'newId'> {
  readonly models: ModelsConfig;
  readonly random: () => number;
  /** Used if the settings have no key. */
  readonly storedKey?: (provider: string) => Promise<Secret | undefined>;
  readonly fetchWithin?: (reach: NetworkReach) => typeof fetch;
}

/** Rejects with invalid_request, which names the setting to change. */
export async function createModel(ref: string, settings: ModelRegistryOptions): Promise<Model> {
  const [first, ...others] = await Promise.all(toModelChain(ref, settings.models).map((name) => one(name, settings)));
  if (parseModelRef(ref).provider === 'demo') return first as Model;
  return withFallbacks([first as Model, ...others], settings);
}

export function toModelChain(ref: string, { fallbacks }: Pick<ModelsConfig, 'fallbacks'>): readonly string[] {
  return parseModelRef(ref).provider === 'demo' ? [ref] : [...new Set([ref, ...fallbacks])];
}

async function one(ref: string, settings: ModelRegistryOptions): Promise<Model> {
  const { models, clock, newId, storedKey } = settings;
  const { provider: name, model } = parseModelRef(ref);
  const provider = requireProvider(ref, models);
  const { key, baseUrl, reach } = await resolveEndpoint(provider, models, storedKey);
  const [shown] = provider.access?.keyVariables ?? [''];
  const isOwnServer = Object.hasOwn(models.compatible, name);
  if (provider.access !== null && !key && !isOwnServer)
    throw new AppError('invalid_request', `The model is ${ref}, which needs a key: set ${shown}.`);
  const { abilities, reasoning, costOf } = await findModelFacts(provider, model, models.catalog[ref]);
  const advice = isOwnServer
    ? { key: shown, baseUrl: `models.compatible.${name}.base-url` }
    : { key: `${shown} (models.${name}.api-key)`, baseUrl: `models.${name}.base-url` };
  const built = await provider.build({
    name: ref,
    model,
    abilities,
    reasoning,
    key,
    baseUrl,
    ...(reach && { fetch: settings.fetchWithin?.(reach) }),
    advice,
    clock,
    newId,
  });
  return withWholeCharacters(provider.access === null ? built : withPrices(withRequestRepair(built, clock), costOf));
}

/** Third-party text can contain a lone surrogate, which strict providers refuse in every later request. */
function withWholeCharacters(model: Model): Model {
  return {
    name: model.name,
    abilities: model.abilities,
    ...(model.costOf && { costOf: model.costOf }),
    turn: ({ messages, earlier, tools, ...rest }, signal) => {
      const lists = {
        messages: wholeList(messages),
        tools: wholeList(tools),
        ...(earlier && { earlier: wholeList(earlier) }),
      };
      return model.turn({ ...replaceLoneSurrogates(rest), ...lists }, signal);
    },
  };
}

/** Throws invalid_request, which lists the available providers. */
export function requireProvider(ref: string, models: Pick<ModelsConfig, 'compatible'>): Provider {
  const provider = findConfiguredProvider(parseModelRef(ref).provider, models);
  if (!provider || (provider.access !== null && !/.[/]./.test(ref))) throw unknown(ref, models);
  return provider;
}

export async function hasPrice(ref: string, models: Pick<ModelsConfig, 'compatible' | 'catalog'>): Promise<boolean> {
  const { costOf } = await findModelFacts(requireProvider(ref, models), parseModelRef(ref).model, models.catalog[ref]);
  return costOf({ inputTokens: 1, outputTokens: 1 }) !== undefined;
}

/** Returns the same list if all items are well formed. Results for items of earlier requests are cached. */
const wholeList = <Item extends object>(list: readonly Item[]): readonly Item[] =>
  isWhole(list) ? list : list.map((item) => whole(item) as Item);
const whole = memoizeByKey((item: object) => replaceLoneSurrogates(item));
const isWhole = createListFold(true, (before, item: object) => before && whole(item) === item);

export function findConfiguredProvider(
  name: string,
  { compatible }: Pick<ModelsConfig, 'compatible'>,
): Provider | undefined {
  const own = Object.hasOwn(compatible, name) ? compatible[name] : undefined;
  return own ? createOpenaiCompatibleProvider(name, own.baseUrl) : findProvider(name);
}

/** A key in the settings takes precedence over a stored one. */
export async function resolveEndpoint(
  { name, access }: Provider,
  models: ModelsConfig,
  storedKey: ModelRegistryOptions['storedKey'],
): Promise<{ key: Secret | undefined; baseUrl: string; reach?: NetworkReach | undefined }> {
  if (access === null) return { key: undefined, baseUrl: '' };
  const own: Endpoint | undefined = Object.hasOwn(models.compatible, name)
    ? models.compatible[name]
    : models[name as KeyedProviderName];
  const key = own?.apiKey ?? (await storedKey?.(name));
  return { key, baseUrl: own?.baseUrl ?? access.baseUrl, reach: own?.reach };
}

function unknown(ref: string, { compatible }: Pick<ModelsConfig, 'compatible'>): AppError {
  const known = [
    ...providers.filter(({ access }) => access !== null).map(({ name }) => name),
    ...Object.keys(compatible),
  ];
  return new AppError(
    'invalid_request',
    `The model is "${ref}"; a model is demo or <provider>/<model>, and the providers are ${known.join(', ')}. Add other servers that speak OpenAI's Chat Completions under models.compatible.`,
  );
}
