import { z } from 'zod';
import { ApprovalRule } from './approval-rule.ts';

/** A tool that the session's client implements: a call waits for the client's result. */
export const ClientTool = z.object({
  name: z.string(),
  description: z.string(),
  /** The JSON Schema of its arguments. */
  parameters: z.record(z.string(), z.unknown()),
});
export type ClientTool = z.infer<typeof ClientTool>;

/** A memory store of a session: a folder in its sandbox that is kept in sync with the store. */
export const MountedMemoryStore = z.object({
  store: z.string(),
  /** The folder's name below `/mnt/memory`. */
  folder: z.string(),
  access: z.enum(['read_write', 'read_only']),
  // Name, description and instructions keep their values from the session's creation.
  name: z.string(),
  description: z.string(),
  instructions: z.string().nullable(),
});
export type MountedMemoryStore = z.infer<typeof MountedMemoryStore>;

const PlainAgent = z.object({
  name: z.string(),
  instructions: z.string().nullable(),
  /** The only built-in tools that the agent can use, by full name. */
  tools: z.array(z.string()).readonly(),
  clientTools: z.array(ClientTool).readonly(),
  /** Remote tool servers. `name` has the same form as in `ToolProgram`; `tools` are globs. */
  servers: z.array(z.object({ name: z.string(), url: z.string(), tools: z.array(z.string()).readonly() })).readonly(),
  /** Vaults to search, in this order, for tokens of these servers and for variables of the sandbox. */
  vaults: z.array(z.string()).readonly().optional(),
  /** Evaluated after the server's rules. */
  approvals: z.array(ApprovalRule).readonly(),
  /** Packages by package manager, installed in the sandbox before its first use. */
  packages: z.record(z.string(), z.array(z.string()).readonly()).optional(),
  /** Uploads to copy into the sandbox, each to a path below `/mnt/session/uploads`. */
  files: z
    .array(z.object({ upload: z.string(), path: z.string() }))
    .readonly()
    .optional(),
  /** The facade has checked access to the stores. */
  memoryStores: z.array(MountedMemoryStore).readonly().optional(),
  /** Skill ids and versions. The facade has checked access to the skills. */
  skills: z
    .array(z.object({ skill: z.string(), version: z.string() }))
    .readonly()
    .optional(),
  /**
   * A self-hosted environment: its workers run the tools that need a sandbox, in sandboxes of their own. Calls wait for their
   * results.
   */
  environment: z.string().optional(),
  /** Data stored by the facade that created the session, in that facade's format. */
  kept: z.record(z.string(), z.unknown()),
});

export const SubAgent = z.object({
  name: z.string(),
  /** The purpose of the sub-agent, shown to the session's agent. */
  description: z.string(),
  /** `provider/model`; absent: the session's model. */
  model: z.string().optional(),
  agent: PlainAgent,
});
export type SubAgent = z.infer<typeof SubAgent>;

/**
 * The agent of one session, used instead of the agent from the template, the project and the settings. The server's limits
 * and denials still apply.
 */
export const SessionAgent = PlainAgent.extend({
  /** The only agents that this agent can start as children; absent: it cannot delegate. */
  subAgents: z.array(SubAgent).readonly().optional(),
});
export type SessionAgent = z.infer<typeof SessionAgent>;
