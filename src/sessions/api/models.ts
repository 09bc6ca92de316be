import { z } from 'zod';
import { ListedModel } from '../../agents/models/model-list.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { ServiceRules } from './rules.ts';

const ModelProvider = z.object({
  id: z.string(),
  name: z.string(),
  /** `compatible` is a server with a Chat Completions API, under a user-chosen name. */
  kind: z.enum(['known', 'compatible']),
  /** Whether the provider has a key or needs none. */
  isReady: z.boolean(),
  from: z.enum(['settings', 'page', 'nowhere']),
  /** The variable or setting that overrides the page's values. Null if there is none. */
  setBy: z.string().nullable(),
  /** Null if the address is hidden from this caller or is the provider's default. */
  address: z.string().nullable(),
});
export type ModelProvider = z.infer<typeof ModelProvider>;
export const EffectiveModels = z.object({
  /** `demo` or `provider/model`, for sessions that choose no model. */
  model: z.string(),
  /** The variable or setting that overrides the page's choice. Null if there is none. */
  setBy: z.string().nullable(),
  chosen: z.string().nullable(),
  /** Why only the demo model can be used. Null if all models can be used. */
  refusal: z.string().nullable(),
  providers: z.array(ModelProvider).readonly(),
  canChange: z.boolean(),
});
export type EffectiveModels = z.infer<typeof EffectiveModels>;
/** `trouble`: why the list is missing. */
export const ProviderModels = z.object({
  provider: z.string(),
  name: z.string(),
  models: z.array(ListedModel).readonly(),
  trouble: z.string().nullable(),
});
export type ProviderModels = z.infer<typeof ProviderModels>;
export interface ModelAccess {
  readonly provider: string;
  readonly baseUrl?: string | undefined;
  /** If undefined, the stored key is used, if any. */
  readonly key?: Secret | undefined;
}
export const ModelAccessTestResult = z.object({
  ok: z.boolean(),
  /** Why the test failed and what to do; empty on success. */
  message: z.string(),
  /** The input with the mistake, such as `baseUrl`. */
  field: z.string().optional(),
  models: z.array(ListedModel).readonly(),
});
export type ModelAccessTestResult = z.infer<typeof ModelAccessTestResult>;

/** All servers that share a store see changes immediately. */
export interface ModelService {
  inForce(): Promise<EffectiveModels>;
  /** The model lists of all ready providers, each list at most ten minutes old. */
  offered(signal: AbortSignal): Promise<readonly ProviderModels[]>;
  /** Cost budgets apply only to models with a known price. */
  isPriced(ref: string): Promise<boolean>;
  /** Requests the provider's model list, for at most 10 s. Stores nothing. */
  test(access: ModelAccess, signal: AbortSignal): Promise<ModelAccessTestResult>;
  /**
   * Stores the access. `model` becomes the default from the next turn on; the provider `demo` needs no access. Rejects:
   * forbidden (a private address), model_unauthorized (the provider refused the key), invalid_request (a value is
   * invalid, defined in the settings or not allowed here; the provider needs a key and has none; or there are too many
   * model servers).
   */
  use(access: ModelAccess & { readonly model?: string | undefined }, signal: AbortSignal): Promise<EffectiveModels>;
  /** Also forgets a default model of this provider. Rejects: not_found (nothing was entered). */
  forget(provider: string): Promise<EffectiveModels>;
}

export const modelRules: ServiceRules<ModelService> = {
  inForce: { may: 'guarded', audit: null },
  offered: { may: 'user', audit: null },
  isPriced: { may: 'user', audit: null },
  test: { may: 'admin', audit: 'models.test' },
  use: { may: 'admin', audit: 'models.use' },
  forget: { may: 'admin', audit: 'models.forget' },
};
