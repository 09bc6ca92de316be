import type { RunBudget } from '../../../machines/run-types.ts';
import type { Model, SamplingOptions } from '../../agents/models/model.ts';
import type { MemoryAccess } from '../../agents/tools/memory/agent-memory.ts';
import type { ToolRegistry } from '../../agents/tools/registry.ts';
import type { ToolDescription, UnsupportedTool } from '../../agents/tools/tool.ts';
import type { ExternalAgent } from '../../core/model/agent-updates.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { BudgetSpec } from '../../core/model/spending.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import type { ApprovalPolicy } from './run-context.ts';

/** Read before each turn, so changes apply from the next turn. */
export interface AgentProfile {
  readonly model: Model;
  readonly fallbacks: readonly string[];
  readonly tools: ToolRegistry;
  readonly leftOut?: readonly UnsupportedTool[];
  readonly toolServers: readonly McpServer[];
  /** Undefined if all tools of tool servers are allowed. */
  readonly allows?: (tool: Pick<ToolDescription, 'name' | 'group'>) => boolean;
  readonly plans: boolean;
  /** Precedes the server's own instructions to the model. */
  readonly prompt?: string;
  readonly promptParts?: Readonly<Record<string, string>>;
  /** Maximum number of children working at once. Undefined if the agent cannot delegate. */
  readonly children?: number;
  readonly memory?: MemoryAccess;
  readonly skills?: readonly string[];
  readonly sampling?: SamplingOptions;
  /** Undefined if the session uses Corral's own loop. */
  readonly agent?: ExternalAgent;
  /** Overrides the server's limits. Run limits are read when the session is loaded. */
  readonly budget?: Partial<RunBudget>;
  readonly sessionBudget?: BudgetSpec;
  readonly approvals?: Partial<ApprovalPolicy>;
}
export type AgentProfileResolver = (session: SessionRecord) => Promise<AgentProfile>;
