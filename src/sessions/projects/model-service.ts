import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type CatalogEntry, withCatalogInfo } from '../../agents/models/catalog/catalog.ts';
import { type ListedModel, listModels, type ModelListFetch } from '../../agents/models/model-list.ts';
import { formatModelRef, keyedProviders, parseModelRef } from '../../agents/models/providers.ts';
import {
  findConfiguredProvider,
  hasPrice,
  type ModelsConfig,
  type NetworkReach,
  requireProviderAccess,
  resolveEndpoint,
} from '../../agents/models/registry.ts';
import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreNotFound, toAppError } from '../../core/errors/errors.ts';
import { serverSettingKind as kind } from '../../core/model/records.ts';
import type { Secret } from '../../core/text/secret.ts';
import { trimEndCharacters } from '../../core/text/text.ts';
import { changeRecord } from '../../storage/collection.ts';
import type { EffectiveModels, ModelAccess, ModelProvider, ModelService, ProviderModels } from '../api/models.ts';
import type { ProviderKeyStore } from './provider-keys.ts';

const Facts = z.object({
  window: z.int().positive().optional(),
  maxOutput: z.int().positive().optional(),
  images: z.boolean().optional(),
  price: z.object({ input: z.number(), output: z.number() }).optional(),
});
const Stored = z.object({
  model: z.string().nullable().default(null),
  servers: z.record(z.string(), z.object({ baseUrl: z.string(), reach: z.enum(['public', 'private']) })).default({}),
  facts: z.record(z.string(), Facts).default({}),
});
type StoredModelSettings = z.output<typeof Stored>;

const id = 'models';

interface DirectoryDeps {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  /** Models from the settings, which override stored values. */
  readonly models: ModelsConfig;
}
export class ModelSettingsStore extends ServerComponent<DirectoryDeps> {
  /** Reads the store each time, so that all servers see changes. */
  async stored(): Promise<StoredModelSettings> {
    return Stored.parse((await this.deps.records.get(kind, id))?.doc ?? {});
  }

  async config(): Promise<ModelsConfig> {
    return this.merged(await this.stored());
  }

  merged({ servers, facts }: StoredModelSettings): ModelsConfig {
    const { compatible, catalog } = this.deps.models;
    const entries: Record<string, CatalogEntry> = { ...facts, ...catalog };
    return { ...this.deps.models, compatible: { ...servers, ...compatible }, catalog: entries };
  }

  /** The model is recreated when the returned string changes. */
  async readState(provider: string, ref: string): Promise<string> {
    const { compatible, catalog } = await this.config();
    return JSON.stringify([compatible[provider]?.baseUrl, compatible[provider]?.reach, catalog[ref]]);
  }

  async change(work: (now: StoredModelSettings) => StoredModelSettings): Promise<void> {
    await changeRecord(this.deps.records, { kind, id }, (found) => ({ doc: work(Stored.parse(found?.doc ?? {})) }));
  }
}

interface Deps {
  readonly directory: ModelSettingsStore;
  readonly keys: Pick<ProviderKeyStore, 'list' | 'put' | 'delete' | 'use'>;
  readonly settings: { readonly model: string; readonly models: ModelsConfig };
  readonly setBy: (key: string) => string | undefined;
  readonly refusal: () => string | undefined;
  readonly checkModel: (ref: string) => void;
  readonly reach: () => NetworkReach;
  readonly fetchWithin: (reach: NetworkReach) => typeof fetch;
  readonly learn: (key: Secret) => void;
  readonly clock: Clock;
}
const askMs = 10_000;
const freshMs = 600_000;
const maxLists = 50;
const maxServers = 50;
const nameForm = /^[a-z0-9][a-z0-9-]{0,30}$/;
const takenNames = new Set(['demo', 'compatible', 'fallbacks', 'catalog', ...keyedProviders.map(({ name }) => name)]);

const isKnown = (provider: string): boolean => keyedProviders.some(({ name }) => name === provider);

interface ProviderAccess {
  readonly provider: string;
  readonly baseUrl: string;
  readonly key: Secret | undefined;
  readonly reach: NetworkReach | undefined;
}

