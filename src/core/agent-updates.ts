import type { ErrorCode } from './errors.ts';
import type { PlanStep, ToolContent, ToolFamily } from './events.ts';

/** The updates of an agent with a loop of its own, while the agent works. */
export type AgentUpdate =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thought'; readonly text: string }
  | { readonly kind: 'plan'; readonly steps: readonly PlanStep[] }
  | AgentCall
  | AgentResult
  /** Further tokens and costs, as far as it counts them. */
  | { readonly kind: 'spent'; readonly tokens: number; readonly cost: number | undefined };

export interface AgentCall {
  readonly kind: 'call';
  readonly callId: string;
  readonly name: string;
  readonly family: ToolFamily;
  readonly args: Record<string, unknown>;
}
export interface AgentResult {
  readonly kind: 'result';
  readonly callId: string;
  readonly success: boolean;
  readonly output: string;
  readonly content: ToolContent | null;
}

/** Why such an agent does not work at the moment. */
export type AgentPause =
  /** `isCut`: it was interrupted. */
  | { readonly kind: 'said'; readonly isCut?: true }
  /** A call waits for a person to permit it. */
  | { readonly kind: 'asks'; readonly call: Omit<AgentCall, 'kind'>; readonly title: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
