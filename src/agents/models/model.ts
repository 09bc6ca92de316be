import type { ErrorCode } from '../../core/errors/errors.ts';
import type { PlanStep } from '../../core/model/events.ts';
import type { BudgetOverrun } from '../../core/model/spending.ts';

export interface Model {
  readonly name: string;
  /** Read before each turn: a fallback chain returns the abilities of the model that it will try next. */
  readonly abilities: ModelCapabilities;
  /** The model's price is unknown if this is absent or returns undefined. */
  readonly costOf?: (usage: TurnUsage) => number | undefined;
  /** Never throws or rejects. Always yields exactly one `end`, as the last part. */
  turn(request: TurnRequest, signal: AbortSignal): AsyncIterable<TurnPart>;
}

/** Adapters compensate for missing abilities where possible, so callers need not check. */
export interface ModelCapabilities {
  /** Maximum tokens of a request and its reply together. */
  readonly window: number;
  /** Maximum tokens of one reply, including its reasoning. */
  readonly maxOutput: number;
  /** False: the adapter describes each picture in words instead. */
  readonly images: boolean;
  readonly parallel: boolean;
  /** Whether `mustCall` is guaranteed. False: the adapter requests the call in words, and the model may not comply. */
  readonly forcedTool: boolean;
  /** True: it is unknown whether the model can call tools, as with many self-hosted models. */
  readonly unproven?: boolean;
  /** `automatic`: the provider detects repeated prefixes itself. `marked`: the adapter marks what to cache. */
  readonly caching: 'automatic' | 'marked' | 'none';
}
/** Assumed for an unknown model: a common window size, and no feature that a server might refuse. */
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
  /** New messages arrived, so steps that have not started can be replaced. `steps` is the current plan. */
  | { readonly kind: 'replan'; readonly steps: readonly PlanStep[] }
  | { readonly kind: 'summarize' }
  /** Judges another agent's work by a rubric, in a separate context. */
  | { readonly kind: 'grade' };

export interface TurnRequest {
  readonly phase: TurnPhase;
  readonly system: string;
  /** The real conversation. The loop's own instructions go into `note`, never into a user message. */
  readonly messages: readonly Message[];
  /** The index in `messages` of the run's first user message; the earlier conversation comes before it. */
  readonly runFrom?: number;
  /** The turn's purpose as an instruction, placed at `noteAt`, or by default before the calls of the current step. */
  readonly note?: string;
  /** The index in `messages` of the message that follows the note. */
  readonly noteAt?: number;
  /** Notes from earlier turns. They keep their positions, so that this request starts with the same bytes as the previous one. */
  readonly earlier?: readonly PositionedNote[];
  /** A reminder for this turn only, placed last. */
  readonly hint?: string;
  readonly tools: readonly ToolDeclaration[];
  /** The tool that the model must call, so that its answer has the form of that tool's arguments. See `forcedTool`. */
  readonly mustCall?: string;
  /** An absent option uses the provider's default. The provider packages omit options that a model is known to refuse. */
  readonly sampling?: SamplingOptions;
  /** The conversation's key in the provider's prompt cache, such as the session id. At most 64 characters. */
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
  /** The provider's own declaration, for models that know it. All other models get the function. */
  readonly native?: NativeTool;
}
export type NativeTool =
  /** Controls a screen, keyboard and mouse, with the arguments that Claude models know. The size is in screenshot pixels. */
  | { readonly kind: 'computer'; readonly width: number; readonly height: number }
  /** The tool is an action on a browser's screen, with the name and arguments that Gemini models know natively. */
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
      /** A person approved the call, as its `confirm` requires. */
      readonly confirmed?: true;
    }
  | AssistantMessage;

/** Heading of the list of attached files (names and paths) at the end of a user message. */
export const attachedFilesHeading = '\n\n[Attached files]\n';

/** A picture without bytes is described in words. */
export interface Picture {
  readonly file: string;
  readonly mimeType: string;
  readonly data?: string; // base64
  readonly leftOut?: string;
}

/**
 * A reply. Every provider understands `text` and `calls`. `raw` is the same reply in its provider's own form, with reasoning
 * and signatures. `raw` is sent back unchanged to the model that wrote it; any other model gets `text` and `calls`. The calls
 * in `raw` are in the order of `calls`; if `raw` has more calls, the extra ones are not sent back.
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
  /** Why the provider requires a person's approval for this call. */
  readonly confirm?: string;
}

/** All calls come after the text. Only `left_out` parts can come between the calls and the end. */
export type TurnPart =
  | { type: 'text'; delta: string }
  /** Readable reasoning, for people. It is never sent back to the model, unlike `raw` parts. */
  | { type: 'reasoning'; delta: string }
  | { type: 'call'; call: ToolCall }
  | { type: 'raw'; part: unknown }
  /** The provider refused this part of the request, which was then sent without it. */
  | { type: 'left_out'; what: OmittedContent }
  /** `model`: the model that answered, if it was a fallback. */
  | { type: 'end'; outcome: TurnOutcome; model?: string };

export interface OmittedContent {
  /** `tools`: all tools. `reasoning`: the reasoning of earlier replies. */
  readonly kind: 'tool' | 'tools' | 'picture' | 'reasoning';
  readonly name: string;
  readonly detail: string;
}

export interface TurnUsage {
  /** Tokens of the whole request, including those read from or written to the provider's cache. */
  readonly inputTokens: number;
  /** Tokens of the whole reply, including its reasoning. */
  readonly outputTokens: number;
  readonly cachedTokens?: number;
  /** The part of the input written to the provider's cache, if the provider reports it. */
  readonly cacheWrittenTokens?: number;
  readonly reasoningTokens?: number;
  /** In the currency of the price list. Absent: the price of the model is unknown. */
  readonly cost?: number;
}

export type TurnOutcome = FinishedTurn | FailedTurn | { readonly kind: 'cancelled' };

export interface FinishedTurn {
  readonly kind: 'finished';
  /**
   * `done`: the model has finished. `calls`: it waits for the results of its calls. `length`: the reply was cut at a limit.
   * `refused`: the model or the provider's filter declined.
   */
  readonly stop: 'done' | 'calls' | 'length' | 'refused';
  readonly usage: TurnUsage;
  /** With `length`: tools that the reply called. None of those calls is in the turn, because one of them is incomplete. */
  readonly cutCalls?: readonly string[];
  /** With `refused`: the provider's reason as text or code, such as `SAFETY`. */
  readonly reason?: string;
}
export interface FailedTurn {
  readonly kind: 'failed';
  readonly code: ErrorCode;
  /** Public: names the provider, the failure and what to change, never a key. */
  readonly message: string;
  readonly retryable: boolean;
  /** The delay that the provider sent. */
  readonly retryAfterMs?: number;
  /** Set if the request was not sent because this budget does not cover it. */
  readonly over?: BudgetOverrun;
}
