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
  /** Epoch seconds, by the sender's clock. */
  readonly clientTimestamp?: number;
  /** Starts a separate run with this goal. `mode` decides when the run starts. */
  readonly goal?: Goal;
  /** Content blocks in the calling API's format, returned to that API unchanged. */
  readonly blocks?: readonly ApiBlock[];
  /** Chosen by the sender. The session accepts each id only once, even across servers. */
  readonly messageId?: MessageId;
}
export interface SendUserMessageResult {
  readonly messageId: MessageId;
  readonly runId: RunId;
  /** The seq of the message's `message.user` event. */
  readonly seq: number;
}

export interface DecideApprovalCommand extends CallDecision {
  /** The name of the user who decided, for the log. */
  readonly by: string;
  /** Further decisions, applied in the same step. Calls that are not waiting are ignored. */
  readonly also?: readonly CallDecision[];
}

export interface SessionListQuery {
  readonly limit: number;
  readonly after: { readonly latestMessageAt: number; readonly id: string } | undefined;
  readonly keep: (session: SessionRecord) => boolean;
  /** With `owner`, selects sessions of that owner and of `projects`, and ignores `projectId`. */
  readonly owner?: string;
  readonly projects?: readonly string[];
  readonly projectId?: string;
  readonly status?: SessionStatus;
  /** Searches titles and messages. `mayRead` selects the sessions whose messages are searched. Default: all. */
  readonly search?: { readonly text: string; readonly mayRead?: (session: SessionRecord) => boolean };
}

export type SessionListScope = Pick<SessionListQuery, 'owner' | 'projects' | 'projectId'>;

export type SessionListChange = { readonly type: 'changed' | 'deleted'; readonly session: SessionRecord };

