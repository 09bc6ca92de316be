import { z } from 'zod';
import type { RecordedRequest } from '../../agents/models/seen-request.ts';
import type { EventPage, FollowOptions, LogUpdate } from '../../core/contracts/ports.ts';
import type { ApiBlock, SessionEvent, SessionOrigin, SessionStatus } from '../../core/model/events.ts';
import type { MessageId, RunId, SessionId } from '../../core/model/ids.ts';
import type { SandboxOptions, SandboxView, SessionLifetime, SessionRecord } from '../../core/model/records.ts';
import type { GitAuthor, RepositoryInput } from '../../core/model/repository.ts';
import type { Goal } from '../../core/model/runs/goal.ts';
import type { CallDecision } from '../../core/model/runs/session-command.ts';
import type { PauseSupport } from '../../core/model/sandboxes/condition.ts';
import type { MountRequest } from '../../core/model/sandboxes/volume.ts';
import type { SessionAgent } from '../../core/model/session-agent.ts';
import type { BudgetSpec } from '../../core/model/spending.ts';
import type { ToolProgram } from '../../core/model/tool-server.ts';
import type { ShellView } from '../../sandboxes/client/client.ts';
import type { DesktopAvailability } from './desktop.ts';
import type { ServiceRules } from './rules.ts';

export type SendMode = 'inject' | 'queue' | 'replace';
export interface SendUserMessageCommand {
  readonly text: string;
  readonly mode: SendMode;
  readonly attachments?: readonly string[];
  /** Epoch seconds on the sender's clock. */
  readonly clientTimestamp?: number;
  /**
   * The message starts its own run with this goal. `mode` decides whether the run starts immediately, replaces the active run, or
   * follows it.
   */
  readonly goal?: Goal;
  /** The message in the calling API's format, returned unchanged to that API. */
  readonly blocks?: readonly ApiBlock[];
  /** An id chosen by the sender. The session gets a message with this id only once, even if several servers send it. */
  readonly messageId?: MessageId;
}
export interface SendUserMessageResult {
  readonly messageId: MessageId;
  /** The run that receives the message: the active one, a queued one, or a new one. */
  readonly runId: RunId;
  /** The seq of the message's `message.user` event. */
  readonly seq: number;
}

export interface DecideApprovalCommand extends CallDecision {
  /** The name of the person who decides, for the log. */
  readonly by: string;
  /** Decisions on other calls, applied in the same step. Decisions on calls that are not waiting are ignored. */
  readonly also?: readonly CallDecision[];
}

export interface SessionListQuery {
  readonly limit: number;
  readonly after: { readonly latestMessageAt: number; readonly id: string } | undefined;
  readonly keep: (session: SessionRecord) => boolean;
  /**
   * Limits what is read from the store. With `owner`: sessions of this owner and of `projects`; `projectId` is ignored. Without
   * `owner`: sessions of `projectId`. `status` restricts both.
   */
  readonly owner?: string;
  readonly projects?: readonly string[];
  readonly projectId?: string;
  readonly status?: SessionStatus;
  /** Only sessions with the text in the title or a message. `mayRead` limits whose messages are searched; absent: no limit. */
  readonly search?: { readonly text: string; readonly mayRead?: (session: SessionRecord) => boolean };
}

export type SessionListScope = Pick<SessionListQuery, 'owner' | 'projects' | 'projectId'>;

export type SessionListChange = { readonly type: 'changed' | 'deleted'; readonly session: SessionRecord };

