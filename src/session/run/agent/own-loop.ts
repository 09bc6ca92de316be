import type { AgentPause, AgentUpdate } from '../../../core/agent-updates.ts';
import type { SandboxClient } from '../../../sandbox/client.ts';

/** How to start an agent that brings a loop of its own. */
export interface OwnAgent {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The agent's own name of the way to log in, for agents that want one named. */
  readonly auth?: string | undefined;
}
export interface OwnTurn {
  readonly sessionId: string;
  readonly runId: string;
  readonly agent: OwnAgent;
  readonly cwd: string;
  /** The messages that the agent has not had; empty: it goes on with its work. */
  readonly texts: readonly string[];
  /** Precedes the first message of a conversation. */
  readonly instructions: string | undefined;
  readonly task: string;
  /** In ms; an agent that tells nothing for so long hangs. */
  readonly silenceMs: number;
  /** Called once the agent has the messages. */
  readonly given: () => Promise<void>;
}
/** Agents in sandboxes that bring a loop of their own. */
export interface OwnLoops {
  /** Resolves when the agent has answered, asks a person, or has failed. Rejects when the signal fires: the agent is ended. */
  turn(
    client: SandboxClient,
    wish: OwnTurn,
    hear: (update: AgentUpdate) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AgentPause>;
  /** Ends the agent's work on its present message, so that it takes the next one. */
  interrupt(client: SandboxClient): void;
  /** Answers the agent's request for permission. */
  decide(client: SandboxClient, callId: string, allowed: boolean): void;
  end(client: SandboxClient): Promise<void>;
  release(client: SandboxClient): void;
}
