import { z } from 'zod';
import { errorCodes } from '../errors/errors.ts';
import { ForkFiles, Origin, RunEndReason, RunStatus, SessionStatus } from './events.ts';
import { RunId, SandboxId, SessionId } from './ids.ts';
import { GitPerson, SessionRepository } from './repository.ts';
import { GoalEnd } from './runs/goal.ts';
import { StartCommand } from './sandboxes/built-template.ts';
import { PauseAbility, PauseKind, SandboxCondition } from './sandboxes/condition.ts';
import { EgressChoice } from './sandboxes/egress-choice.ts';
import { FilesDamaged } from './sandboxes/files-damaged.ts';
import { VolumeMount } from './sandboxes/volume.ts';
import { Services } from './services/recipe.ts';
import { SessionAgent } from './session-agent.ts';
import { OwnBudget } from './spending.ts';
import { ToolProgram } from './tool-server.ts';

/** Where a session was forked from, and whether it began with the files as of then. */
/** The message, by its session and its place in the log, that other sessions have in another wording. */
export const Branch = z.object({ sessionId: SessionId, seq: z.int() });
export const ForkedFrom = z.object({ sessionId: SessionId, seq: z.int(), files: ForkFiles });
export type ForkedFrom = z.infer<typeof ForkedFrom>;

// Copies of workspaces. Their blobs stay on this installation, so an export leaves these records out.
export const snapshotsKind = 'snapshots';
/** Announces a blob with files before it exists. */
export const snapshotBlobKind = 'snapshot-blob';
export const preparedFilesKind = 'prepared-files';
export const skillVersionKind = 'skill-version';
/** The manifest of a session's workspace, from the end of its sandbox until the files are used again. */
export const manifestKind = 'workspace-manifest';
// Sealed for this installation and never readable again, so an export leaves them out too.
export const credentialKind = 'credential';
// Endpoints of webhooks, with their sealed secrets. They belong to no session, so no export has them.
export const webhookKind = 'webhook';
// The secrets with which deliveries to automations are signed, sealed as well.
export const hookSecretKind = 'automation-secret';

// Tool servers that people entered in the page, with their sealed headers. They belong to no session either.
export const toolServerKind = 'tool-server';
/** The names by which owners find their sessions again. A session's own `name` decides whether such a record still counts. */
export const boxNameKind = 'box-name';
// The settings that people changed in the page.
export const serverSettingKind = 'server-setting';
// The vaults of programs, and their credentials with sealed secrets.
export const vaultKind = 'vault';
export const vaultCredentialKind = 'vault-credential';
// The secrets of programs, sealed, which sessions bind to headers of hosts.
export const namedSecretKind = 'named-secret';

/** Templates that owners build, the builds of them, their logs, and the files that builds copy. */
export const builtTemplateKind = 'built-template';
export const templateBuildKind = 'template-build';
export const buildLogKind = 'template-build-log';
export const buildFilesKind = 'template-build-files';

/** How a run ended: outcome, reason, error and the goal's verdict. */
export const Outcome = z.object({
  status: RunStatus,
  reason: RunEndReason,
  code: z.enum(errorCodes).optional(),
  goal: GoalEnd.optional(),
});

/** The lifetime that a client set for a sandbox without runs. */
export const SessionLife = z.object({
  /** Then the session is deleted or paused, epoch ms. Null while it starts or is paused. */
  endsAt: z.number().nullable(),
  /** The time that it was created with. */
  seconds: z.number(),
  /** `pause-files`: the pause ends its processes. */
  onEnd: z.enum(['delete', 'pause', 'pause-files']),
  /** `memory`: its processes are frozen. `files`: only its files are kept. */
  paused: z.enum(['memory', 'files']).nullable(),
  /** Whether a request to the sandbox ends a pause with memory. */
  resumes: z.boolean(),
  /** Variables of each process that the program starts. */
  env: z.record(z.string(), z.string()),
  /** The program's name for the kind of sandbox. */
  kind: z.string(),
  /** Ports need a token, even where a host name leads to them. */
  privatePorts: z.boolean(),
  /** The Host header that programs behind ports see. */
  portHost: z.string().optional(),
});
export type SessionLife = z.infer<typeof SessionLife>;

/** The choice of a session's creator for its sandbox, within the server's settings. */
export const SandboxChoice = z.object({
  /** The hosts or rules that narrow what the server's policy opens for it. */
  egress: EgressChoice.optional(),
  cpus: z.number().optional(),
  /** In bytes. */
  memory: z.int().optional(),
  /** Unused for so long, it is stopped; its files stay. */
  idleSeconds: z.int().optional(),
  /** In place of those of its template. */
  services: Services.optional(),
  /** The volumes that it has, by their ids. */
  volumes: z.array(VolumeMount).readonly().optional(),
  /** The image of a built template. Only the server itself names one. */
  image: z.string().optional(),
  /** The same template's program. */
  start: StartCommand.optional(),
  /** The existing sandbox that it adopts, such as `sandbox/NAME`. */
  adopts: z.string().optional(),
});
export type SandboxChoice = z.infer<typeof SandboxChoice>;

