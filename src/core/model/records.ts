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

export const MessageBranchPoint = z.object({ sessionId: SessionId, seq: z.int() });
export const ForkOrigin = z.object({ sessionId: SessionId, seq: z.int(), files: ForkFilesStatus });
export type ForkOrigin = z.infer<typeof ForkOrigin>;

// Copies of workspaces. Their blobs stay on this installation, so exports omit these records.
export const fileCopiesKind = 'snapshots';
/** Written before a blob with copied files, so that leftover blobs can be found. */
export const fileCopyBlobKind = 'snapshot-blob';
export const preparedFilesKind = 'prepared-files';
export const skillVersionKind = 'skill-version';
export const workspaceManifestKind = 'workspace-manifest';
// Credentials are sealed for this installation, so exports omit them.
export const credentialKind = 'credential';
// Webhook endpoints belong to no session, so no export contains them.
export const webhookKind = 'webhook';
export const automationSecretKind = 'automation-secret';

// Not part of any session, so exports omit these records.
export const toolServerKind = 'tool-server';
/** A record is valid only while the session has the same `name`. */
export const boxNameKind = 'box-name';
export const serverSettingKind = 'server-setting';
export const vaultKind = 'vault';
export const vaultCredentialKind = 'vault-credential';
// API clients' sealed secrets, which sessions bind to request headers for certain hosts.
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
  /** In epoch ms. Null while the sandbox is starting or paused. */
  endsAt: z.number().nullable(),
  seconds: z.number(),
  /** `pause-files`: the pause ends the processes. */
  onEnd: z.enum(['delete', 'pause', 'pause-files']),
  /** `memory`: the sandbox's processes are frozen. `files`: only its files are kept. */
  paused: z.enum(['memory', 'files']).nullable(),
  /** Whether a request resumes a sandbox paused with its memory. */
  resumes: z.boolean(),
  env: z.record(z.string(), z.string()),
  /** The template's name in the client's API. */
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
  /** Idle timeout in seconds, after which the sandbox stops and keeps its files. */
  idleSeconds: z.int().optional(),
  /** Replaces the template's services. */
  services: ServiceRecipes.optional(),
  volumes: z.array(VolumeMount).readonly().optional(),
  /** A built template's image. Only the server sets it. */
  image: z.string().optional(),
  start: StartCommand.optional(),
  /** An existing sandbox, such as `sandbox/NAME`. */
  adopts: z.string().optional(),
});
export type SandboxOptions = z.infer<typeof SandboxOptions>;

export const ChildOrigin = z.object({
  sessionId: SessionId,
  /** Null for an attempt. The same applies to `callId`. */
  runId: RunId.nullable(),
  callId: z.string().nullable(),
  /** The group of attempts. Absent if an agent started the session. */
  attempts: z.string().optional(),
  /** Number of the attempt in its group, from 1. */
  n: z.int().optional(),
  /** 1 for a child, 2 for a child of a child. */
  depth: z.int(),
  /** The template for instructions, model and tools; null: the parent's. Sandbox limits are always the parent's. */
  role: z.string().nullable(),
});
export type ChildOrigin = z.infer<typeof ChildOrigin>;
/** `<parent>:<child>`. Written before the child and erased with the parent. */
export const childLinkKind = 'child';
export const budgetAccountKind = 'budget-account';

/** A projection of the log, written in the same transaction. `deleting` hides the session. */
export const SessionRecord = z.object({
  id: SessionId,
  origin: SessionOrigin,
  template: z.string(),
  /** `session`: the creator's choice. `server`: the default template. Absent: the project's template, or none. */
  templateBy: z.enum(['session', 'server']).optional(),
  projectId: z.string().nullable(),
  title: z.string(),
  /** The first run does not replace a title set by a client. */
  titleBy: z.enum(['client', 'run']).nullable(),
  status: SessionStatus,
  createdAt: z.number(),
  updatedAt: z.number(),
  lastTask: z.string(),
  latestMessage: z.string(),
  latestMessageAt: z.number(),
  unread: z.int(),
  /** The seq of the newest event whose type is not `isFrequent`. */
  lastSeq: z.int(),
  sandboxState: z.enum(['created', 'running', 'stopped', 'not_found']),
  deleting: z.boolean(),
  favorite: z.boolean().default(false),
  pinned: z.boolean().default(false),
  shared: z.boolean().default(false),
  archived: z.boolean().default(false),
  outcome: RunOutcome.optional(),
  /** The id of a key or user. Absent if the creator used the server's token or no credential. */
  owner: z.string().optional(),
  /** `demo` or `provider/model`. Absent if no model was chosen. */
  model: z.string().optional(),
  forkedFrom: ForkOrigin.optional(),
  /** Set if the session started with an edited message. */
  branch: MessageBranchPoint.optional(),
  fallbacks: z.array(z.string()).readonly().optional(),
  toolServers: z.array(ToolProgram).readonly().optional(),
  /** `pdf`, or `pdf@3` for a specific version. */
  skills: z.array(z.string()).readonly().optional(),
  parent: ChildOrigin.optional(),
  /** Set only if a client controls the sandbox directly. */
  life: SessionLifetime.optional(),
  repositories: z.array(SessionRepository).readonly().optional(),
  hasCheckpoints: z.boolean().optional(),
  /** The author of commits. Absent: the author from the settings. */
  author: GitAuthor.optional(),
  /** Unique among the owner's sessions. */
  name: z.string().nullable().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  sandbox: SandboxOptions.optional(),
  /** The smallest of the session's, template's and server's limits applies. */
  budget: BudgetSpec.optional(),
  /** When the session is scheduled for deletion, in epoch ms. Null or absent if it is not. */
  endsAt: z.number().nullable().optional(),
  /** Set by a client. Absent: the agent of the template, project or server. */
  agent: SessionAgent.optional(),
  /** How many times the sandbox's tokens were replaced. Absent if they never were. */
  tokenRounds: z.int().optional(),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

export const SandboxView = z.object({
  condition: SandboxCondition,
  /** Null unless the sandbox is paused. */
  keeps: PauseKind.nullable(),
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