export interface CreateSessionCommand {
  readonly origin: SessionOrigin;
  /** Default: a new id. Rejects with `fenced` if the id exists. */
  readonly id?: SessionId;
  readonly title?: string;
  /** The title is not logged, and the first run replaces it. */
  readonly provisionalTitle?: true;
  /** The owner's name for the session, set only by `named`. */
  readonly name?: string;
  /** Default: the project's template, else the server's. */
  readonly template?: string;
  readonly projectId?: string | null;
  /** Stored as `lastTask`. Starts no run. */
  readonly task?: string;
  readonly owner?: string;
  /** `demo` or `provider/model`. Runs fail if the model cannot be created. */
  readonly model?: string;
  /** Fallbacks, in order. Default: the project's, else the template's, else the server's. */
  readonly fallbacks?: readonly string[];
  /** Added to the tool servers of the server, template and project; replaces those of the same name. */
  readonly toolServers?: readonly ToolProgram[];
  readonly repositories?: readonly RepositoryInput[];
  /** The author of commits. Default: from the settings. */
  readonly author?: GitAuthor;
  /** Set if the client decides when the sandbox pauses and ends. The idle timeout then does not apply. */
  readonly life?: SessionLifetime;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly sandbox?: SandboxOptions;
  /** Ids or names of the owner's or project's volumes. They replace the template's. */
  readonly volumes?: readonly MountRequest[];
  /** Id or name of the owner's or project's built template. */
  readonly built?: string;
  /** The limits of the template and the server also apply. The smallest limit wins. */
  readonly budget?: BudgetSpec;
  /** Replaces the agent configuration of the template and the project. */
  readonly agent?: SessionAgent;
  /** Own, project or shared skills, as `name` or `name@version`. Added to the template's. */
  readonly skills?: readonly string[];
  /** Set only by the server, for child sessions. */
  readonly parent?: SessionRecord['parent'];
  /** The parent's template and how it was selected. Overrides `template`. */
  readonly sameAgent?: Pick<SessionRecord, 'template' | 'templateBy'>;
  /** The session is deleted, with its sandbox and files, after this time. */
  readonly lifetimeSeconds?: number;
  /** Id or name of a snapshot, which the access layer resolves to `startsFrom`. */
  readonly snapshot?: string;
  readonly startsFrom?: { readonly blob: string; readonly sha256: string };
}
/** Fields other than `name` apply only when the session is created. */
export type EnsureNamedSessionCommand = Omit<CreateSessionCommand, 'id' | 'name' | 'task'> & { readonly name: string };
export interface NamedSession {
  readonly session: SessionRecord;
  /** True for only one of several concurrent calls with the same name. */
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
export const EffectiveAgent = z.object({
  template: z.string(),
  mode: z.enum(['plan-act', 'react']),
  model: z.string(),
  fallbacks: z.array(z.string()).readonly(),
  /** Excludes tool servers' tools, which are known only once the sandbox is running. */
  tools: z.array(z.string()).readonly(),
  toolServers: z.array(z.string()).readonly(),
  /** Tools that need a user's approval, with the pattern of their rule, as in `shell_exec rm *`. `*`: all tools. */
  approvals: z.array(z.string()).readonly(),
  skills: z.array(z.string()).readonly(),
  /** Access to notes that agents keep across sessions. */
  memory: z.enum(['off', 'read', 'write']),
  /** Times in ms. */
  budgets: z.object({ run: Limits, session: Limits }),
});
export type EffectiveAgent = z.infer<typeof EffectiveAgent>;
export type EffectiveBudgets = EffectiveAgent['budgets'];
export const SessionSkillInfo = z.object({
  name: z.string(),
  description: z.string(),
  argumentHint: z.string().optional(),
  source: z.enum(['uploaded', 'workspace']),
  /** Null: a skill in the workspace. */
  version: z.string().nullable(),
});
export type SessionSkillInfo = z.infer<typeof SessionSkillInfo>;
export interface ForkSessionCommand {
  readonly origin: SessionOrigin;
  /** The seq of a `run.end` event, or of a completed or failed `step`. Default: the end of the newest run. */
  readonly seq?: number;
  /** Default: the title of the forked session. */
  readonly title?: string;
  /** Default: true. False: the new session has no files. */
  readonly files?: boolean;
  readonly owner?: string;
  /** Set only by the server. Rejects with `fenced` if the child exists. */
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
  /** The old message's attachments are not copied. */
  readonly attachments?: readonly string[];
  /** The old run's goal is not copied. */
  readonly goal?: Goal;
  /** Unset: an active run causes a conflict. */
  readonly stopsRun?: boolean;
  readonly owner?: string;
}
export interface EditMessageResult {
  readonly session: SessionRecord;
  readonly sent: SendUserMessageResult;
}
export interface SessionPatch {
  /** Unique per owner. Null removes the name. */
  readonly name?: string | null;
  readonly title?: string;
  readonly favorite?: boolean;
  readonly pinned?: boolean;
  readonly shared?: boolean;
  readonly archived?: boolean;
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
  /** Replaces the session's own budget. A run that is waiting for budget continues. */
  readonly budget?: BudgetSpec;
  /** Seconds from now; null: no limit. */
  readonly lifetimeSeconds?: number | null;
}

export interface SessionMove {
  /** Null: leave the project, so that only the owner has access. Unset: no change. */
  readonly projectId?: string | null | undefined;
  /** The new owner. Must be allowed to work in the project. */
  readonly owner?: string | undefined;
}

/**
 * All operations on sessions. Facades only translate requests and make no decisions. Methods reject only with AppError.
 *
 * @example
 * const { id } = await sessions.create({ title: 'Report' });
 * const { runId, seq } = await sessions.send(id, { text: 'Write report.md', mode: 'queue' });
 */
export interface SessionService {
  /**
   * Resolves before the sandbox starts. Rejects: invalid_request (unknown template, forbidden model, or sandbox options
   * over the limits), not_found (skill, volume or snapshot), conflict (a volume in use, or a damaged snapshot),
   * forbidden (a repository folder that the operator did not list), unsupported, quota, sandbox_capacity, draining.
   */
  create(command: CreateSessionCommand): Promise<SessionRecord>;
  /**
   * Finds or creates the session, and starts its sandbox in the background. Concurrent calls on any server return the
   * same session. Rejects as `create` does, and with store_busy.
   */
  named(command: EnsureNamedSessionCommand): Promise<NamedSession>;
  /** Does not start the sandbox. Rejects: session_not_found. */
  byName(name: string, owner?: string): Promise<SessionRecord>;
  /**
   * Copies the conversation up to the end of a run or step, and that point's files if they were kept
   * (`forkedFrom.files`). Rejects as `create` does. Also rejects: invalid_request (no such position), conflict (no run
   * has ended).
   */
  fork(id: SessionId, command: ForkSessionCommand): Promise<SessionRecord>;
  /**
   * Forks before a message, and sends the edited message to the new session, whose `branch` identifies the original
   * message. Rejects as `fork` and `send` do. Also rejects: invalid_request (the message began no run, or the text is
   * empty), conflict (a run is active).
   */
  edit(id: SessionId, command: EditMessageCommand): Promise<EditMessageResult>;
  /** Newest `latestMessageAt` first. Excludes sessions being deleted. A search may ignore `projectId` and `status`. */
  list(only?: SessionListQuery): Promise<readonly SessionRecord[]>;
  /** Yields the sessions of `list` in batches. Sessions that change position during the iteration come last. */
  pieces(only?: SessionListScope): AsyncIterable<readonly SessionRecord[]>;
  /** From here on, methods that take a session id reject with session_not_found, except `watching`. */
  get(id: SessionId): Promise<SessionRecord>;
  rename(id: SessionId, title: string): Promise<SessionRecord>;
  /** Logs a new title as `title`, and changes to the agent, metadata, budget or `archived` as `session.updated`. */
  update(id: SessionId, change: SessionPatch): Promise<SessionRecord>;
  /**
   * Also moves the children. A change of owner removes the session's name. Ends open streams of the previous project's
   * members. Rejects: invalid_request (another owner without a project), not_found (the new owner is not allowed to
   * work in the project), conflict (a child session, or one that uses a project volume), quota, sandbox_capacity.
   */
  move(id: SessionId, move: SessionMove): Promise<SessionRecord>;
  /**
   * Yields every session in scope as `changed`, then all changes and deletions, even outside the scope. Ends on abort
   * or shutdown. Rejects: queue_full.
   */
  watch(signal: AbortSignal, only?: SessionListScope): AsyncIterable<SessionListChange>;
  /** Also deletes the session's children. Once this resolves, no list contains the session. */
  delete(id: SessionId): Promise<void>;
  /** Rejects: invalid_request (the message is empty or too long), queue_full. */
  send(id: SessionId, command: SendUserMessageCommand): Promise<SendUserMessageResult>;
  /** Resolves when the run's processes have ended, or immediately if no run is active. */
  stop(id: SessionId): Promise<{ stopped: boolean }>;

