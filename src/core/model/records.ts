import { z } from 'zod';
import { errorCodes } from '../errors/errors.ts';
import { ForkFilesStatus, RunEndReason, RunStatus, SessionOrigin, SessionStatus } from './events.ts';
import { RunId, SandboxId, SessionId } from './ids.ts';
import { GitAuthor, SessionRepository } from './repository.ts';
import { GoalAssessment } from './runs/goal.ts';
import { StartCommand } from './sandboxes/built-template.ts';
import { PauseKind, PauseSupport, SandboxCondition } from './sandboxes/condition.ts';
import { EgressRestriction } from './sandboxes/egress-choice.ts';
import { WorkspaceDamageReport } from './sandboxes/files-damaged.ts';
import { VolumeMount } from './sandboxes/volume.ts';
import { ServiceRecipes } from './services/recipe.ts';
import { SessionAgent } from './session-agent.ts';
import { BudgetSpec } from './spending.ts';
import { ToolProgram } from './tool-server.ts';

/** Identifies a message, by its session and seq, that the first message of another session replaces. */
export const MessageBranchPoint = z.object({ sessionId: SessionId, seq: z.int() });
export const ForkOrigin = z.object({ sessionId: SessionId, seq: z.int(), files: ForkFilesStatus });
export type ForkOrigin = z.infer<typeof ForkOrigin>;

// Copies of workspaces. Their blobs stay on this installation, so an export leaves these records out.
export const fileCopiesKind = 'snapshots';
/** Written before a blob of files is stored, so that a leftover blob can be found. */
export const fileCopyBlobKind = 'snapshot-blob';
export const preparedFilesKind = 'prepared-files';
export const skillVersionKind = 'skill-version';
/** The manifest of a session's workspace, stored while its sandbox is stopped and deleted before its files are used again. */
export const workspaceManifestKind = 'workspace-manifest';
// Credentials, sealed for this installation and not readable elsewhere, so an export leaves these records out.
export const credentialKind = 'credential';
// Webhook endpoints, with their sealed secrets. They belong to no session, so no export contains them.
export const webhookKind = 'webhook';
export const automationSecretKind = 'automation-secret';

// Tool servers added on the page, with their sealed headers. They belong to no session, so no export contains them.
export const toolServerKind = 'tool-server';
/** The names by which owners find their sessions. Such a record is valid only while the session has the same `name`. */
export const boxNameKind = 'box-name';
export const serverSettingKind = 'server-setting';
export const vaultKind = 'vault';
export const vaultCredentialKind = 'vault-credential';
// The sealed secrets of API clients, which sessions bind to request headers for certain hosts.
export const namedSecretKind = 'named-secret';

export const builtTemplateKind = 'built-template';
export const templateBuildKind = 'template-build';
export const buildLogKind = 'template-build-log';
export const buildFilesKind = 'template-build-files';

export const RunOutcome = z.object({
  status: RunStatus,
  reason: RunEndReason,
  code: z.enum(errorCodes).optional(),
  goal: GoalAssessment.optional(),
});

export const SessionLifetime = z.object({
  /** When the session is deleted or paused, epoch ms. Null while the sandbox starts or is paused. */
  endsAt: z.number().nullable(),
  /** The lifetime that was set when the sandbox was created. */
  seconds: z.number(),
  /** `pause-files`: the pause ends the processes. */
  onEnd: z.enum(['delete', 'pause', 'pause-files']),
  /** `memory`: the sandbox's processes are frozen. `files`: only its files are kept. */
  paused: z.enum(['memory', 'files']).nullable(),
  /** Whether a request resumes the sandbox from a pause that kept its memory. */
  resumes: z.boolean(),
  env: z.record(z.string(), z.string()),
  /** The name of the sandbox's template in the client's API. */
  kind: z.string(),
  /** Ports require a token, even at their own host name. */
  privatePorts: z.boolean(),
  /** The Host header sent to programs behind ports. */
  portHost: z.string().optional(),
});
export type SessionLifetime = z.infer<typeof SessionLifetime>;

export const SandboxOptions = z.object({
  egress: EgressRestriction.optional(),
  cpus: z.number().optional(),
  /** In bytes. */
  memory: z.int().optional(),
  /** Idle time after which the sandbox is stopped; its files stay. */
  idleSeconds: z.int().optional(),
  /** Replaces the template's services. */
  services: ServiceRecipes.optional(),
  volumes: z.array(VolumeMount).readonly().optional(),
  /** The image of a built template. Only the server sets it. */
  image: z.string().optional(),
  start: StartCommand.optional(),
  /** The existing sandbox to adopt, such as `sandbox/NAME`. */
  adopts: z.string().optional(),
});
export type SandboxOptions = z.infer<typeof SandboxOptions>;

