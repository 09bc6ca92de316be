import type { Budget } from '../../../machines/run-types.ts';
import type { Model, Sampling } from '../../agents/models/model.ts';
import type { MemoryAccess } from '../../agents/tools/memory/agent-memory.ts';
import type { ToolRegistry } from '../../agents/tools/registry.ts';
import type { ToolDescription, UnsupportedTool } from '../../agents/tools/tool.ts';
import type { ExternalAgent } from '../../core/model/agent-updates.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { OwnBudget } from '../../core/model/spending.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import type { Approvals } from './run-context.ts';

/** The agent's settings for a session. Read before each turn, so changes apply from the next turn. */
export interface AgentProfile {
  readonly model: Model;
  /** Fallback models, in order. */
  readonly fallbacks: readonly string[];
  readonly tools: ToolRegistry;
  /** Tools of the agent that cannot be offered to any model. */
  readonly leftOut?: readonly UnsupportedTool[];
  readonly toolServers: readonly McpServer[];
  /** The tools of tool servers that the agent has; undefined: all. */
  readonly allows?: (tool: Pick<ToolDescription, 'name' | 'group'>) => boolean;
  /** False: no plan; the agent decides on each action itself. */
  readonly plans: boolean;
  /** Precedes the server's own instructions to the model. */
  readonly prompt?: string;
  /** Prompt parts that replace the server's, by name. */
  readonly promptParts?: Readonly<Record<string, string>>;
  /** The maximum number of children working at the same time; undefined: the agent cannot delegate. */
  readonly children?: number;
  /** The agent's access to notes that outlive sessions; undefined: none. */
  readonly memory?: MemoryAccess;
  /** The uploaded skills that the template names. */
  readonly skills?: readonly string[];
  readonly sampling?: Sampling;
  /** The agent with its own loop; undefined: Corral's loop. */
  readonly agent?: ExternalAgent;
  /** Limits that override the server's. Run limits are read when the session is loaded. */
  readonly budget?: Partial<Budget>;
  readonly sessionBudget?: OwnBudget;
  readonly approvals?: Partial<Approvals>;
}
export type AgentProfileResolver = (session: SessionRecord) => Promise<AgentProfile>;
