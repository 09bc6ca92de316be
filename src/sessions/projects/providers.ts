import { createOpenaiCompatibleProvider } from '../../agents/models/aisdk/compatible-provider.ts';
import { providers as all } from '../../agents/models/providers.ts';
import type { ModelsConfig } from '../../agents/models/registry.ts';

export { formatModelRef, parseModelRef } from '../../agents/models/providers.ts';

export interface OfferedProvider {
  readonly id: string;
  readonly name: string;
  /** Suggested models. Users can also enter other models of the provider. */
  readonly models: readonly { readonly id: string; readonly name: string }[];
  /** The variable or setting for the provider's key; null: none needed. */
  readonly envKey: string | null;
}

export const listOfferedProviders = (compatible: ModelsConfig['compatible']): readonly OfferedProvider[] =>
  [
    ...all,
    ...Object.entries(compatible).map(([name, { baseUrl }]) => createOpenaiCompatibleProvider(name, baseUrl)),
  ].map(({ name, label, models, access }) => ({
    id: name,
    name: label,
    models,
    envKey: access?.keyVariables[0] ?? null,
  }));
