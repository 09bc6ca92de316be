import type {
  AgentApprovalRequest,
  AgentStreamEnd,
  AgentUpdate,
  ExternalTurn,
} from '../../../core/model/agent-updates.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';

export interface ExternalAgentRunner {
  /** Settles when the agent answers, waits for a decision, or fails. On abort, ends the agent and rejects. */
  turn(
    client: SandboxClient,
    externalTurn: ExternalTurn,
    hear: (update: AgentUpdate) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AgentStreamEnd>;
  interrupt(client: SandboxClient): void;
  /** An agent that has exited receives the decision when it repeats the request. */
  decide(client: SandboxClient, call: AgentApprovalRequest, allowed: boolean): void;
  end(client: SandboxClient): Promise<void>;
  release(client: SandboxClient): void;
}
