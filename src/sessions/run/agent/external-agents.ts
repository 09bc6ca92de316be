import type { AgentPause, AgentUpdate, CallForApproval, ExternalTurn } from '../../../core/model/agent-updates.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';

/** Agents in sandboxes that bring their own loop. */
export interface ExternalAgents {
  /** Resolves when the agent has answered, asks a person, or has failed. Rejects when the signal fires: the agent is ended. */
  turn(
    client: SandboxClient,
    externalTurn: ExternalTurn,
    hear: (update: AgentUpdate) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AgentPause>;
  /** Ends the agent's work on its present message, so that it takes the next one. */
  interrupt(client: SandboxClient): void;
  /** Answers the agent's request for permission. An agent that has gone gets the answer when it asks again. */
  decide(client: SandboxClient, call: CallForApproval, allowed: boolean): void;
  end(client: SandboxClient): Promise<void>;
  release(client: SandboxClient): void;
}
