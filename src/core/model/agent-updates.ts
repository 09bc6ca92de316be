import type { ErrorCode } from '../errors/errors.ts';
import type { PlanStep, ToolContent, ToolFamily } from './events.ts';

/** How to start an agent that brings its own loop. */
export interface ExternalAgent {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The agent's own name of the way to log in, for agents that want one named. */
  readonly auth?: string | undefined;
  /** The agent's own name of the mode in which it works, such as one that asks for permission. */
  readonly mode?: string | undefined;
  /** How its next process continues: with the session that it has kept, or in a new one with a summary. */
  readonly resume?: 'session' | 'summary' | undefined;
}
/** A part of a conversation that such an agent works on by itself. */
export interface ExternalTurn {
  readonly sessionId: string;
  readonly runId: string;
  readonly agent: ExternalAgent;
  readonly cwd: string;
  /** The messages that the agent has not had; empty: it continues with its work. */
  readonly texts: readonly string[];
  /** Precedes the first message of a conversation. */
  readonly instructions: string | undefined;
  readonly task: string;
  /** In ms. An agent that sends nothing for this long counts as hanging. */
  readonly silenceMs: number;
  /** Called once the agent has the messages. */
  readonly onDelivered: () => Promise<void>;
  /** The conversation so far, for an agent that has lost it. */
  readonly history: () => string;
}

/** The updates of an agent with its own loop, while the agent works. */
export type AgentUpdate =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thought'; readonly text: string }
  | { readonly kind: 'plan'; readonly steps: readonly PlanStep[] }
  | AgentCall
  | AgentResult
  /** The agent has lost the conversation, and continues with a summary of it. */
  | { readonly kind: 'forgot'; readonly detail: string }
  /** The model that works for it. */
  | { readonly kind: 'model'; readonly name: string }
  /** Further tokens and costs, as far as it counts them. */
  | { readonly kind: 'spent'; readonly tokens: number; readonly cost: number | undefined };

export interface AgentCall {
  readonly kind: 'call';
  readonly callId: string;
  readonly name: string;
  readonly family: ToolFamily;
  readonly args: Record<string, unknown>;
}
/** The end of a call, reported once more as the agent last described it. */
export interface AgentResult extends Omit<AgentCall, 'kind'> {
  readonly kind: 'result';
  readonly success: boolean;
  readonly output: string;
  readonly content: ToolContent | null;
  readonly exitCode?: number;
}
/** A call that waits for a person. */
export interface CallForApproval extends Omit<AgentCall, 'kind' | 'family'> {
  /** The text that it would write, with the earlier one. */
  readonly content: ToolContent | null;
}

/** Why such an agent does not work at the moment. */
export type AgentPause =
  /** `isCut`: it was interrupted. */
  | { readonly kind: 'replied'; readonly isCut?: true }
  | { readonly kind: 'asks'; readonly call: CallForApproval; readonly title: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
