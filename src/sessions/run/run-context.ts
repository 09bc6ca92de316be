import type { SessionTools } from '../../agents/mcp/tool-servers.ts';
import type { Model, Sampling } from '../../agents/models/model.ts';
import type { ChildRuns } from '../../agents/tools/delegation/child-runs.ts';
import type { AgentMemory } from '../../agents/tools/memory/agent-memory.ts';
import type { ToolRegistry } from '../../agents/tools/registry.ts';
import type {
  ControlWaiter,
  PullRequestOpener,
  SkillReader,
  StoredPicture,
  ToolContext,
} from '../../agents/tools/tool.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { ExternalAgent } from '../../core/model/agent-updates.ts';
import type { ApprovalRule } from '../../core/model/approval-rule.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import type { UntrustedSource } from '../../core/text/strangers.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { ExternalAgents } from './agent/external-agents.ts';
import type { UploadReader } from './context/attachments.ts';
import type { RunWriter } from './log/run-writer.ts';
import type { TurnPrompt } from './prompt/compose.ts';
import type { SandboxUser } from './sandbox-lease.ts';
import type { TurnBudget } from './turn-budget.ts';

export interface SessionDesktop {
  browserOf(client: SandboxClient): NonNullable<ToolContext['browser']>;
  keepPicture(
    picture: Parameters<NonNullable<ToolContext['keepPicture']>>[0],
    signal: AbortSignal,
  ): Promise<StoredPicture | undefined>;
  loadPicture(file: string): Promise<string | undefined>;
}

/** Desktops for agents. Screenshots are stored, and browser connections are closed with the sandbox connection. */
export interface AgentDesktop {
  of(id: SessionId): SessionDesktop & {
    /** Whether the sandbox has a desktop; true if it has not started yet. */
    existsIn(client: SandboxClient): Promise<boolean>;
  };
  release(client: SandboxClient): void;
}

/** Tools of external servers, for agents. */
export interface ExternalTools {
  /** The tools shown to the model, and all tools that it can call. Failed servers are left out. */
  of(client: SandboxClient, servers: readonly McpServer[], signal: AbortSignal): Promise<SessionTools>;
  release(client: SandboxClient): void;
}

/** Kernels in which agents run code. */
export interface AgentKernels {
  /** Ends the kernels that the run used, and everything that its code started. */
  endRun(client: SandboxClient, run: string): Promise<void>;
  release(client: SandboxClient): void;
}

/** The tools whose calls need a person's approval; `*`: all. */
export interface Approvals {
  readonly tools: readonly string[];
  /** The first matching rule decides; calls without a match follow `tools`. */
  readonly rules: readonly ApprovalRule[];
  readonly timeoutMs: number;
}

/** The dependencies of one run's actors. */
export interface RunContext {
  readonly sessionId: SessionId;
  readonly runWriter: RunWriter;
  readonly model: Model;
  readonly tools: ToolRegistry;
  /** The instructions for a turn. The first call of a run with a sandbox reads the workspace's notes. */
  prompt(signal: AbortSignal): Promise<TurnPrompt>;
  readonly sampling?: Sampling;
  /** The budgets that limit and pay for the turn. */
  readonly budget: TurnBudget;
  readonly clock: Clock;
  readonly task: string;
  readonly workdir: string;
  readonly toolTimeoutMs: number;
  readonly approvals: Approvals | undefined;
  /** Whether a person approved all calls of this tool in the session. */
  readonly isPermitted?: (tool: string) => boolean;
  /** The sources of third-party text in the session so far. */
  readonly strangers?: () => readonly UntrustedSource[];
  readonly sandbox: SandboxUser;
  /** Absent if the session has no repository that it may write to. */
  readonly pullRequests?: PullRequestOpener;
  /** Absent if the agent cannot delegate. */
  readonly children?: ChildRuns;
  /** Absent if the session has no skills. */
  readonly skills?: SkillReader;
  /** Absent if the agent has no memory. */
  readonly memory?: AgentMemory;
  /** Stores files that a call wrote to memory store folders. Resolves with the changes that were not stored. */
  readonly keepMemories?: (client: SandboxClient, signal: AbortSignal) => Promise<string | undefined>;
  /** Notes of folders that a call touches for the first time; absent until all repositories are fetched. */
  readonly nestedNotes?: (client: SandboxClient, args: unknown, signal: AbortSignal) => Promise<string | undefined>;
  /** The desktop for tools that use the screen; undefined if sandboxes have none. */
  readonly desktop?: SessionDesktop;
  /** Stores a picture in a result, even without a desktop. */
  readonly keepPicture?: SessionDesktop['keepPicture'];
  readonly gate?: ControlWaiter;
  /** Files attached to messages by users. */
  readonly files?: UploadReader | undefined;
  /** The agent with its own loop; undefined: Corral's loop. */
  readonly own?: {
    readonly agent: ExternalAgent;
    readonly loops: ExternalAgents;
    readonly instructions: string | undefined;
  };
  /** Whether the session has a title. The provisional title, if a run set it, is ignored. */
  hasTitle(provisional?: string): boolean;
}
