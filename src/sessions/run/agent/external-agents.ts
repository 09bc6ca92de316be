import type { AgentPause, AgentUpdate, CallForApproval, ExternalTurn } from '../../../core/model/agent-updates.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';

/** Agents with their own loop, running in sandboxes. */
export interface ExternalAgents {
  /**
   * Resolves when the agent has answered, needs a person's answer, or has failed. If the signal fires, ends the agent
   * and rejects.
   */
  turn(
    client: SandboxClient,
    externalTurn: ExternalTurn,
    hear: (update: AgentUpdate) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AgentPause>;
  /** Interrupts the agent's work on the current message, so that it takes the next one. */
  interrupt(client: SandboxClient): void;
  /** Answers the agent's approval request. An agent that has exited gets the answer when it repeats the request. */
  decide(client: SandboxClient, call: CallForApproval, allowed: boolean): void;
  end(client: SandboxClient): Promise<void>;
  release(client: SandboxClient): void;
}
