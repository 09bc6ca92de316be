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
  readonly name: string;
  open(connection: ModelConnectionOptions): LanguageModelV4;
  options(request: TurnRequest, model: ModelProfile & TurnAdapterOptions): Partial<LanguageModelV4CallOptions>;
  /** Whether only the reasoning summaries were refused. If so, the request is repeated without them. */
  refusesSummaries?(refusal: ProviderErrorResponse): boolean;
  native?(tool: NativeTool, model: string): ProviderTool | undefined;
  readonly pictures: 'inside' | 'after';
  /** `in-turn`: only replies since the last user message. */
  readonly keepsReasoning: 'always' | 'in-turn';
  /** Makes the provider cache everything up to the mark. */
  readonly cacheMark?: SharedV4ProviderOptions;
}

export interface TurnAdapterOptions {
  readonly isForeign: boolean;
  readonly summaries: boolean;
}

export interface ModelProfile {
  readonly model: string;
  readonly abilities: ModelCapabilities;
  readonly reasoning: ReasoningLevel;
}
