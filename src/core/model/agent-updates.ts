import type { ErrorCode } from '../errors/errors.ts';
import type { PlanStep, ToolContent, ToolFamily } from './events.ts';

export interface ExternalAgent {
  readonly command: readonly string[];
  readonly auth?: string | undefined;
  readonly mode?: string | undefined;
  readonly resume?: 'session' | 'summary' | undefined;
}
export interface ExternalTurn {
  readonly sessionId: string;
  readonly runId: string;
  readonly agent: ExternalAgent;
  readonly cwd: string;
  /** Messages that the agent has not received. If empty, the agent continues its work. */
  readonly texts: readonly string[];
  readonly instructions: string | undefined;
  readonly task: string;
  /** In ms. An agent that sends nothing for this long is treated as hung. */
  readonly silenceMs: number;
  readonly onDelivered: () => Promise<void>;
  readonly history: () => string;
}

export type AgentUpdate =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thought'; readonly text: string }
  | { readonly kind: 'plan'; readonly steps: readonly PlanStep[] }
  | AgentToolCall
  | AgentToolResult
  | { readonly kind: 'forgot'; readonly detail: string }
  | { readonly kind: 'model'; readonly name: string }
  /** The tokens and cost used since the last update, if the agent counts them. */
  | { readonly kind: 'spent'; readonly tokens: number; readonly cost: number | undefined };

export interface AgentToolCall {
  readonly kind: 'call';
  readonly callId: string;
  readonly name: string;
  readonly family: ToolFamily;
  readonly args: Record<string, unknown>;
}
export interface AgentToolResult extends Omit<AgentToolCall, 'kind'> {
  readonly kind: 'result';
  readonly success: boolean;
  readonly output: string;
  readonly content: ToolContent | null;
  readonly exitCode?: number;
}
export interface AgentApprovalRequest extends Omit<AgentToolCall, 'kind' | 'family'> {
  readonly content: ToolContent | null;
}

export type AgentStreamEnd =
  /** `isCut`: the turn was interrupted. */
  | { readonly kind: 'replied'; readonly isCut?: true }
  | { readonly kind: 'asks'; readonly call: AgentApprovalRequest; readonly title: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
