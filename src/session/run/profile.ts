import type { SessionRecord } from '../../core/records.ts';
import type { Model, Sampling } from '../../llm/model.ts';
import type { ToolRegistry } from '../../tools/registry.ts';
import type { ToolDescription } from '../../tools/tool.ts';

/** The agent's settings for a session. Read before each turn, so that a change applies from the next turn on. */
export interface Profile {
  readonly model: Model;
  readonly tools: ToolRegistry;
  /** Which tools of tool servers the agent has; undefined: all. */
  readonly allows?: (tool: Pick<ToolDescription, 'name' | 'group'>) => boolean;
  /** False: no plan; the agent chooses each next action by itself. */
  readonly plans: boolean;
  /** Precedes the server's own instructions to the model. */
  readonly prompt?: string;
  readonly sampling?: Sampling;
}
export type ProfileOf = (session: SessionRecord) => Promise<Profile>;
