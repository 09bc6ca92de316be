import { createHash } from 'node:crypto';
import { createOpenaiCompatibleProvider } from '../../agents/models/aisdk/compatible-provider.ts';
import type { Model } from '../../agents/models/model.ts';
import { providers as all, parseModelRef } from '../../agents/models/providers.ts';
import type { ModelsConfig } from '../../agents/models/registry.ts';
import type { Secret } from '../../core/text/secret.ts';

export { formatModelRef, parseModelRef } from '../../agents/models/providers.ts';

export interface SupportedProvider {
  readonly id: string;
  readonly name: string;
  readonly models: readonly { readonly id: string; readonly name: string }[];
  /** Null if the provider needs no key. */
  readonly envKey: string | null;
}

export const listSupportedProviders = (compatible: ModelsConfig['compatible']): readonly SupportedProvider[] =>
  [
    ...all,
    ...Object.entries(compatible).map(([name, { baseUrl }]) => createOpenaiCompatibleProvider(name, baseUrl)),
  ].map(({ name, label, models, access }) => ({
    id: name,
    name: label,
    models,
    envKey: access?.keyVariables[0] ?? null,
  }));

interface Deps {
  readonly refsOf: (name: string, fallbacks: readonly string[] | undefined) => readonly string[];
  /** Throws if the model is currently not allowed. Called for each use. */
  readonly check: (ref: string) => void;
  readonly storedKey: (provider: string) => Promise<Secret | undefined>;
  /** Resolves with a string that changes when the model's address or description does. */
  readonly readState?: (provider: string, ref: string) => Promise<string>;
  readonly create: (name: string, fallbacks: readonly string[] | undefined) => Promise<Model>;
}
/** Without `fallbacks`, the server's fallbacks apply. Rejects if the model is not allowed or cannot be created. */
export type ModelResolver = (name: string, fallbacks?: readonly string[]) => Promise<Model>;

const kept = 64;

/** Caches a model until the key, address or description of the model or one of its fallbacks changes. */
export function createModelResolver({ refsOf, check, storedKey, readState, create }: Deps): ModelResolver {
  const created = new Map<string, Model>();
  return async (name, fallbacks) => {
    const refs = refsOf(name, fallbacks);
    refs.forEach(check);
    const keys = await Promise.all(refs.map((ref) => storedKey(parseModelRef(ref).provider)));
    const states = await Promise.all(refs.map((ref) => readState?.(parseModelRef(ref).provider, ref)));
    const parts = [keys.map((key) => key?.reveal() ?? null), states];
    const hash = createHash('sha256').update(JSON.stringify(parts));
    const id = `${refs.join(' ')} ${hash.digest('hex')}`;
    const found = created.get(id);
    if (found) return found;
    const model = await create(name, fallbacks);
    const [oldest] = created.keys();
    if (created.size >= kept && oldest !== undefined) created.delete(oldest);
    created.set(id, model);
    return model;
  };
}
