import type { Clock } from '../../core/contracts/clock.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, type ErrorCode } from '../../core/errors/errors.ts';
import { createListFold, memoizeByKey } from '../../core/text/list-fold.ts';
import type { Secret } from '../../core/text/secret.ts';
import { replaceLoneSurrogates } from '../../core/text/text.ts';
import { createOpenaiCompatibleProvider } from './aisdk/compatible-provider.ts';
import { type CatalogEntry, resolveModelInfo, withPrices } from './catalog/catalog.ts';
import type { FailedTurn, Model, TurnPart } from './model.ts';
import type { Provider } from './provider.ts';
import { findProvider, type KeyedProviderName, parseModelRef, providers } from './providers.ts';
import { withRequestRepair } from './repairs.ts';
import { computeRetryDelayMs } from './retry.ts';

interface Endpoint {
  readonly apiKey?: Secret | undefined;
  readonly baseUrl?: string | undefined;
  /** Set if a user entered `baseUrl` in the web UI. */
  readonly reach?: NetworkReach | undefined;
}
/** `private` includes this machine and private networks. */
export type NetworkReach = 'public' | 'private';
export interface ModelsConfig extends Readonly<Record<KeyedProviderName, Endpoint>> {
  readonly compatible: Readonly<Record<string, Endpoint & { readonly baseUrl: string }>>;
  readonly fallbacks: readonly string[];
  readonly catalog: Readonly<Record<string, CatalogEntry>>;
}
export interface ModelRegistryOptions extends Pick<ServerDependencies, 'clock' | 'newId'> {
  readonly models: ModelsConfig;
  readonly random: () => number;
  readonly storedKey?: (provider: string) => Promise<Secret | undefined>;
  readonly fetchWithin?: (reach: NetworkReach) => typeof fetch;
}

/** Rejects with invalid_request. */
export async function createModel(ref: string, settings: ModelRegistryOptions): Promise<Model> {
  const [first, ...others] = await Promise.all(toModelChain(ref, settings.models).map((name) => one(name, settings)));
  if (parseModelRef(ref).provider === 'demo') return first as Model;
  return withFallbacks([first as Model, ...others], settings);
}

export function toModelChain(ref: string, { fallbacks }: Pick<ModelsConfig, 'fallbacks'>): readonly string[] {
  return parseModelRef(ref).provider === 'demo' ? [ref] : [...new Set([ref, ...fallbacks])];
}

async function one(ref: string, settings: ModelRegistryOptions): Promise<Model> {
  const { models, clock, newId } = settings;
  const { provider: name, model } = parseModelRef(ref);
  const { provider, shown, isOwnServer, key, baseUrl, reach } = await requireProviderAccess(ref, settings);
  const { abilities, reasoning, costOf } = await resolveModelInfo(provider, model, models.catalog[ref]);
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

/** An invalid_request: the model's provider needs a key and has none. */
export class MissingKeyError extends AppError {
  constructor(ref: string, variable: string) {
    const text = `The model ${ref} needs a key: set ${variable}, or add the key in Settings > Models and keys.`;
    super('invalid_request', text);
  }
}

/** Rejects with invalid_request, as a MissingKeyError if the provider needs a key and has none. */
export async function requireProviderAccess(ref: string, settings: Pick<ModelRegistryOptions, 'models' | 'storedKey'>) {
  const { models, storedKey } = settings;
  const provider = requireProvider(ref, models);
  const endpoint = await resolveEndpoint(provider, models, storedKey);
  const [shown] = provider.access?.keyVariables ?? [''];
  const isOwnServer = Object.hasOwn(models.compatible, provider.name);
  if (provider.access !== null && !endpoint.key && !isOwnServer) throw new MissingKeyError(ref, shown);
  return { provider, shown, isOwnServer, ...endpoint };
}

/** A lone surrogate in the conversation would make strict providers refuse every later request. */
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

/** Throws invalid_request. */
export function requireProvider(ref: string, models: Pick<ModelsConfig, 'compatible'>): Provider {
  const provider = findConfiguredProvider(parseModelRef(ref).provider, models);
  if (!provider || (provider.access !== null && !/.[/]./.test(ref))) throw unknown(ref, models);
  return provider;
}

export async function hasPrice(ref: string, models: Pick<ModelsConfig, 'compatible' | 'catalog'>): Promise<boolean> {
  const { costOf } = await resolveModelInfo(
    requireProvider(ref, models),
    parseModelRef(ref).model,
    models.catalog[ref],
  );
  return costOf({ inputTokens: 1, outputTokens: 1 }) !== undefined;
}

/** Replaces lone surrogates. Returns `list` itself if there are none. Caches the result of each item. */
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

/** The settings take precedence over a stored key. */
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
    `There is no model "${ref}". Choose another one, or add its provider on the page or under models.compatible. A model is demo or <provider>/<model>; providers: ${known.join(', ')}.`,
  );
}

