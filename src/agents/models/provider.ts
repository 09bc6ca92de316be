import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { ProviderSettingNames } from './failures.ts';
import type { Model, ModelCapabilities } from './model.ts';
import type { ModelListFormat } from './model-list.ts';

/** `default` leaves the choice to the provider. */
export const reasoningLevels = ['default', 'none', 'low', 'medium', 'high'] as const;
export type ReasoningLevel = (typeof reasoningLevels)[number];

/** Settings, environment variables, help, key check, labels and model list are derived from this. */
export interface Provider<Name extends string = string> {
  /** The prefix in `provider/model`, and the settings key under `models` or `models.compatible`, if any. */
  readonly name: Name;
  readonly label: string;
  /** Users can also name other models. */
  readonly models: readonly { readonly id: string; readonly name: string }[];
  readonly access: ProviderAccess | null;
  /** Defaults for abilities that neither the settings nor the published list specifies. */
  abilities(model: string, reasoning: ReasoningLevel): Partial<ModelCapabilities>;
  build(options: ModelBuildOptions): Promise<Model>;
}
export interface ProviderAccess {
  /** Environment variables or settings that can contain the key. Users see the first one. */
  readonly keyVariables: readonly [string, ...string[]];
  readonly baseUrl: string;
  /** A free request that requires a valid key. */
  readonly keyCheck: { readonly path: string; headers(key: string): Record<string, string> };
  readonly listing: ModelListFormat;
}
export interface ModelBuildOptions extends Pick<ServerDependencies, 'clock' | 'newId'> {
  readonly name: string;
  readonly model: string;
  readonly abilities: ModelCapabilities;
  readonly reasoning: ReasoningLevel;
  readonly key: Secret | undefined;
  readonly baseUrl: string;
  /** Connects only to permitted networks. Set if a user entered `baseUrl` in the web UI. */
  readonly fetch?: typeof fetch | undefined;
  readonly advice: ProviderSettingNames;
  /** Maximum silence before the first chunk and between chunks, in ms. */
  readonly idleMs?: number;
}
