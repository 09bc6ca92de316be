import { z } from 'zod';
import { ApprovalRule } from './approval-rule.ts';

export const ClientTool = z.object({
  name: z.string(),
  description: z.string(),
  /** JSON Schema. */
  parameters: z.record(z.string(), z.unknown()),
});
export type ClientTool = z.infer<typeof ClientTool>;

export const MountedMemoryStore = z.object({
  store: z.string(),
  /** Below `/mnt/memory`. */
  folder: z.string(),
  access: z.enum(['read_write', 'read_only']),
  // The name, description and instructions are copied when the session is created.
  name: z.string(),
  description: z.string(),
  instructions: z.string().nullable(),
});
export type MountedMemoryStore = z.infer<typeof MountedMemoryStore>;

const PlainAgent = z.object({
  name: z.string(),
  instructions: z.string().nullable(),
  /** Full names of the only built-in tools that the agent can use. */
  tools: z.array(z.string()).readonly(),
  clientTools: z.array(ClientTool).readonly(),
  /** `name` has the same form as in `ToolProgram`; `tools` are globs. */
  servers: z.array(z.object({ name: z.string(), url: z.string(), tools: z.array(z.string()).readonly() })).readonly(),
  /** Searched in this order for server tokens and sandbox variables. */
  vaults: z.array(z.string()).readonly().optional(),
  /** Evaluated after the server's rules. */
  approvals: z.array(ApprovalRule).readonly(),
  /** By package manager; installed before the sandbox's first use. */
  packages: z.record(z.string(), z.array(z.string()).readonly()).optional(),
  /** Uploads to copy to paths below `/mnt/session/uploads`. */
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
  /** A self-hosted environment, whose workers run the sandbox tools. */
  environment: z.string().optional(),
  /** In a format private to the facade that created the session. */
  kept: z.record(z.string(), z.unknown()),
});

export const SubAgent = z.object({
  name: z.string(),
  description: z.string(),
  /** `provider/model`; absent: the session's model. */
  model: z.string().optional(),
  agent: PlainAgent,
});
export type SubAgent = z.infer<typeof SubAgent>;

/** Replaces the configured agent. The server's limits and denials still apply. */
export const SessionAgent = PlainAgent.extend({
  /** The only agents that can be started as children. Absent: no delegation. */
  subAgents: z.array(SubAgent).readonly().optional(),
});
export type SessionAgent = z.infer<typeof SessionAgent>;
