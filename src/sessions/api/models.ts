import { z } from 'zod';
import { ListedModel } from '../../agents/models/model-list.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { ServiceRules } from './rules.ts';

/** A provider of models, as people see it. */
const ModelProvider = z.object({
  id: z.string(),
  name: z.string(),
  /** `compatible`: a server that speaks Chat Completions, under a name that somebody chose. */
  kind: z.enum(['known', 'compatible']),
  /** Whether sessions can use it: it has a key, or needs none. */
  isReady: z.boolean(),
  /** The origin of its key and address. */
  from: z.enum(['settings', 'page', 'nowhere']),
  /** The variable or setting that precedes what is entered in the page; null: none does. */
  setBy: z.string().nullable(),
  /** Null: not for this caller, or the provider's own. */
  address: z.string().nullable(),
});
export type ModelProvider = z.infer<typeof ModelProvider>;
export const ModelsInForce = z.object({
  /** The model of sessions that chose none: `demo` or `provider/model`. */
  model: z.string(),
  /** The variable or setting that precedes the choice in the page; null: the choice counts. */
  setBy: z.string().nullable(),
  /** The choice in the page; null: nobody has chosen. */
  chosen: z.string().nullable(),
  /** Why no model but the demo can be used here, and what helps; null: any can. */
  refusal: z.string().nullable(),
  providers: z.array(ModelProvider).readonly(),
  /** Whether this caller can change it. */
  canChange: z.boolean(),
});
export type ModelsInForce = z.infer<typeof ModelsInForce>;
/** The models of one provider; `trouble` says why its list is not there. */
export const OfferedModels = z.object({
  provider: z.string(),
  name: z.string(),
  models: z.array(ListedModel).readonly(),
  trouble: z.string().nullable(),
});
export type OfferedModels = z.infer<typeof OfferedModels>;
/** A way to a provider that a person enters. */
export interface ModelAccess {
  /** A known provider, or a name for a compatible server. */
  readonly provider: string;
  /** The address of a compatible server. */
  readonly baseUrl?: string | undefined;
  /** Undefined: the stored one, or none. */
  readonly key?: Secret | undefined;
}
export const TestedAccess = z.object({
  ok: z.boolean(),
  /** Why not, and what to do; empty when it worked. */
  message: z.string(),
  models: z.array(ListedModel).readonly(),
});
export type TestedAccess = z.infer<typeof TestedAccess>;

/** The models that sessions can use, and the choice of the usual one. Every server of a store sees a change at once. */
export interface ModelService {
  inForce(): Promise<ModelsInForce>;
  /** The lists of all providers that are ready, at most ten minutes old. */
  offered(signal: AbortSignal): Promise<readonly OfferedModels[]>;
  /** Whether the price of `provider/model` is known, so that a budget of cost can count it. */
  isPriced(ref: string): Promise<boolean>;
  /** Asks the provider for its models, for at most 10 s. Stores nothing. */
  test(access: ModelAccess, signal: AbortSignal): Promise<TestedAccess>;
  /**
   * Stores the access and makes one of its models the usual one, from the next turn on, in all sessions that chose
   * none. Rejects: invalid_request (the settings name another model or address, this server must not use it), forbidden
   * (a private address).
   */
  use(access: ModelAccess & { readonly model: string }, signal: AbortSignal): Promise<ModelsInForce>;
  /** Forgets key and address that were entered in the page, and the choice if it is one of its models. */
  forget(provider: string): Promise<ModelsInForce>;
}

export const modelRules: ServiceRules<ModelService> = {
  inForce: { may: 'guarded', audit: null },
  offered: { may: 'user', audit: null },
  isPriced: { may: 'user', audit: null },
  test: { may: 'admin', audit: 'models.test' },
  use: { may: 'admin', audit: 'models.use' },
  forget: { may: 'admin', audit: 'models.forget' },
};
