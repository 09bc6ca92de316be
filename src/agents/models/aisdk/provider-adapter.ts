import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4ProviderTool,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';
import type { Secret } from '../../../core/text/secret.ts';
import type { Refusal } from '../failures.ts';
import type { Abilities, NativeTool, TurnRequest } from '../model.ts';
import type { Reasoning } from '../provider.ts';

export type ProviderTool = Pick<LanguageModelV4ProviderTool, 'id' | 'args'>;

export interface Connection {
  /** The provider's own name of the model. */
  readonly model: string;
  readonly key: Secret | undefined;
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
}

/** The differences between the providers that the AI SDK's packages reach. */
export interface ProviderAdapter {
  /** The key under which the package reads and writes its options. */
  readonly name: string;
  open(connection: Connection): LanguageModelV4;
  /** Options beyond the common ones. */
  options(request: TurnRequest, model: ModelFacts & TurnConditions): Partial<LanguageModelV4CallOptions>;
  /** Whether the provider refuses only to summarize its reasoning; the request is then sent again without that wish. */
  refusesSummaries?(refusal: Refusal): boolean;
  /** The provider's own declaration of a tool, for a model that knows it. */
  native?(tool: NativeTool, model: string): ProviderTool | undefined;
  /** The pictures of a result: inside the result, or in a user's message after the results. */
  readonly pictures: 'inside' | 'after';
  /** Which of a model's own replies keep their reasoning: all, or those since the last message of the user. */
  readonly keepsReasoning: 'always' | 'in-turn';
  /** The mark that asks the provider to keep everything up to it, if it needs one. */
  readonly cacheMark?: SharedV4ProviderOptions;
}

export interface TurnConditions {
  /** Another model began the calls of the present turn. */
  readonly isForeign: boolean;
  /** Whether to ask for summaries of the reasoning; false once the provider has refused them. */
  readonly summaries: boolean;
}

export interface ModelFacts {
  readonly model: string;
  readonly abilities: Abilities;
  readonly reasoning: Reasoning;
}
