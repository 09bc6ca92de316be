import type { ErrorCode } from '../core/errors.ts';
import type { PlanStep } from '../core/events.ts';

export interface Model {
  /** `provider/model`, as configured. */
  readonly name: string;
  /** Never throws and never rejects. Always yields exactly one `end`, and yields it last. */
  turn(request: TurnRequest, signal: AbortSignal): AsyncIterable<TurnPart>;
}

/** The loop's purpose for this turn. Models that think for themselves read it in `note`. */
export type TurnPhase =
  | { readonly kind: 'plan' }
  | { readonly kind: 'act'; readonly step: PlanStep; readonly stepIndex: number }
  /** New messages came in; the steps not begun yet may be replaced. `steps` is the whole plan so far. */
  | { readonly kind: 'replan'; readonly steps: readonly PlanStep[] }
  | { readonly kind: 'summarize' };

export interface TurnRequest {
  readonly phase: TurnPhase;
  readonly system: string;
  /** The real conversation. The loop's own words go into `note`, never into a user's message. */
  readonly messages: readonly Message[];
  /** Where in `messages` the run begins: its first user message. Before it stands earlier conversation. */
  readonly runFrom?: number;
  /** The turn's purpose in the loop's words; placed before the calls of the present step. */
  readonly note?: string;
  /** A nudge for this turn alone; stands last. */
  readonly hint?: string;
  readonly tools: readonly ToolDeclaration[];
  /** The one tool that must be called, where the loop needs an answer of that shape. */
  readonly mustCall?: string;
  /** How the model is to choose its words; what is missing is the provider's own choice. */
  readonly sampling?: Sampling;
}
export interface Sampling {
  readonly temperature?: number; // 0 to 2
  readonly topP?: number;
  readonly topK?: number;
  readonly maxOutputTokens?: number;
  /** Texts that end the turn where the model writes one. */
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
 * The pictures of a tool's result. Only the newest of a conversation carry their bytes; a provider without pictures
 * leaves all out.
 */
export interface Picture {
  readonly file: string;
  readonly mimeType: string;
  readonly data?: string; // base64
}

/** `raw` is what the provider sent, untouched: signatures and reasoning must go back as they came. */
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
  readonly args: unknown; // unparsed: the tool parses it
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
  /** `message` is public: it names the provider and what happened, never a key. */
  | { kind: 'failed'; code: ErrorCode; message: string; retryable: boolean; retryAfterMs?: number }
  | { kind: 'cancelled' };
