import { compatibleProvider } from '../../agents/models/aisdk/compatible-provider.ts';
import { providers as all } from '../../agents/models/providers.ts';
import type { ModelsConfig } from '../../agents/models/registry.ts';

export { joinModel, splitModel } from '../../agents/models/providers.ts';

/** A model provider as users see it. */
export interface OfferedProvider {
  readonly id: string;
  readonly name: string;
  /** Models to offer; a user can name others of the provider. */
  readonly models: readonly { readonly id: string; readonly name: string }[];
  /** The variable or setting with the provider's key; null when it needs none. */
  readonly envKey: string | null;
}

/** Every provider of the server, and the compatible servers of its settings. */
export const listOfferedProviders = (compatible: ModelsConfig['compatible']): readonly OfferedProvider[] =>
  [...all, ...Object.entries(compatible).map(([name, { baseUrl }]) => compatibleProvider(name, baseUrl))].map(
    ({ name, label, models, access }) => ({
      id: name,
      name: label,
      models,
      envKey: access?.keyVariables[0] ?? null,
    }),
  );