export interface CreateSessionCommand {
  readonly origin: SessionOrigin;
  /** Default: a new id. Creating a session with an existing id rejects with `fenced`. */
  readonly id?: SessionId;
  readonly title?: string;
  /** The title is a placeholder: it is not logged, and the first run replaces it. */
  readonly provisionalTitle?: true;
  /** The owner's name for the session; set only by `named`. */
  readonly name?: string;
  /** Default: the project's template, else the server's. */
  readonly template?: string;
  readonly projectId?: string | null;
  /** Stored as `lastTask`; does not start a run. */
  readonly task?: string;
  readonly owner?: string;
  /** `demo` or `provider/model`. If the model cannot be created, runs fail with an error that says why. */
  readonly model?: string;
  /** Fallbacks, in order. Default: the project's, else the template's, else the server's. */
  readonly fallbacks?: readonly string[];
  /** In addition to those of the server, template and project; overrides servers of the same name. */
  readonly toolServers?: readonly ToolProgram[];
  /** Fetched into the workspace before first use. */
  readonly repositories?: readonly RepositoryInput[];
  /** The author of commits. Default: from the settings. */
  readonly author?: GitAuthor;
  /**
   * Lifetime rules of a sandbox that a client drives without agent runs. The client decides when it ends and pauses; no idle rule
   * applies.
   */
  readonly life?: SessionLifetime;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly sandbox?: SandboxOptions;
  /** Volumes of the owner or project, by id or name. They replace those of the template. */
  readonly volumes?: readonly MountRequest[];
  /** The id or name of a template that the owner or project built. The sandbox starts from its image. */
  readonly built?: string;
  /** Limits in addition to those of the session's template and the server; the smallest applies. */
  readonly budget?: BudgetSpec;
  /** The session's own agent configuration. Replaces the configuration of the template and the project. */
  readonly agent?: SessionAgent;
  /** Skills of the owner or project and shared skills, in addition to the template's. Each is `name` or `name@version`. */
  readonly skills?: readonly string[];
  /** Set only by the server itself, for child sessions. */
  readonly parent?: SessionRecord['parent'];
  /** The parent's template and how it was selected. Used instead of `template`. */
  readonly sameAgent?: Pick<SessionRecord, 'template' | 'templateBy'>;
  /** The session, with its sandbox and files, is deleted after this time. */
  readonly lifetimeSeconds?: number;
  /** The id or name of the snapshot to start from; the access layer resolves it to `startsFrom`. */
  readonly snapshot?: string;
  readonly startsFrom?: { readonly blob: string; readonly sha256: string };
}
/** Finds or creates the owner's session of this name. The other fields apply only when it is created. */
export type NamedSessionCommand = Omit<CreateSessionCommand, 'id' | 'name' | 'task'> & { readonly name: string };
export interface NamedSession {
  readonly session: SessionRecord;
  /** Whether this call created the session. True for only one of several concurrent calls with the same name. */
  readonly isNew: boolean;
}
/** Absent: unlimited. */
const Limits = z.object({
  turns: z.number().optional(),
  tokens: z.number().optional(),
  cost: z.number().optional(),
  toolCalls: z.number().optional(),
  ms: z.number().optional(),
});
/** The effective agent configuration of a session, from the settings, its template, its project and its own choices. */
export const EffectiveAgent = z.object({
  template: z.string(),
  mode: z.enum(['plan-act', 'react']),
  model: z.string(),
  fallbacks: z.array(z.string()).readonly(),
  /** Tool names, without those of tool servers, which are known only once the sandbox runs. */
  tools: z.array(z.string()).readonly(),
  toolServers: z.array(z.string()).readonly(),
  /** Tools whose calls need a person's approval; `*`: all. */
  approvals: z.array(z.string()).readonly(),
  /** `pdf`, or `pdf@3` for a version. */
  skills: z.array(z.string()).readonly(),
  /** Limits of each run, and of the session in total. Times in ms. */
  budgets: z.object({ run: Limits, session: Limits }),
});
export type EffectiveAgent = z.infer<typeof EffectiveAgent>;
export type EffectiveBudgets = EffectiveAgent['budgets'];
export const SessionSkillInfo = z.object({
  name: z.string(),
  description: z.string(),
  /** Describes the skill's arguments, as in `[file] [--all]`. */
  argumentHint: z.string().optional(),
  source: z.enum(['uploaded', 'workspace']),
  /** Null for a skill of the workspace. */
  version: z.string().nullable(),
});
export type SessionSkillInfo = z.infer<typeof SessionSkillInfo>;
export interface ForkSessionCommand {
  readonly origin: SessionOrigin;
  /** The seq of a `run.end`, or of a `step` that completed or failed; unset: the end of the newest run. */
  readonly seq?: number;
  /** Default: the title of the forked session. */
  readonly title?: string;
  /** False: the new session has no files. */
  readonly files?: boolean;
  readonly owner?: string;
  /** Set only by the server itself. Rejects with `fenced` if the child already exists. */
  readonly child?: ChildForkOptions;
}
export interface ChildForkOptions {
  readonly id: SessionId;
  readonly parent: NonNullable<SessionRecord['parent']>;
  readonly budget: BudgetSpec;
  readonly model?: string;
}
export interface EditMessageCommand {
  readonly origin: SessionOrigin;
  /** The seq of a `message.user` event that began a run. */
  readonly seq: number;
  readonly text: string;
  /** Attachments of the new message; the old message's attachments are not copied. */
  readonly attachments?: readonly string[];
  /** The goal of the old run is not copied. */
  readonly goal?: Goal;
  /** Stops an active run of the edited session first; unset: an active run causes a conflict. */
  readonly stopsRun?: boolean;
  readonly owner?: string;
}
export interface EditMessageResult {
  readonly session: SessionRecord;
  readonly sent: SendUserMessageResult;
}
export interface SessionPatch {
  /** Unique among the owner's sessions; null removes the name. */
  readonly name?: string | null;
  readonly title?: string;
  readonly favorite?: boolean;
  readonly pinned?: boolean;
  readonly shared?: boolean;
  readonly archived?: boolean;
  /** Marks all messages as read. */
  readonly unread?: 0;
  readonly life?: SessionLifetime;
  readonly tokenRounds?: number;
  /** Replaces all metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Applies from the next turn. */
  readonly agent?: SessionAgent;
  /** Applies from the next turn. */
  readonly model?: string;
  /** Replaces all skills, from the next turn. */
  readonly skills?: readonly string[];
  /** Replaces the session's own budget. A run that waits for the budget continues. */
  readonly budget?: BudgetSpec;
  /** Seconds from now; null: no limit. */
  readonly lifetimeSeconds?: number | null;
}

