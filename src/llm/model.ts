import type { ErrorCode } from '../core/errors.ts';
import type { PlanStep } from '../core/events.ts';

export interface Model {
  /** `provider/model`, as in the configuration. */
  readonly name: string;
  /** Never throws or rejects. Always yields exactly one `end`, as the last part. */
  turn(request: TurnRequest, signal: AbortSignal): AsyncIterable<TurnPart>;
}

/** The loop's purpose for this turn. Models other than the demo model read it in `note`. */
export type TurnPhase =
  | { readonly kind: 'plan' }
  | { readonly kind: 'act'; readonly step: PlanStep; readonly stepIndex: number }
  /** New messages arrived, so the steps that have not begun can be replaced. `steps` is the whole plan so far. */
  | { readonly kind: 'replan'; readonly steps: readonly PlanStep[] }
  | { readonly kind: 'summarize' };

export interface TurnRequest {
  readonly phase: TurnPhase;
  readonly system: string;
  /** The real conversation. The loop's own instructions go into `note`, never into a user's message. */
  readonly messages: readonly Message[];
  /** The index in `messages` of the run's first user message; earlier conversation precedes it. */
  readonly runFrom?: number;
  /** The turn's purpose as an instruction, placed before the calls of the present step. */
  readonly note?: string;
  /** A reminder for this turn only, placed last. */
  readonly hint?: string;
  readonly tools: readonly ToolDeclaration[];
  /** The only tool that the model must call, when the loop needs an answer of that shape. */
  readonly mustCall?: string;
  /** Sampling options; for a missing one the provider's default applies. */
  readonly sampling?: Sampling;
}
export interface Sampling {
  readonly temperature?: number; // 0 to 2
  readonly topP?: number;
  readonly topK?: number;
  readonly maxOutputTokens?: number;
  /** Texts that end the turn when the model writes one. */
  readonly stop?: readonly string[];
}
export interface ToolDeclaration {
  readonly name: string;
  readonly description: string;
  readonly parameters: object; // JSON Schema
}
export type Message =
  | { readonly role: 'user'; readonly text: string }
  | {
      readonly role: 'tool';
      readonly callId: string;
      readonly name: string;
      readonly output: string;
      readonly success: boolean;
      readonly pictures?: readonly Picture[];
    }
  | AssistantMessage;

/**
 * The pictures of a tool's result. Only the newest in a conversation have their bytes. A provider without picture input
 * leaves out all of them.
 */
export interface Picture {
  readonly file: string;
  readonly mimeType: string;
  readonly data?: string; // base64
}

/** `raw` is the provider's unchanged data: signatures and reasoning must be sent back as they came. */
export interface AssistantMessage {
  readonly role: 'assistant';
  readonly model: string;
  readonly text: string;
  readonly calls: readonly ToolCall[];
  readonly raw: readonly unknown[];
}
export interface ToolCall {
  readonly callId: string;
  readonly name: string;
  readonly args: unknown; // not parsed: the tool parses it
}

export type TurnPart =
  | { type: 'text'; delta: string }
  | { type: 'call'; call: ToolCall }
  | { type: 'raw'; part: unknown }
  | { type: 'end'; outcome: TurnOutcome };
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens?: number;
  readonly cost?: number;
}
export type TurnOutcome =
  | { kind: 'finished'; stop: 'done' | 'calls' | 'length' | 'refused'; usage: Usage }
  /** `message` is public: it names the provider and the failure, never a key. */
  | { kind: 'failed'; code: ErrorCode; message: string; retryable: boolean; retryAfterMs?: number }
  | { kind: 'cancelled' };