  /** The first decision applies. Rejects: conflict (the call is not waiting for approval). */
  decide(id: SessionId, command: DecideApprovalCommand): Promise<{ callId: string; decision: 'approved' | 'rejected' }>;

  /** Events after the seq `after`. */
  page(id: SessionId, after: number, limit: number): Promise<EventPage>;
  history(id: SessionId): AsyncIterable<SessionEvent>;
  /** Ends when the signal fires, the session is deleted, or the server shuts down. */
  follow(id: SessionId, after: number, options: FollowOptions): AsyncIterable<LogUpdate>;
  /** The run that has not ended, even if it is waiting. */
  activeRun(id: SessionId): Promise<{ runId: RunId; startedSeq: number; waiting: boolean } | undefined>;
  /** Returns the newest turn's prompt by default. Rejects: not_found (no such turn). */
  promptAt(id: SessionId, turn?: number): Promise<RecordedRequest>;
  agent(id: SessionId): Promise<EffectiveAgent>;
  /** Includes workspace skills only while the sandbox is running. */
  skills(id: SessionId, signal: AbortSignal): Promise<readonly SessionSkillInfo[]>;
  /** A session with a viewer has no unread messages. */
  watching(id: SessionId): Disposable;

  /** Reads only the session's record. */
  sandbox(id: SessionId): Promise<SandboxView>;
  /** Reads the log if the sandbox is not running. Rejects: shell_not_found. */
  shell(id: SessionId, shellId: string, signal: AbortSignal): Promise<ShellView>;
  /** Invalid UTF-8 becomes U+FFFD. Rejects: file_not_found, path_outside, payload_too_large (more than 10 MiB). */
  readFile(id: SessionId, path: string, signal: AbortSignal): Promise<string>;

  health(signal: AbortSignal): Promise<ServerHealth>;
}
export interface ServerHealth {
  readonly storage: HealthCheckResult;
  readonly sandbox: HealthCheckResult & {
    readonly driver: string;
    readonly pause?: PauseSupport;
    /** How the driver runs sandboxes, for example as pods or claims. Absent: only one way exists. */
    readonly engine?: string;
    /** Why services cannot run alongside sandboxes. Absent: they can. */
    readonly noServices?: string;
    /** Why sandboxes cannot mount volumes. Absent: they can. */
    readonly noVolumes?: string;
    readonly lacking?: readonly { readonly name: string; readonly text: string }[];
    readonly weaknesses?: readonly { readonly name: string; readonly text: string }[];
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
