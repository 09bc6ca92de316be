import type { SessionRecord } from '../../core/records.ts';
import type { Model, Sampling } from '../../llm/model.ts';
import type { ToolRegistry } from '../../tools/registry.ts';

/** How the agent of a session works; read before each turn, so that a change counts from the next turn on. */
export interface Profile {
  readonly model: Model;
  readonly tools: ToolRegistry;
  /** False: plain ReAct, without a plan. */
  readonly plans: boolean;
  /** Stands before what the loop itself says to the model. */
  readonly prompt?: string;
  readonly sampling?: Sampling;
}
export type ProfileOf = (session: SessionRecord) => Promise<Profile>;
