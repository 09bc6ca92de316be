import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4ProviderTool,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';
import type { Secret } from '../../../core/text/secret.ts';
import type { ProviderErrorResponse } from '../failures.ts';
import type { ModelCapabilities, NativeTool, TurnRequest } from '../model.ts';
import type { ReasoningLevel } from '../provider.ts';

export type ProviderTool = Pick<LanguageModelV4ProviderTool, 'id' | 'args'>;

export interface ModelConnectionOptions {
  readonly model: string;
  readonly key: Secret | undefined;
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
}

export interface ProviderAdapter {
  /** The key under which the package reads and writes its options. */
  readonly name: string;
  open(connection: ModelConnectionOptions): LanguageModelV4;
  options(request: TurnRequest, model: ModelProfile & TurnAdapterOptions): Partial<LanguageModelV4CallOptions>;
  /** Whether the provider refused only the reasoning summaries. If so, the request is repeated without them. */
  refusesSummaries?(refusal: ProviderErrorResponse): boolean;
  native?(tool: NativeTool, model: string): ProviderTool | undefined;
  /** Where the pictures in a result are placed: inside the result, or in a user message after the results. */
  readonly pictures: 'inside' | 'after';
  /** Which of a model's own replies keep their reasoning: all, or those since the last user message. */
  readonly keepsReasoning: 'always' | 'in-turn';
  /** The mark that makes the provider cache everything up to that point. Undefined: none is needed. */
  readonly cacheMark?: SharedV4ProviderOptions;
}

export interface TurnAdapterOptions {
  readonly isForeign: boolean;
  /** False once the provider has refused summaries of the reasoning. */
  readonly summaries: boolean;
}

export interface ModelProfile {
  readonly model: string;
  readonly abilities: ModelCapabilities;
  readonly reasoning: ReasoningLevel;
}
