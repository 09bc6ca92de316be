import type { SessionTools } from '../../agents/mcp/tool-servers.ts';
import type { Model, Sampling } from '../../agents/models/model.ts';
import type { ChildRuns } from '../../agents/tools/delegation/child-runs.ts';
import type { AgentMemory } from '../../agents/tools/memory/agent-memory.ts';
import type { ToolRegistry } from '../../agents/tools/registry.ts';
import type {
  ControlWaiter,
  KeptPicture,
  PullRequestOpener,
  SkillReader,
  ToolContext,
} from '../../agents/tools/tool.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { ExternalAgent } from '../../core/model/agent-updates.ts';
import type { ApprovalRule } from '../../core/model/approval-rule.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import type { StrangerSource } from '../../core/text/strangers.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { ExternalAgents } from './agent/external-agents.ts';
import type { AttachedFiles } from './context/attachments.ts';
import type { RunWriter } from './log/run-writer.ts';
import type { TurnPrompt } from './prompt/compose.ts';
import type { TurnBudget } from './turn-budget.ts';
import type { SandboxUser } from './used-sandbox.ts';

export interface SeenDesktop {
  browserOf(client: SandboxClient): NonNullable<ToolContext['browser']>;
  keepPicture(
    picture: Parameters<NonNullable<ToolContext['keepPicture']>>[0],
    signal: AbortSignal,
  ): Promise<KeptPicture | undefined>;
  loadPicture(file: string): Promise<string | undefined>;
}

/**
 * The desktops that agents use. Their screenshots are stored, and their browser connections close with the sandbox
 * connection.
 */
export interface AgentDesktop {
  of(id: SessionId): SeenDesktop & {
    /** Whether the sandbox has a desktop; true for a sandbox that is still to start. */
    existsIn(client: SandboxClient): Promise<boolean>;
  };
  release(client: SandboxClient): void;
}

/** Tools that other servers offer to the agents of sessions. */
export interface ExternalTools {
  /** The tools that the model sees, and all that it can call. Servers that fail are left out. */
  of(client: SandboxClient, servers: readonly McpServer[], signal: AbortSignal): Promise<SessionTools>;
  release(client: SandboxClient): void;
}

/** The kernels in which agents run code. */
export interface AgentKernels {
  /** Ends the kernels that the run used, with everything that its code started. */
  endOf(client: SandboxClient, run: string): Promise<void>;
  release(client: SandboxClient): void;
}

/** The tools whose calls wait for a person's permission; `*` means all. */
export interface Approvals {
  readonly tools: readonly string[];
  /** The first match decides; calls without a match follow `tools`. */
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
  /** Whether a person permitted all calls of this tool in the session. */
  readonly isPermitted?: (tool: string) => boolean;
  /** The ways by which words of strangers came into the session so far. */
  readonly strangers?: () => readonly StrangerSource[];
  readonly sandbox: SandboxUser;
  /** Absent where the session has no repository that it may write. */
  readonly pullRequests?: PullRequestOpener;
  /** Absent where the agent cannot delegate. */
  readonly children?: ChildRuns;
  /** Absent where the session has no skills. */
  readonly skills?: SkillReader;
  /** Absent where the agent has no memory. */
  readonly memory?: AgentMemory;
  /** Stores what a call wrote into the folders of memory stores; resolves with what was not stored. */
  readonly keepMemories?: (client: SandboxClient, signal: AbortSignal) => Promise<string | undefined>;
  /** The notes of folders that a call touches for the first time; absent while a repository is still to be fetched. */
  readonly nestedNotes?: (client: SandboxClient, args: unknown, signal: AbortSignal) => Promise<string | undefined>;
  /** The desktop of tools that use the screen; undefined when sandboxes have none. */
  readonly desktop?: SeenDesktop;
  /** Stores a picture of a result, also where there is no desktop. */
  readonly keepPicture?: SeenDesktop['keepPicture'];
  readonly gate?: ControlWaiter;
  /** The files that users attach to messages. */
  readonly files?: AttachedFiles | undefined;
  /** The agent that brings its own loop; undefined: the model works in ours. */
  readonly own?: {
    readonly agent: ExternalAgent;
    readonly loops: ExternalAgents;
    readonly instructions: string | undefined;
  };
  /** Whether the session has a title, other than this one that a run gave it. */
  hasTitle(provisional?: string): boolean;
}
