import type { ToolServerTools } from '../../agents/mcp/tool-servers.ts';
import type { Model, SamplingOptions } from '../../agents/models/model.ts';
import type { ChildSessions } from '../../agents/tools/delegation/child-runs.ts';
import type { AgentMemory } from '../../agents/tools/memory/agent-memory.ts';
import type { ToolRegistry } from '../../agents/tools/registry.ts';
import type {
  AutomaticInputGate,
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
import type { ExternalAgentRunner } from './agent/external-agents.ts';
import type { UploadReader } from './context/attachments.ts';
import type { RunWriter } from './log/run-writer.ts';
import type { TurnPrompt } from './prompt/parts.ts';
import type { TurnBudget } from './turn-budget.ts';

/** Until the lease is disposed, the sandbox is not paused or stopped for being idle. */
export interface SandboxLease extends AsyncDisposable {
  readonly client: SandboxClient;
  /** Call when the connection is lost, so that the next use rechecks the sandbox. */
  markLost?(): void;
}
interface SandboxProvider {
  /** Starts the sandbox if needed. Rejects with the reason if it cannot start. */
  use(signal: AbortSignal): Promise<SandboxLease>;
}

export interface SessionDesktop {
  browserOf(client: SandboxClient): NonNullable<ToolContext['browser']>;
  keepPicture(
    picture: Parameters<NonNullable<ToolContext['keepPicture']>>[0],
    signal: AbortSignal,
  ): Promise<StoredPicture | undefined>;
  loadPicture(file: string): Promise<string | undefined>;
}

export interface DesktopProvider {
  of(id: SessionId): SessionDesktop & {
    /** Also resolves with true if the sandbox does not respond. */
    existsIn(client: SandboxClient): Promise<boolean>;
  };
  release(client: SandboxClient): void;
}

export interface ExternalToolProvider {
  /** Omits failed tool servers. */
  of(client: SandboxClient, servers: readonly McpServer[], signal: AbortSignal): Promise<ToolServerTools>;
  release(client: SandboxClient): void;
}

export interface KernelManager {
  /** Closes the kernels last used by this run, and ends everything that their code started. */
  endRun(client: SandboxClient, run: string): Promise<void>;
  release(client: SandboxClient): void;
}

/** `*` in `tools` means all tools. */
export interface ApprovalPolicy {
  readonly tools: readonly string[];
  /** The first matching rule decides; calls without a match follow `tools`. */
  readonly rules: readonly ApprovalRule[];
  readonly timeoutMs: number;
}

export interface RunContext {
  readonly sessionId: SessionId;
  readonly runWriter: RunWriter;
  readonly model: Model;
  readonly tools: ToolRegistry;
  /** In a run with a sandbox, the first call reads the workspace's notes. */
  prompt(signal: AbortSignal): Promise<TurnPrompt>;
  readonly sampling?: SamplingOptions;
  readonly budget: TurnBudget;
  readonly clock: Clock;
  readonly task: string;
  readonly workdir: string;
  readonly toolTimeoutMs: number;
  readonly approvals: ApprovalPolicy | undefined;
  readonly isPermitted?: (tool: string) => boolean;
  readonly strangers?: () => readonly UntrustedSource[];
  readonly sandbox: SandboxProvider;
  /** Waits for the repositories of the session. Rejects with the reason if they cannot be used. Absent if they are ready. */
  readonly prepare?: (signal: AbortSignal) => Promise<void>;
  /** Absent if the session cannot write to any repository. */
  readonly pullRequests?: PullRequestOpener;
  readonly children?: ChildSessions;
  readonly skills?: SkillReader;
  readonly memory?: AgentMemory;
  /** Resolves with a description of the changes that were not stored, if any. */
  readonly keepMemories?: (client: SandboxClient, signal: AbortSignal) => Promise<string | undefined>;
  /** AGENTS.md instructions of newly touched folders. Absent while repositories are being fetched. */
  readonly nestedNotes?: (client: SandboxClient, args: unknown, signal: AbortSignal) => Promise<string | undefined>;
  readonly desktop?: SessionDesktop;
  readonly keepPicture?: SessionDesktop['keepPicture'];
  readonly gate?: AutomaticInputGate;
  readonly files?: UploadReader | undefined;
  readonly own?: {
    readonly agent: ExternalAgent;
    readonly loops: ExternalAgentRunner;
    readonly instructions: string | undefined;
  };
  /** A title that the run set counts only if it differs from `provisional`. */
  hasTitle(provisional?: string): boolean;
}