export function createModelService(deps: Deps): ModelService {
  const { directory, keys, settings, setBy, clock, learn } = deps;
  const lists = new Map<string, { readonly at: number; readonly list: Promise<readonly ListedModel[]> }>();

  async function ask(
    { provider, baseUrl, key, reach }: ProviderAccess,
    signal: AbortSignal,
  ): Promise<readonly ListedModel[]> {
    const compatible = isKnown(provider) ? {} : { [provider]: { baseUrl } };
    const access = findConfiguredProvider(provider, { compatible })?.access;
    if (!access) throw new AppError('invalid_request', `${provider} does not list its models.`);
    using until = createTimeoutSignal(askMs, clock, signal);
    const via: ModelListFetch = reach ? deps.fetchWithin(reach) : fetch;
    const found = await listModels(access, { baseUrl, key, fetch: via }, until.signal).catch((thrown: unknown) => {
      if (until.signal.aborted) throw new AppError('provider_error', `No answer within ${askMs / 1_000} s.`);
      throw thrown;
    });
    const all = await Promise.all(found.map((model) => withCatalogInfo(provider, model)));
    return all.sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
  }

  /** Concurrent callers share one request. Failures are not cached. */
  function listOf(way: ProviderAccess): Promise<readonly ListedModel[]> {
    const { provider, baseUrl, key } = way;
    const id = createHash('sha256')
      .update(JSON.stringify([provider, baseUrl, key?.reveal()]))
      .digest('hex');
    const known = lists.get(id);
    if (known && clock.now() - known.at < freshMs) return known.list;
    const list = ask(way, new AbortController().signal);
    list.catch(() => lists.delete(id));
    const [oldest] = lists.keys();
    if (lists.size >= maxLists && oldest !== undefined) lists.delete(oldest);
    lists.set(id, { at: clock.now(), list });
    return list;
  }

  async function wayTo(provider: string, models: ModelsConfig): Promise<ProviderAccess | undefined> {
    const known = findConfiguredProvider(provider, models);
    if (!known || known.access === null) return undefined;
    const { key, baseUrl, reach } = await resolveEndpoint(known, models, keys.use);
    return { provider, baseUrl, key, reach };
  }

  async function entered({ provider, baseUrl, key }: ModelAccess): Promise<ProviderAccess> {
    if (key) learn(key);
    const { models } = settings;
    if (isKnown(provider)) {
      if (baseUrl !== undefined)
        throw new AppError('invalid_request', `${provider} has a fixed address.`, { field: 'baseUrl' });
      const way = await wayTo(provider, models);
      if (!way) throw new AppError('internal', 'A known provider is missing.');
      return { ...way, key: key ?? way.key };
    }
    if (Object.hasOwn(models.compatible, provider)) {
      const way = await wayTo(provider, models);
      if (way && (baseUrl === undefined || baseUrl === way.baseUrl)) return { ...way, key: key ?? way.key };
      const text = `${provider} is already defined in the settings (models.compatible.${provider}), which take precedence. Choose another name.`;
      throw new AppError('invalid_request', text, { field: 'provider' });
    }
    if (!nameForm.test(provider) || takenNames.has(provider)) {
      throw new AppError(
        'invalid_request',
        'A name must be unique, with 1 to 31 lowercase letters, digits and hyphens.',
        { field: 'provider' },
      );
    }
    const { servers } = await directory.stored();
    const known = Object.hasOwn(servers, provider) ? servers[provider] : undefined;
    if (known && (baseUrl === undefined || baseUrl === known.baseUrl)) {
      return { provider, ...known, key: key ?? (await keys.use(provider)) };
    }
    if (baseUrl === undefined)
      throw new AppError('invalid_request', `Set the address of ${provider}.`, { field: 'baseUrl' });
    // A stored key is sent only to the address it was entered with.
    return { provider, baseUrl: checkedAddress(baseUrl), key, reach: deps.reach() };
  }

  async function withFacts(way: ProviderAccess, model: string, signal: AbortSignal) {
    const ref = formatModelRef(way.provider, model);
    deps.checkModel(ref);
    const { provider, key } = way;
    if (isKnown(provider)) await requireProviderAccess(ref, { models: settings.models, storedKey: async () => key });
    const listed = await ask(way, signal).catch((thrown: unknown) => {
      signal.throwIfAborted();
      if (toAppError(thrown).code === 'forbidden' || toAppError(thrown).code === 'model_unauthorized') throw thrown;
      return [];
    });
    const { window, maxOutput, images, price } = listed.find(({ id }) => id === model) ?? {};
    // A store would keep undefined fields as null.
    const values = Object.entries({ window, maxOutput, images, price }).filter(([, value]) => value !== undefined);
    return { ref, facts: Object.fromEntries(values) };
  }

  async function inForce(): Promise<EffectiveModels> {
    const stored = await directory.stored();
    const models = directory.merged(stored);
    const held = new Set((await keys.list()).map(({ provider }) => provider));
    const known = keyedProviders.map(({ name, label, access }): ModelProvider => {
      const { apiKey, baseUrl } = settings.models[name];
      const by = apiKey && (setBy(`models.${name}.api-key`) ?? access.keyVariables[0]);
      const from = apiKey ? 'settings' : held.has(name) ? 'page' : 'nowhere';
      const isReady = from !== 'nowhere';
      return { id: name, name: label, kind: 'known', isReady, from, setBy: by ?? null, address: baseUrl ?? null };
    });
    const own = Object.entries(models.compatible).map(([name, { baseUrl }]): ModelProvider => {
      const isSet = Object.hasOwn(settings.models.compatible, name);
      const by = isSet ? (setBy('models.compatible') ?? `models.compatible.${name}`) : null;
      const from = isSet ? 'settings' : 'page';
      return { id: name, name, kind: 'compatible', isReady: true, from, setBy: by, address: baseUrl };
    });
    const by = setBy('model') ?? null;
    return {
      model: by === null ? (stored.model ?? settings.model) : settings.model,
      setBy: by,
      chosen: stored.model,
      refusal: deps.refusal() ?? null,
      providers: [...known, ...own],
      canChange: true,
    };
  }

  return {
    inForce,
    async offered(signal) {
      const models = await directory.config();
      const { providers } = await inForce();
      const ready = providers.filter(({ isReady }) => isReady);
      return await Promise.all(
        ready.map(async ({ id, name }): Promise<ProviderModels> => {
          try {
            const way = await wayTo(id, models);
            const list = way ? await listOf(way) : [];
            signal.throwIfAborted();
            return { provider: id, name, models: list, trouble: null };
          } catch (thrown) {
            return { provider: id, name, models: [], trouble: toAppError(thrown).publicMessage };
          }
        }),
      );
    },
    isPriced: async (ref) => await hasPrice(ref, await directory.config()),
    async test(access, signal) {
      try {
        const models = await ask(await entered(access), signal);
        const none = 'The provider lists no models that an agent can use.';
        return { ok: models.length > 0, message: models.length > 0 ? '' : none, models };
      } catch (thrown) {
        signal.throwIfAborted();
        const { publicMessage: message, field } = toAppError(thrown);
        return { ok: false, message, models: [], ...(field !== undefined && { field }) };
      }
    },
    async use({ model, ...access }, signal) {
      const before = await inForce();
      const outranking =
        (model === undefined ? null : before.setBy) ??
        (access.key && before.providers.find(({ id }) => id === access.provider)?.setBy);
      if (outranking) {
        const text = `${outranking} is set and overrides values entered here. Remove it and restart the server first.`;
        throw new AppError('invalid_request', text);
      }
      if (access.provider === 'demo' && model !== undefined) {
        await directory.change((now) => ({ ...now, model: 'demo' }));
        return await inForce();
      }
      const { provider, baseUrl, key, reach } = await entered(access);
      const usual = model === undefined ? undefined : await withFacts({ provider, baseUrl, key, reach }, model, signal);
      const held = before.providers.find(({ id }) => id === provider);
      if (held?.kind === 'compatible' && held.address !== baseUrl) await keys.delete(provider).catch(ignoreNotFound);
      await directory.change((now) => {
        const servers = reach ? { ...now.servers, [provider]: { baseUrl, reach } } : now.servers;
        if (Object.keys(servers).length > maxServers) {
          throw new AppError('invalid_request', `There are ${maxServers} servers, the maximum. Remove one first.`);
        }
        if (!usual) return { ...now, servers };
        const { ref, facts } = usual;
        return { model: ref, servers, facts: { ...without(now.facts, (name) => name === ref), [ref]: facts } };
      });
      if (access.key) await keys.put(provider, access.key);
      return await inForce();
    },
    async forget(provider) {
      const held = (await keys.list()).some((key) => key.provider === provider);
      const { servers } = await directory.stored();
      if (!held && !Object.hasOwn(servers, provider)) {
        throw new AppError('not_found', `No settings were entered for ${provider} on the page.`);
      }
      await directory.change((now) => ({
        model: now.model !== null && parseModelRef(now.model).provider === provider ? null : now.model,
        servers: without(now.servers, (name) => name === provider),
        facts: without(now.facts, (ref) => parseModelRef(ref).provider === provider),
      }));
      if (held) await keys.delete(provider);
      return await inForce();
    },
  };
}

function without<Value>(all: Readonly<Record<string, Value>>, isOut: (name: string) => boolean): Record<string, Value> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !isOut(name)));
}

/** Checks a base URL to which paths are appended. Throws: invalid_request. */
function checkedAddress(text: string): string {
  const url = URL.parse(text.trim());
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!url || !/^https?:$/.test(url.protocol) || !isPlain || text.length > 2_000) {
    throw new AppError(
      'invalid_request',
      'The address must be like https://models.example.com/v1, without a user, query or fragment.',
      { field: 'baseUrl' },
    );
  }
  return trimEndCharacters(url.href, '/');
}