export interface SessionMove {
  /** Null: remove the session from its project, so that only its owner has access. Unset: keep the project. */
  readonly projectId?: string | null | undefined;
  /** The new owner, who must be allowed to work in the project. */
  readonly owner?: string | undefined;
}

/**
 * All operations on sessions. Facades only translate; they make no decisions. Every method rejects only with AppError.
 *
 * @example
 * const { id } = await sessions.create({ title: 'Report' });
 * const { runId, seq } = await sessions.send(id, { text: 'Write report.md', mode: 'queue' });
 */
export interface SessionService {
  /**
   * Returns before the sandbox has started. Rejects: invalid_request (an unknown template, a forbidden model, a sandbox beyond
   * the limits), not_found (a skill, volume or snapshot), conflict (a volume in use, or a damaged snapshot). Also rejects:
   * forbidden (a repository folder that the operator did not list), unsupported, quota, sandbox_capacity, draining.
   */
  create(command: CreateSessionCommand): Promise<SessionRecord>;
  /**
   * Returns the session of this name and starts or resumes its sandbox in the background; creates the session if none has
   * the name. Concurrent calls get the same session, even on different servers. Rejects as `create` does, and with
   * store_busy.
   */
  named(command: NamedSessionCommand): Promise<NamedSession>;
  /** Does not start the sandbox. Rejects: session_not_found. */
  byName(name: string, owner?: string): Promise<SessionRecord>;
  /**
   * Creates a session with the conversation up to the end of a run or step, and with the files as they were at that point,
   * if they were kept (`forkedFrom.files`). Rejects: invalid_request (no such position), conflict (no run has ended), and as
   * `create` does.
   */
  fork(id: SessionId, command: ForkSessionCommand): Promise<SessionRecord>;
  /**
   * Creates a session with the conversation before a message, and with the files as they were at that point, if they were
   * kept. Then sends the edited message to the new session. The original session is unchanged; both sessions are branches
   * that start at the message (`branch`). Rejects: invalid_request (not a message that began a run, or an empty text),
   * conflict (a run is active), and as `fork` and `send` do.
   */
  edit(id: SessionId, command: EditMessageCommand): Promise<EditMessageResult>;
  /**
   * Sessions that are not being deleted, newest `latestMessageAt` first. A search may ignore `projectId` and `status`, but
   * always applies `keep`.
   */
  list(only?: SessionListQuery): Promise<readonly SessionRecord[]>;
  /** The sessions of `list` in batches, for streamed responses. Sessions that change position during the iteration come last. */
  pieces(only?: SessionListScope): AsyncIterable<readonly SessionRecord[]>;
  /** Rejects with session_not_found, as does every method below that takes a session's id, except `watching`. */
  get(id: SessionId): Promise<SessionRecord>;
  rename(id: SessionId, title: string): Promise<SessionRecord>;
  /**
   * Changes only the fields that are set. A title appends a `title` event; agent, metadata, budget and `archived` append
   * `session.updated`; other fields are not logged.
   */
  update(id: SessionId, change: SessionPatch): Promise<SessionRecord>;
  /**
   * Moves the session and its children into or out of a project, or to another owner in a project. The session loses its
   * name if it gets another owner. If the session leaves a project, open streams of that project's members end. Rejects:
   * invalid_request (another owner without a project), not_found (no such person works in the project), conflict (the
   * session is a child, or uses a volume of its project), quota, sandbox_capacity.
   */
  move(id: SessionId, move: SessionMove): Promise<SessionRecord>;
  /**
   * Yields every session in scope as `changed`, then each change or deletion of any session. Ends when the signal fires or the
   * server shuts down. Rejects: queue_full.
   */
  watch(signal: AbortSignal, only?: SessionListScope): AsyncIterable<SessionListChange>;
  /**
   * Deletes the session and its children: ends their runs, streams and processes, and removes their workspaces and logs.
   * Once this resolves, the session no longer appears in any list.
   */
  delete(id: SessionId): Promise<void>;
  /** Rejects: invalid_request (empty or too long), queue_full. */
  send(id: SessionId, command: SendUserMessageCommand): Promise<SendUserMessageResult>;
  /** Resolves when the run and all its processes have ended. Also succeeds if no run is active. */
  stop(id: SessionId): Promise<{ stopped: boolean }>;

