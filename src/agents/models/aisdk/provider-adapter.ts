import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4ProviderTool,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';
import type { Secret } from '../../../core/text/secret.ts';
import type { Refusal } from '../failures.ts';
import type { ModelCapabilities, NativeTool, TurnRequest } from '../model.ts';
import type { ReasoningLevel } from '../provider.ts';

export type ProviderTool = Pick<LanguageModelV4ProviderTool, 'id' | 'args'>;

export interface ModelConnection {
  /** The provider's own name for the model. */
  readonly model: string;
  readonly key: Secret | undefined;
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
}

/** Differences between providers reached through the AI SDK's packages. */
export interface ProviderAdapter {
  /** The key under which the package reads and writes its options. */
  readonly name: string;
  open(connection: ModelConnection): LanguageModelV4;
  /** Provider-specific options. */
  options(request: TurnRequest, model: ModelFacts & TurnConditions): Partial<LanguageModelV4CallOptions>;
  /**
   * Whether the provider refused only the summaries of its reasoning. The request is then repeated without that option.
   */
  refusesSummaries?(refusal: Refusal): boolean;
  /** The provider's own declaration of a tool, for a model that supports it. */
  native?(tool: NativeTool, model: string): ProviderTool | undefined;
  /** Where a result's pictures go: inside the result, or in a user message after the results. */
  readonly pictures: 'inside' | 'after';
  /** Which of a model's own replies keep their reasoning: all, or those since the last user message. */
  readonly keepsReasoning: 'always' | 'in-turn';
  /** The mark that makes the provider cache everything up to it; undefined: none is needed. */
  readonly cacheMark?: SharedV4ProviderOptions;
}

export interface TurnConditions {
  /** Another model started the current turn's calls. */
  readonly isForeign: boolean;
  /** Whether to request summaries of the reasoning. False once the provider has refused them. */
  readonly summaries: boolean;
}

export interface ModelFacts {
  readonly model: string;
  readonly abilities: ModelCapabilities;
  readonly reasoning: ReasoningLevel;
}
