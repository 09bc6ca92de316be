import { z } from 'zod';
import { ApprovalRule } from './approval-rule.ts';

/** A tool that the program which made the session carries out: a call of it waits for the program's result. */
export const ClientTool = z.object({
  name: z.string(),
  description: z.string(),
  /** The JSON Schema of its arguments. */
  parameters: z.record(z.string(), z.unknown()),
});
export type ClientTool = z.infer<typeof ClientTool>;

/** A memory store of a session: a folder of its sandbox, whose files and texts are kept the same. */
export const MountedStore = z.object({
  store: z.string(),
  /** The folder's name below `/mnt/memory`. */
  folder: z.string(),
  access: z.enum(['read_write', 'read_only']),
  // The next three stay as they were when the session was made.
  name: z.string(),
  description: z.string(),
  instructions: z.string().nullable(),
});
export type MountedStore = z.infer<typeof MountedStore>;

/** An agent without sub-agents. */
const PlainAgent = z.object({
  /** The name that people see. */
  name: z.string(),
  instructions: z.string().nullable(),
  /** The server's tools that it has, each by its whole name; all others are left out. */
  tools: z.array(z.string()).readonly(),
  clientTools: z.array(ClientTool).readonly(),
  /** Tool servers at addresses. Names as in `ToolProgram`; `tools` are globs. */
  servers: z.array(z.object({ name: z.string(), url: z.string(), tools: z.array(z.string()).readonly() })).readonly(),
  /** The vaults with tokens for these servers: of several the first that has one counts. */
  vaults: z.array(z.string()).readonly().optional(),
  /** Tried after the rules of the server. */
  approvals: z.array(ApprovalRule).readonly(),
  /** Installed in its sandbox before the first use, by package manager. */
  packages: z.record(z.string(), z.array(z.string()).readonly()).optional(),
  /** Uploads that its sandbox has, each at its place below `/mnt/session/uploads`. */
  files: z
    .array(z.object({ upload: z.string(), path: z.string() }))
    .readonly()
    .optional(),
  /** The memory stores that it has, whose right the interface checked. */
  memoryStores: z.array(MountedStore).readonly().optional(),
  /** Versions of uploaded skills, by ids, whose right the interface checked. */
  skills: z
    .array(z.object({ skill: z.string(), version: z.string() }))
    .readonly()
    .optional(),
  /**
   * A self-hosted environment: its workers carry out the tools that need a sandbox, in sandboxes of their own. Calls wait for
   * their results.
   */
  environment: z.string().optional(),
  /** Facts of the interface that made the session, in its own words. */
  kept: z.record(z.string(), z.unknown()),
});

/** An agent to which the session's agent can give parts of its work, by its own name. */
export const SubAgent = z.object({
  name: z.string(),
  /** The purpose of the agent, as the session's agent reads it. */
  description: z.string(),
  /** `provider/model`; absent: that of the session. */
  model: z.string().optional(),
  agent: PlainAgent,
});
export type SubAgent = z.infer<typeof SubAgent>;

/** The agent of one session, instead of the one that template, project and settings make. The server's limits and denials stay. */
export const SessionAgent = PlainAgent.extend({
  /** The agents with which it can start children, and no others; absent: it cannot delegate. */
  subAgents: z.array(SubAgent).readonly().optional(),
});
export type SessionAgent = z.infer<typeof SessionAgent>;
