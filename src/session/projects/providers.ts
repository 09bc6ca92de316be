import { providers as all } from '../../llm/providers.ts';

export { joinModel, splitModel } from '../../llm/providers.ts';

/** A model provider as users see it. */
export interface OfferedProvider {
  readonly id: string;
  readonly name: string;
  /** Models to offer; a user can name others of the provider. */
  readonly models: readonly { readonly id: string; readonly name: string }[];
  /** The environment variable with the provider's key; null when it needs none. */
  readonly envKey: string | null;
}

export const providers: readonly OfferedProvider[] = all.map(({ name, label, models, access }) => ({
  id: name,
  name: label,
  models,
  envKey: access?.keyVariables[0] ?? null,
}));

export const providerOf = (id: string): OfferedProvider | undefined => providers.find((it) => it.id === id);