/** Why a child session exists: its parent's agent delegated work, or a person compares several attempts at a task. */
export const ChildOrigin = z.object({
  sessionId: SessionId,
  /** Null for an attempt, as is `callId`. */
  runId: RunId.nullable(),
  callId: z.string().nullable(),
  /** The id of the group of attempts. Absent if an agent started the session. */
  attempts: z.string().optional(),
  /** 1 for a child, 2 for a child of a child. */
  depth: z.int(),
  /** The template that sets instructions, model and tools; null: the parent's. Sandbox limits are always the parent's. */
  role: z.string().nullable(),
});
export type ChildOrigin = z.infer<typeof ChildOrigin>;
/** Links from parents to children, `<parent>:<child>`: written before the child, and erased with the parent. */
export const childLinkKind = 'child';
/** The account to which a person's or a project's usage is charged. */
export const budgetAccountKind = 'budget-account';

/**
 * The fields shown in lists of sessions and in a session's header. A projection of the log, written in the same transaction as
 * the log. `deleting` is the tombstone: such a session appears in no list, and its clean-up is retried after a restart.
 */
export const SessionRecord = z.object({
  id: SessionId,
  origin: SessionOrigin,
  template: z.string(),
  /** `session`: the creator's choice; `server`: the default template. Absent: the project's, or the server's settings only. */
  templateBy: z.enum(['session', 'server']).optional(),
  projectId: z.string().nullable(),
  title: z.string(),
  /** Whether a client or a run set the title. The first run does not replace a client's title. */
  titleBy: z.enum(['client', 'run']).nullable(),
  status: SessionStatus,
  createdAt: z.number(),
  updatedAt: z.number(),
  lastTask: z.string(),
  latestMessage: z.string(),
  latestMessageAt: z.number(),
  unread: z.int(),
  /** The seq of the newest event that the record reflects, not counting deltas, output, usage and egress. */
  lastSeq: z.int(),
  sandboxState: z.enum(['created', 'running', 'stopped', 'not_found']),
  deleting: z.boolean(),
  favorite: z.boolean().default(false),
  pinned: z.boolean().default(false),
  shared: z.boolean().default(false),
  archived: z.boolean().default(false),
  outcome: RunOutcome.optional(),
  /** The owner's id: a key's or a person's. Absent if the session was created with the server's token or without a credential. */
  owner: z.string().optional(),
  /** `demo` or `provider/model`; absent: the creator chose none. */
  model: z.string().optional(),
  forkedFrom: ForkOrigin.optional(),
  /** The message that this session's first message replaces, if the session started with an edit. */
  branch: MessageBranchPoint.optional(),
  fallbacks: z.array(z.string()).readonly().optional(),
  toolServers: z.array(ToolProgram).readonly().optional(),
  /** The skills that the creator chose: `pdf`, or `pdf@3` for one version. */
  skills: z.array(z.string()).readonly().optional(),
  parent: ChildOrigin.optional(),
  /** Set only if a client created the session to drive the sandbox itself. */
  life: SessionLifetime.optional(),
  repositories: z.array(SessionRepository).readonly().optional(),
  hasCheckpoints: z.boolean().optional(),
  /** The author of commits; absent: the author in the settings. */
  author: GitAuthor.optional(),
  /** Unique among the owner's sessions; absent or null: none. */
  name: z.string().nullable().optional(),
  /** Key-value pairs that clients set and search sessions by. */
  metadata: z.record(z.string(), z.string()).optional(),
  sandbox: SandboxOptions.optional(),
  /** Limits on top of those of the template and the server; the smaller limit applies. */
  budget: BudgetSpec.optional(),
  /** When the session is deleted, epoch ms; absent or null: never. */
  endsAt: z.number().nullable().optional(),
  /** The agent that a client defined for this session; absent: the agent of the template, project and server. */
  agent: SessionAgent.optional(),
  /** How many times the sandbox's tokens have been replaced; absent: never. */
  tokenRounds: z.int().optional(),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

export const SandboxView = z.object({
  condition: SandboxCondition,
  /** The state that the pause preserved; null unless the sandbox is paused. */
  keeps: PauseKind.nullable(),
  /** The most state that a pause of this sandbox can preserve. */
  pause: PauseSupport,
  idleSeconds: z.number().nullable().describe('stopped when unused this long; null: a program decides when it ends'),
  filesDamaged: WorkspaceDamageReport.nullable().describe(
    'when its stored files were last found damaged, and which copy replaced them; null: never',
  ),
  state: z.enum(['created', 'running', 'stopped', 'not_found']).describe('the state as earlier clients read it'),
  id: SandboxId,
  workdir: z.string(),
  driver: z.string(),
});
export type SandboxView = z.infer<typeof SandboxView>;