/** The longest time that a run waits for one provider, in ms. */
const longestWaitMs = 60_000;
const maxFailures = 3;
const brokenRestMs = 10 * 60_000;

/** Failures that last until someone changes a setting. */
const broken: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['model_unauthorized', 'model_unknown', 'model_quota']);

interface Health {
  failures: number;
  waitedMs: number;
  restsUntil: number;
}
interface Deps {
  readonly clock: Clock;
  readonly random: () => number;
}

/** Suspends a model after repeated or permanent failures. The next takes over the turn, unless output has started. */
export function withFallbacks(models: readonly [Model, ...Model[]], { clock, random }: Deps): Model {
  const [first] = models;
  const health = new Map(models.map((model): [Model, Health] => [model, { failures: 0, waitedMs: 0, restsUntil: 0 }]));
  const healthOf = (model: Model) => health.get(model) as Health;

  function next(tried: ReadonlySet<Model>): Model | undefined {
    const left = models.filter((model) => !tried.has(model));
    const now = clock.now();
    const ready = left.find((model) => healthOf(model).restsUntil <= now);
    // If no model is ready, first try the one whose suspension ends first.
    if (ready || tried.size > 0) return ready;
    return left.toSorted((a, b) => healthOf(a).restsUntil - healthOf(b).restsUntil)[0];
  }

  /** Counts the failure and suspends the model if necessary. Returns whether it is now suspended. */
  function rests(model: Model, failure: FailedTurn): boolean {
    const state = healthOf(model);
    state.failures++;
    state.waitedMs += failure.retryAfterMs ?? computeRetryDelayMs(failure, state.failures, random) ?? 0;
    const isBroken = broken.has(failure.code);
    const isTired = state.waitedMs > longestWaitMs || (failure.retryable && state.failures >= maxFailures);
    if (!isBroken && !isTired) return false;
    const restMs = isBroken ? brokenRestMs : Math.max(failure.retryAfterMs ?? 0, longestWaitMs);
    health.set(model, { failures: 0, waitedMs: 0, restsUntil: clock.now() + restMs });
    return true;
  }

  async function* turn(...[request, signal]: Parameters<Model['turn']>): AsyncGenerator<TurnPart> {
    const tried = new Set<Model>();
    const failures: FailedTurn[] = [];
    for (let model = next(tried); model; ) {
      tried.add(model);
      let hasSpoken = false;
      let end: Extract<TurnPart, { type: 'end' }> | undefined;
      for await (const part of model.turn(request, signal)) {
        if (part.type === 'end') end = part;
        else {
          hasSpoken ||= part.type !== 'left_out';
          yield part;
        }
      }
      const named = model === first ? {} : { model: model.name };
      if (end?.outcome.kind !== 'failed') {
        if (end?.outcome.kind === 'finished') health.set(model, { failures: 0, waitedMs: 0, restsUntil: 0 });
        if (end) yield { ...end, ...named };
        return;
      }
      failures.push(end.outcome);
      const other: Model | undefined = rests(model, end.outcome) && !hasSpoken ? next(tried) : undefined;
      if (other === undefined) return yield { type: 'end', outcome: bounded(summed(failures), random), ...named };
      model = other;
    }
  }

  return {
    name: first.name,
    get abilities() {
      return (next(new Set()) ?? first).abilities;
    },
    costOf: (usage) => (next(new Set()) ?? first).costOf?.(usage),
    turn,
  };
}

function summed(failures: readonly FailedTurn[]): FailedTurn {
  const last = failures.at(-1) as FailedTurn;
  const retryable = failures.some((failure) => failure.retryable);
  return { ...last, retryable, message: failures.map(({ message }) => message).join(' Then the fallback: ') };
}

/** Limits the retry delay to one minute. Jitter prevents simultaneous retries. */
function bounded(failure: FailedTurn, random: () => number): FailedTurn {
  const { retryAfterMs } = failure;
  if (retryAfterMs === undefined) return failure;
  const jitterMs = 5_000;
  const capped = Math.min(retryAfterMs, longestWaitMs - jitterMs);
  return { ...failure, retryAfterMs: Math.round(capped + random() * Math.min(jitterMs, 500 + capped / 10)) };
}
