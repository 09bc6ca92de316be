import type { Budget } from '../../../machines/run-types.ts';
import type { Model, Sampling } from '../../agents/models/model.ts';
import type { MemoryAccess } from '../../agents/tools/memory/agent-memory.ts';
import type { ToolRegistry } from '../../agents/tools/registry.ts';
import type { ToolDescription } from '../../agents/tools/tool.ts';
import type { ExternalAgent } from '../../core/model/agent-updates.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { OwnBudget } from '../../core/model/spending.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import type { Approvals } from './run-context.ts';

/** The agent's settings for a session. Read before each turn, so that a change applies from the next turn on. */
export interface Profile {
  readonly model: Model;
  /** Fallback models, in order. */
  readonly fallbacks: readonly string[];
  readonly tools: ToolRegistry;
  readonly toolServers: readonly McpServer[];
  /** Which tools of tool servers the agent has; undefined: all. */
  readonly allows?: (tool: Pick<ToolDescription, 'name' | 'group'>) => boolean;
  /** False: no plan; the agent chooses each next action by itself. */
  readonly plans: boolean;
  /** Precedes the server's own instructions to the model. */
  readonly prompt?: string;
  /** Parts of the prompt instead of the server's, by name. */
  readonly promptParts?: Readonly<Record<string, string>>;
  /** The children that the agent can have at work at once; undefined: it cannot delegate. */
  readonly children?: number;
  /** Whether the agent reads or changes notes that outlive sessions; undefined: no access. */
  readonly memory?: MemoryAccess;
  /** The uploaded skills that the template names. */
  readonly skills?: readonly string[];
  readonly sampling?: Sampling;
  /** The agent that brings its own loop; undefined: the model works in ours. */
  readonly agent?: ExternalAgent;
  /** Limits instead of the server's. Those of a run apply from the time when the session is loaded. */
  readonly budget?: Partial<Budget>;
  readonly sessionBudget?: OwnBudget;
  readonly approvals?: Partial<Approvals>;
}
export type ProfileOf = (session: SessionRecord) => Promise<Profile>;