  /** Decides a call that waits for approval; the first decision applies. Rejects: conflict (the call is not waiting). */
  decide(id: SessionId, command: DecideApprovalCommand): Promise<{ callId: string; decision: 'approved' | 'rejected' }>;

  /** Events after a cursor. `follow` ends when its signal fires, the session is deleted, or the server shuts down. */
  page(id: SessionId, after: number, limit: number): Promise<EventPage>;
  history(id: SessionId): AsyncIterable<SessionEvent>;
  follow(id: SessionId, after: number, options: FollowOptions): AsyncIterable<LogUpdate>;
  /** The run that has started but not ended, including one that waits, with the seq of its `run.started`. Undefined: none. */
  activeRun(id: SessionId): Promise<{ runId: RunId; startedSeq: number; waiting: boolean } | undefined>;
  /** The request of a turn (default: the newest) as the model received it. Rejects: not_found (no such turn). */
  promptAt(id: SessionId, turn?: number): Promise<RecordedRequest>;
  agent(id: SessionId): Promise<EffectiveAgent>;
  /** Workspace skills are included only while the sandbox runs. */
  skills(id: SessionId, signal: AbortSignal): Promise<readonly SessionSkillInfo[]>;
  /** Registers a viewer until the returned handle is disposed. A session with a viewer has no unread messages. */
  watching(id: SessionId): Disposable;

  /** Reads the session's record; neither calls nor starts the sandbox. */
  sandbox(id: SessionId): Promise<SandboxView>;
  /** Read from the sandbox if it runs, else from the log. Rejects: shell_not_found. */
  shell(id: SessionId, shellId: string, signal: AbortSignal): Promise<ShellView>;
  /** The file as text; invalid UTF-8 becomes U+FFFD. Rejects: file_not_found, path_outside, payload_too_large (10 MiB). */
  readFile(id: SessionId, path: string, signal: AbortSignal): Promise<string>;

  health(signal: AbortSignal): Promise<ServerHealth>;
}
export interface ServerHealth {
  readonly storage: HealthCheckResult;
  readonly sandbox: HealthCheckResult & {
    readonly driver: string;
    /** The most that a pause can keep; absent if the driver does not respond. */
    readonly pause?: PauseSupport;
    /** How the driver runs sandboxes, for example as pods or claims; absent: it has only one way. */
    readonly engine?: string;
    /** Why services cannot run next to sandboxes; absent: they can. */
    readonly noServices?: string;
    /** Why sandboxes cannot mount volumes; absent: they can. */
    readonly noVolumes?: string;
    /** Programs missing from sandboxes, each with the features that need it; absent: none known. */
    readonly lacking?: readonly { readonly name: string; readonly text: string }[];
    /** Isolation features that this machine does not support; absent: all are supported, or unknown. */
    readonly weaknesses?: readonly { readonly name: string; readonly text: string }[];
    /** Whether new sandboxes have a desktop; absent: they never have one. */
    readonly desktop?: DesktopAvailability;
  };
  readonly model: HealthCheckResult & { readonly name: string };
  readonly sessions: { readonly total: number; readonly running: number; readonly waiting: number };
}
export interface HealthCheckResult {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly detail?: string;
}

export const sessionRules: ServiceRules<SessionService> = {
  create: { may: 'guarded', audit: 'session.create' },
  named: { may: 'guarded', audit: 'session.named' },
  byName: { may: 'guarded', audit: null },
  fork: { may: 'copy', audit: 'session.fork' },
  edit: { may: 'guarded', audit: 'session.edit' },
  list: { may: 'guarded', audit: null },
  pieces: { may: 'guarded', audit: null },
  get: { may: 'guarded', audit: null },
  rename: { may: 'work', audit: 'session.change' },
  update: { may: 'work', audit: 'session.change' },
  move: { may: 'guarded', audit: 'resource.move' },
  watch: { may: 'guarded', audit: null },
  delete: { may: 'stop', audit: 'session.delete' },
  send: { may: 'guarded', audit: 'session.message' },
  stop: { may: 'stop', audit: 'session.stop' },
  decide: { may: 'work', audit: 'session.approval' },
  page: { may: 'read', audit: 'look' },
  history: { may: 'guarded', audit: 'look' },
  follow: { may: 'guarded', audit: 'look' },
  activeRun: { may: 'read', audit: null },
  promptAt: { may: 'read', audit: 'look' },
  agent: { may: 'read', audit: null },
  skills: { may: 'read', audit: null },
  watching: { may: 'guarded', audit: null },
  sandbox: { may: 'see', audit: null },
  shell: { may: 'read', audit: 'look' },
  readFile: { may: 'read', audit: 'look' },
  health: { may: 'guarded', audit: null },
};
