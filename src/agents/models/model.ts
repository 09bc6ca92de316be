import type { ErrorCode } from '../../core/errors/errors.ts';
import type { PlanStep } from '../../core/model/events.ts';
import type { BudgetOverrun } from '../../core/model/spending.ts';

export interface Model {
  readonly name: string;
  /** In a fallback chain, the capabilities of the model that the next turn tries first. May change between turns. */
  readonly abilities: ModelCapabilities;
  /** Absent, or returns undefined, if the price is unknown. */
  readonly costOf?: (usage: TurnUsage) => number | undefined;
  /** Never throws or rejects. Always yields exactly one `end`, as the last part. */
  turn(request: TurnRequest, signal: AbortSignal): AsyncIterable<TurnPart>;
}

export interface ModelCapabilities {
  /** Maximum number of tokens in a request and its reply together. */
  readonly window: number;
  /** Maximum number of tokens in one reply, including its reasoning. */
  readonly maxOutput: number;
  /** If false, images are described in words. */
  readonly images: boolean;
  readonly parallel: boolean;
  /** Whether `mustCall` is guaranteed. If false, the adapter only requests the call in words. */
  readonly forcedTool: boolean;
  /** True if tool support is unknown, as with many self-hosted models. */
  readonly unproven?: boolean;
  /** `automatic`: the provider detects repeated prefixes. `marked`: the adapter marks what to cache. */
  readonly caching: 'automatic' | 'marked' | 'none';
}
/** Assumed for an unknown model. Includes no feature that a server might refuse. */
export const defaultCapabilities: ModelCapabilities = {
  window: 32_768,
  maxOutput: 4_096,
  images: false,
  parallel: true,
  forcedTool: false,
  caching: 'none',
};

/** Only the demo model reads the phase; other models read `note`. */
export type TurnPhase =
  | { readonly kind: 'plan' }
  | { readonly kind: 'act'; readonly step: PlanStep; readonly stepIndex: number }
  | { readonly kind: 'replan'; readonly steps: readonly PlanStep[] }
  | { readonly kind: 'summarize' }
  | { readonly kind: 'grade' };

export interface TurnRequest {
  readonly phase: TurnPhase;
  readonly system: string;
  /** Without the loop's own instructions, which are in `note`. */
  readonly messages: readonly Message[];
  /** The index in `messages` of the run's first user message. */
  readonly runFrom?: number;
  /** An instruction for the turn. By default, precedes the current step's calls. */
  readonly note?: string;
  /** The index in `messages` of the message that follows the note. */
  readonly noteAt?: number;
  /** Notes from earlier requests, at fixed positions, so consecutive requests start identically and can be cached. */
  readonly earlier?: readonly PositionedNote[];
  /** A reminder for this turn only, placed last. */
  readonly hint?: string;
  readonly tools: readonly ToolDeclaration[];
  /** The reply must be a call to this tool. See `forcedTool`. */
  readonly mustCall?: string;
  /** If absent, the provider's defaults apply. */
  readonly sampling?: SamplingOptions;
  /** The key in the provider's prompt cache. At most 64 characters. */
  readonly cacheKey?: string;
}
export interface PositionedNote {
  /** The index in `messages` of the message that follows the note. */
  readonly before: number;
  readonly text: string;
}
export interface SamplingOptions {
  readonly temperature?: number; // 0 to 2
  readonly topP?: number;
  readonly topK?: number;
  readonly maxOutputTokens?: number;
  readonly stop?: readonly string[];
}
export interface ToolDeclaration {
  readonly name: string;
  readonly description: string;
  readonly parameters: object; // A JSON Schema.
  /** Used by models that know the provider's own declaration of this tool. */
  readonly native?: NativeTool;
}
export type NativeTool =
  /** Has the arguments that Claude models know. The size is in screenshot pixels. */
  | { readonly kind: 'computer'; readonly width: number; readonly height: number }
  /** Has the name and arguments that Gemini models know. */
  | { readonly kind: 'screen_action' };
export type Message =
  | { readonly role: 'user'; readonly text: string; readonly pictures?: readonly Picture[] }
  | {
      readonly role: 'tool';
      readonly callId: string;
      readonly name: string;
      readonly output: string;
      readonly success: boolean;
      readonly pictures?: readonly Picture[];
      /** The address of the page on the screen after the call. */
      readonly page?: string;
      readonly confirmed?: true;
    }
  | AssistantMessage;

export const attachedFilesHeading = '\n\n[Attached files]\n';

/** An image without data is described in words. */
export interface Picture {
  readonly file: string;
  readonly mimeType: string;
  readonly data?: string; // base64
  readonly leftOut?: string;
}

/**
 * The model that wrote the reply gets `raw` back; other models get `text` and `calls`. Calls have the same order in
 * both; extra calls in `raw` are not sent back.
 */
export interface AssistantMessage {
  readonly role: 'assistant';
  readonly model: string;
  readonly text: string;
  readonly calls: readonly ToolCall[];
  readonly raw: readonly unknown[];
}
/** An interrupted reply, of which only the text is known. */
export const toTextReply = (text: string): AssistantMessage => ({
  role: 'assistant',
  model: '',
  text,
  calls: [],
  raw: [],
});
export interface ToolCall {
  readonly callId: string;
  readonly name: string;
  readonly args: unknown; // unparsed; the tool parses them
  /** Why the provider requires a user's approval for this call. */
  readonly confirm?: string;
}

/** Calls come after the text. Only `left_out` parts can follow them before the end. */
export type TurnPart =
  | { type: 'text'; delta: string }
  /** Reasoning for display. Unlike `raw` parts, never sent back to the model. */
  | { type: 'reasoning'; delta: string }
  | { type: 'call'; call: ToolCall }
  | { type: 'raw'; part: unknown }
  /** The request was sent without this part, which the provider refused. */
  | { type: 'left_out'; what: OmittedContent }
  | { type: 'end'; outcome: TurnOutcome; model?: string };

export interface OmittedContent {
  /** `reasoning`: from earlier replies. */
  readonly kind: 'tool' | 'tools' | 'picture' | 'reasoning';
  readonly name: string;
  readonly detail: string;
}

export interface TurnUsage {
  /** Includes tokens read from or written to the provider's cache. */
  readonly inputTokens: number;
  /** Includes reasoning. */
  readonly outputTokens: number;
  readonly cachedTokens?: number;
  readonly cacheWrittenTokens?: number;
  readonly reasoningTokens?: number;
  /** In the currency of the price list. Absent if the model's price is unknown. */
  readonly cost?: number;
}

export type TurnOutcome = FinishedTurn | FailedTurn | { readonly kind: 'cancelled' };

export interface FinishedTurn {
  readonly kind: 'finished';
  /**
   * `calls`: the model is waiting for the results of its calls. `length`: the reply was cut off at a limit. `refused`:
   * the model or the provider's filter refused.
   */
  readonly stop: 'done' | 'calls' | 'length' | 'refused';
  readonly usage: TurnUsage;
  /** With `length`: names of the called tools. The turn does not contain these calls. */
  readonly cutCalls?: readonly string[];
  /** With `refused`: text or a code, such as `SAFETY`. */
  readonly reason?: string;
}
export interface FailedTurn {
  readonly kind: 'failed';
  readonly code: ErrorCode;
  /** Safe to show to users. Names the provider, the failure and the remedy; never contains a key. */
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** Set if the request was not sent because this budget did not cover it. */
  readonly over?: BudgetOverrun;
}