/** The start of a session by another one: a call of its parent's agent, or attempts at a task that a person compares. */
export const ChildOrigin = z.object({
  sessionId: SessionId,
  /** Null for an attempt, as is `callId`. */
  runId: RunId.nullable(),
  callId: z.string().nullable(),
  /** The id of the attempts that it belongs to; absent: an agent started it. */
  attempts: z.string().optional(),
  /** 1 for a child, 2 for a child of a child. */
  depth: z.int(),
  /** The template of its instructions, model and choice of tools; null: the parent's. Its walls are the parent's always. */
  role: z.string().nullable(),
});
export type ChildOrigin = z.infer<typeof ChildOrigin>;
/** Links of parents to children, `<parent>:<child>`: written before the child, and erased with the parent. */
export const childKind = 'child';
/** The account of a person or a project. */
export const accountKind = 'budget-account';

/**
 * The fields that lists and headers of sessions show. A projection of the log, written in the same transaction.
 * `deleting` is the tombstone: such a session is in no list, and its clean-up is retried after a restart.
 */
export const SessionRecord = z.object({
  id: SessionId,
  origin: Origin,
  template: z.string(),
  /** The part that named the template. Absent: none did, so the project's counts, else only the server's settings. */
  templateBy: z.enum(['session', 'server']).optional(),
  projectId: z.string().nullable(),
  title: z.string(),
  /** A title that a client set stays; the first run then sets none. */
  titleBy: z.enum(['client', 'run']).nullable(),
  status: SessionStatus,
  createdAt: z.number(),
  updatedAt: z.number(),
  lastTask: z.string(),
  latestMessage: z.string(),
  latestMessageAt: z.number(),
  unread: z.int(),
  /**
   * The seq of the newest event that changed the record. Deltas, output, usage and egress after it do not change it.
   */
  lastSeq: z.int(),
  sandboxState: z.enum(['created', 'running', 'stopped', 'not_found']),
  deleting: z.boolean(),
  favorite: z.boolean().default(false),
  pinned: z.boolean().default(false),
  shared: z.boolean().default(false),
  archived: z.boolean().default(false),
  /** The outcome of the last run that ended; absent before the first end. */
  outcome: Outcome.optional(),
  /** The owner: the id of a key. Absent if the session was created with the server's token or without a credential. */
  owner: z.string().optional(),
  /** `demo` or `provider/model`, when the session's creator chose another model than its project or server. */
  model: z.string().optional(),
  /** The session and the place in its log from which this one was forked. */
  forkedFrom: ForkedFrom.optional(),
  /** The message that its first own message replaces; absent unless the session began with an edit. */
  branch: Branch.optional(),
  /** The fallback models that its creator chose, in order. */
  fallbacks: z.array(z.string()).readonly().optional(),
  /** The tool servers that its creator added. */
  toolServers: z.array(ToolProgram).readonly().optional(),
  /** The skills that its creator chose: `pdf`, or `pdf@3` for one of its versions. */
  skills: z.array(z.string()).readonly().optional(),
  /** Absent unless another agent, or attempts at a task, started the session. */
  parent: ChildOrigin.optional(),
  /** Absent unless a program created the session for its own sandbox. */
  life: SessionLife.optional(),
  /** The repositories that its creator named; absent: none. */
  repositories: z.array(SessionRepository).readonly().optional(),
  /** Some of its runs left a checkpoint of the files. */
  hasCheckpoints: z.boolean().optional(),
  /** The person in whose name commits are made; absent: the one that the settings name. */
  author: GitPerson.optional(),
  /** The one session of its owner with this name; absent or null: none. */
  name: z.string().nullable().optional(),
  /** Names and values of the session's creator, by which programs find the session again. */
  metadata: z.record(z.string(), z.string()).optional(),
  /** The creator's choice for the sandbox; absent: none. */
  sandbox: SandboxChoice.optional(),
  /** Limits next to those of its template and of the server; the smaller one counts. */
  budget: OwnBudget.optional(),
  /** Then the session is deleted, epoch ms; absent or null: it stays. */
  endsAt: z.number().nullable().optional(),
  /** The agent that a program gave it; absent: that of its template, project and server. */
  agent: SessionAgent.optional(),
  /** The times that the tokens of its sandbox were replaced; absent: never. */
  tokenRounds: z.int().optional(),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

export const SandboxView = z.object({
  /** The one state to show. */
  condition: SandboxCondition,
  /** The part that the pause kept; null unless it is paused. */
  keeps: PauseKind.nullable(),
  /** The most that a pause of this sandbox keeps. */
  pause: PauseAbility,
  idleSeconds: z.number().nullable().describe('unused for so long, it is stopped; null: a program decides its end'),
  filesDamaged: FilesDamaged.nullable().describe(
    'when its stored files were last found damaged, and which copy came in their place; null: never',
  ),
  state: z.enum(['created', 'running', 'stopped', 'not_found']).describe('the state as earlier clients read it'),
  id: SandboxId,
  workdir: z.string(),
  driver: z.string(),
});
export type SandboxView = z.infer<typeof SandboxView>;
