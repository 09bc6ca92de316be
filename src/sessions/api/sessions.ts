import { z } from 'zod';
import type { SeenRequest } from '../../agents/models/seen-request.ts';
import type { EventPage, FollowOptions, LogUpdate } from '../../core/contracts/ports.ts';
import type { ApiBlock, Origin, SessionEvent, SessionStatus } from '../../core/model/events.ts';
import type { MessageId, RunId, SessionId } from '../../core/model/ids.ts';
import type { SandboxChoice, SandboxView, SessionLife, SessionRecord } from '../../core/model/records.ts';
import type { GitPerson, RepositoryInput } from '../../core/model/repository.ts';
import type { Goal } from '../../core/model/runs/goal.ts';
import type { Decision } from '../../core/model/runs/session-command.ts';
import type { PauseAbility } from '../../core/model/sandboxes/condition.ts';
import type { MountRequest } from '../../core/model/sandboxes/volume.ts';
import type { SessionAgent } from '../../core/model/session-agent.ts';
import type { OwnBudget } from '../../core/model/spending.ts';
import type { ToolProgram } from '../../core/model/tool-server.ts';
import type { ShellView } from '../../sandboxes/client/client.ts';
import type { DesktopOffer } from './desktop.ts';
import type { ServiceRules } from './rules.ts';

export type SendMode = 'inject' | 'queue' | 'replace';
export interface SendCommand {
  readonly text: string;
  readonly mode: SendMode;
  readonly attachments?: readonly string[];
  /** The sender's clock, in epoch seconds. */
  readonly clientTimestamp?: number;
  /** The message begins its own run, which has this goal: at once, instead of the active run, or after it. */
  readonly goal?: Goal;
  /** The message in the words of the program's API, which gets it back like that. */
  readonly blocks?: readonly ApiBlock[];
  /** An id that the sender chose. The session gets a message with this id once, however many servers send it. */
  readonly messageId?: MessageId;
}
export interface SendResult {
  readonly messageId: MessageId;
  /** The run that takes the message: the active one, a queued one, or a new one. */
  readonly runId: RunId;
  /** The seq of the message's `message.user` event. */
  readonly seq: number;
}

export interface DecideCommand extends Decision {
  /** The name of the person who decides, as the log records it. */
  readonly by: string;
  /** Decisions on further calls, in the same step. Those on calls that do not wait are passed over. */
  readonly also?: readonly Decision[];
}

/** Asks for one page of the list: up to a number of matching sessions after a place in its order. */
export interface ListQuery {
  readonly limit: number;
  readonly after: { readonly latestMessageAt: number; readonly id: string } | undefined;
  readonly keep: (session: SessionRecord) => boolean;
  /** Only those of this owner and of its projects, or else only those of this project or status. No others are read. */
  readonly owner?: string;
  readonly projects?: readonly string[];
  readonly projectId?: string;
  readonly status?: SessionStatus;
  /** Only sessions whose title contains the text, or one of whose messages does where `mayRead` admits the session. */
  readonly search?: { readonly text: string; readonly mayRead?: (session: SessionRecord) => boolean };
}

/** The sessions that a list reads. */
export type ListScope = Pick<ListQuery, 'owner' | 'projects' | 'projectId'>;

/** One change of the list of sessions. */
export type SessionListChange = { readonly type: 'changed' | 'deleted'; readonly session: SessionRecord };

export interface CreateCommand {
  readonly origin: Origin;
  /** Without one: a new id. With one, a second creation rejects with `fenced`. */
  readonly id?: SessionId;
  readonly title?: string;
  /** The title is a placeholder: it is not logged as an event, and the first run replaces it. */
  readonly provisionalTitle?: true;
  /** The name that its owner has for it; only `named` gives one. */
  readonly name?: string;
  /** Without one: that of the project, else that of the server. */
  readonly template?: string;
  readonly projectId?: string | null;
  /** Stored as `lastTask`; it starts no run. */
  readonly task?: string;
  /** The owner's id, see `SessionRecord`. */
  readonly owner?: string;
  /** `demo` or `provider/model`. A model that cannot be created fails the runs, and each error says why. */
  readonly model?: string;
  /** Fallbacks, in order. Default: the template's, else the server's. */
  readonly fallbacks?: readonly string[];
  /** Beside those of the template and of the server, or instead of those with the same name. */
  readonly toolServers?: readonly ToolProgram[];
  /** Fetched into the workspace before anyone uses it. */
  readonly repositories?: readonly RepositoryInput[];
  /** In whose name commits are made; without one: the person that the settings name. */
  readonly author?: GitPerson;
  /**
   * The life of a sandbox that a program uses and no run. The program decides its end and its pauses; no idle rule
   * applies.
   */
  readonly life?: SessionLife;
  /** Names and values by which programs find the session again. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly sandbox?: SandboxChoice;
  /** Volumes of the owner, by their ids or names, instead of those of the template. */
  readonly volumes?: readonly MountRequest[];
  /** The id or name of a template that its owner built, from whose image the sandbox starts. */
  readonly built?: string;
  /** Limits next to those of its template and of the server; the smaller one counts. */
  readonly budget?: OwnBudget;
  /** The session's own agent, instead of those of template and project. */
  readonly agent?: SessionAgent;
  /** Skills of the owner and shared ones, next to those of the template: `pdf`, or `pdf@3` for one of its versions. */
  readonly skills?: readonly string[];
  /** Only the server itself makes children. */
  readonly parent?: SessionRecord['parent'];
  /** In place of `template`: the template of the parent, and the part that named it. */
  readonly sameAgent?: Pick<SessionRecord, 'template' | 'templateBy'>;
  /** After this time the session is deleted, with its sandbox and files. */
  readonly lifetimeSeconds?: number;
  /** The id or name of the snapshot whose files it begins with; the guard of callers turns it into `startsFrom`. */
  readonly snapshot?: string;
  /** The copy of files that it begins with, and the hash that the copy must have. */
  readonly startsFrom?: { readonly blob: string; readonly sha256: string };
}
/** Asks for the owner's session of this name. The other fields apply only if it does not exist yet. */
export type NamedCommand = Omit<CreateCommand, 'id' | 'name' | 'task'> & { readonly name: string };
export interface NamedSession {
  readonly session: SessionRecord;
  /** This call made the session; another call for the same name at the same time finds it. */
  readonly isNew: boolean;
}
/** An absent limit is no limit. */
const Limits = z.object({
  turns: z.number().optional(),
  tokens: z.number().optional(),
  cost: z.number().optional(),
  toolCalls: z.number().optional(),
  ms: z.number().optional(),
});
/** The agent of a session, after the settings, its template, its project and its own choices. */
export const EffectiveAgent = z.object({
  template: z.string(),
  mode: z.enum(['plan-act', 'react']),
  model: z.string(),
  fallbacks: z.array(z.string()).readonly(),
  /** The tools without those of tool servers, which are known once the sandbox runs. */
  tools: z.array(z.string()).readonly(),
  /** The names of the tool servers. */
  toolServers: z.array(z.string()).readonly(),
  /** The tools whose calls wait for a person; `*`: all. */
  approvals: z.array(z.string()).readonly(),
  /** The skills that were chosen for the session: `pdf`, or `pdf@3`. */
  skills: z.array(z.string()).readonly(),
  /** The limits of each run, and of the session over all of its runs. Times in ms. */
  budgets: z.object({ run: Limits, session: Limits }),
});
export type EffectiveAgent = z.infer<typeof EffectiveAgent>;
export type Budgets = EffectiveAgent['budgets'];
/** A skill that the agent of a session can read. */
export const SessionSkillInfo = z.object({
  name: z.string(),
  description: z.string(),
  source: z.enum(['uploaded', 'workspace']),
  /** Null for a skill of the workspace. */
  version: z.string().nullable(),
});
export type SessionSkillInfo = z.infer<typeof SessionSkillInfo>;
export interface ForkCommand {
  readonly origin: Origin;
  /** The seq of a `run.end`, or of a `step` that completed or failed; unset: the end of the newest run. */
  readonly seq?: number;
  /** Unset: the title of the forked session. */
  readonly title?: string;
  /** False: the new session begins without files. */
  readonly files?: boolean;
  /** The same as in `CreateCommand`. */
  readonly owner?: string;
  /** Only the server itself makes children. A child that is there already rejects with `fenced`. */
  readonly child?: ForkedChild;
}
/** A fork that is a child of the forked session. */
export interface ForkedChild {
  readonly id: SessionId;
  readonly parent: NonNullable<SessionRecord['parent']>;
  readonly budget: OwnBudget;
  /** In place of the parent's. */
  readonly model?: string;
}
export interface EditCommand {
  readonly origin: Origin;
  /** The seq of a `message.user` event that began a run. */
  readonly seq: number;
  /** The message in its new wording. */
  readonly text: string;
  /** The new message has its own; those of the old one are not copied. */
  readonly attachments?: readonly string[];
  /** The goal of the run that the new wording begins; that of the old one is not taken over. */
  readonly goal?: Goal;
  /** A run of the edited session that is under way is stopped first; otherwise it makes the edit a conflict. */
  readonly stopsRun?: boolean;
  /** The same as in `CreateCommand`. */
  readonly owner?: string;
}
export interface EditResult {
  readonly session: SessionRecord;
  readonly sent: SendResult;
}
export interface SessionChange {
  /** Free among the sessions of its owner; null gives the name up. */
  readonly name?: string | null;
  readonly title?: string;
  readonly favorite?: boolean;
  readonly pinned?: boolean;
  readonly shared?: boolean;
  readonly archived?: boolean;
  /** Marks all messages as read. */
  readonly unread?: 0;
  readonly life?: SessionLife;
  readonly tokenRounds?: number;
  /** In place of all earlier ones. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** From the next turn on. */
  readonly agent?: SessionAgent;
  /** From the next turn on. */
  readonly model?: string;
  /** In place of the earlier ones, from the next turn on. */
  readonly skills?: readonly string[];
  /** In place of the earlier one. A run that waits for its session's budget continues. */
  readonly budget?: OwnBudget;
  /** From now on; null: the session stays. */
  readonly lifetimeSeconds?: number | null;
}

export interface SessionMove {
  /** Null: out of its project, so that it is its owner's alone. Unset: the same project. */
  readonly projectId?: string | null | undefined;
  /** The new owner, who has to be able to work in the project. */
  readonly owner?: string | undefined;
}

/**
 * Everything a facade can do with sessions. Facades only translate and decide nothing. Rejects only with AppError.
 *
 * @example
 * const { id } = await sessions.create({ title: 'Report' });
 * const { runId, seq } = await sessions.send(id, { text: 'Write report.md', mode: 'queue' });
 */
export interface SessionService {
  /**
   * Returns before the sandbox has started. Rejects: invalid_request (unknown template, a model that the server must
   * not use, a sandbox beyond its settings), unsupported (a choice that the driver cannot carry out), sandbox_capacity (too many sessions), rate_limited (too many of the owner's are starting).
   */
  create(command: CreateCommand): Promise<SessionRecord>;
  /**
   * The session of this name, whose sandbox then starts or resumes in the background, or a new one. Two calls at the same time
   * get the same session, also on two servers. Rejects as `create` does.
   */
  named(command: NamedCommand): Promise<NamedSession>;
  /** The owner's session of this name; starts nothing. Rejects: session_not_found. */
  byName(name: string, owner?: string): Promise<SessionRecord>;
  /**
   * A new session with the conversation up to a place where a run or a step ended, and its files as of then where they
   * were kept (`forkedFrom.files`). Rejects: invalid_request (no such place), conflict (no run has ended), and as
   * `create` does.
   */
  fork(id: SessionId, command: ForkCommand): Promise<SessionRecord>;
  /**
   * A new session with the conversation up to a message, and the files that the run before it left, where they were
   * kept; then the message is sent there in its new wording. The edited session stays as it is. Both are branches of
   * one message (`branch`). Rejects: invalid_request (no message that began a run, an empty text), conflict (a run is
   * under way), and as `fork` and `send` do.
   */
  edit(id: SessionId, command: EditCommand): Promise<EditResult>;
  /**
   * Every session that is not being deleted, newest `latestMessageAt` first. With `only`, at least the sessions it asks
   * for.
   */
  list(only?: ListQuery): Promise<readonly SessionRecord[]>;
  /** The same sessions in pieces, for an answer that is sent as it is read. Those that move in the meantime come last. */
  pieces(only?: ListScope): AsyncIterable<readonly SessionRecord[]>;
  /** Rejects with session_not_found, as does every method below. */
  get(id: SessionId): Promise<SessionRecord>;
  rename(id: SessionId, title: string): Promise<SessionRecord>;
  /**
   * Changes only the fields that are set. A title appends a `title` event; a change of the agent, of the metadata, of the budget or of
   * `archived` appends `session.updated`; the other fields are not logged.
   */
  update(id: SessionId, change: SessionChange): Promise<SessionRecord>;
  /**
   * Gives the session, with its children, to a project or, within its project, to another owner; it loses its name then.
   * Open streams of the project's members end. Rejects: invalid_request (another owner of a session without a project),
   * not_found (no such person works in the project), conflict (the session is a child, or has a volume of the project).
   */
  move(id: SessionId, move: SessionMove): Promise<SessionRecord>;
  /**
   * Yields every session, or every one of the scope, as `changed`, then each change and deletion of any. Ends with the signal or
   * when the server drains. Rejects: queue_full.
   */
  watch(signal: AbortSignal, only?: ListScope): AsyncIterable<SessionListChange>;
  /**
   * Ends the session's run, streams and processes and removes its workspace and log. Every list omits it before this
   * resolves.
   */
  delete(id: SessionId): Promise<void>;
  /** Rejects: invalid_request (empty or too long), queue_full. */
  send(id: SessionId, command: SendCommand): Promise<SendResult>;
  /** Resolves when the run and every process it started have ended. An idle session is a success. */
  stop(id: SessionId): Promise<{ stopped: boolean }>;

  /** Answers a call that waits for permission; the first answer counts. Rejects: conflict (the call does not wait). */
  decide(id: SessionId, command: DecideCommand): Promise<{ callId: string; decision: 'approved' | 'rejected' }>;

  /** Events after a cursor. `follow` ends when the session is deleted or the server drains. */
  page(id: SessionId, after: number, limit: number): Promise<EventPage>;
  history(id: SessionId): AsyncIterable<SessionEvent>;
  follow(id: SessionId, after: number, options: FollowOptions): AsyncIterable<LogUpdate>;
  /** The active run (from its `run.started` to its `run.end`, waiting included) and the seq at which it began. */
  activeRun(id: SessionId): Promise<{ runId: RunId; startedSeq: number; waiting: boolean } | undefined>;
  /**
   * The request of a turn, as the model saw it; without `turn`, of the newest one. Rejects: not_found (no such turn).
   */
  promptAt(id: SessionId, turn?: number): Promise<SeenRequest>;
  /** The settings of the session's agent, as the next turn has them. */
  agent(id: SessionId): Promise<EffectiveAgent>;
  /** The skills of the session's agent; those of the workspace only while the sandbox runs. */
  skills(id: SessionId, signal: AbortSignal): Promise<readonly SessionSkillInfo[]>;
  /** Registers a viewer until disposed. A session with a viewer has no unread messages. */
  watching(id: SessionId): Disposable;

  /** From the session's record: neither asks the sandbox nor starts it. */
  sandbox(id: SessionId): Promise<SandboxView>;
  /** From the sandbox when it runs, else from the log. Rejects: shell_not_found. */
  shell(id: SessionId, shellId: string, signal: AbortSignal): Promise<ShellView>;
  /**
   * The file as text; invalid UTF-8 becomes U+FFFD. Rejects: file_not_found, path_outside, payload_too_large (10 MiB).
   */
  readFile(id: SessionId, path: string, signal: AbortSignal): Promise<string>;

  health(signal: AbortSignal): Promise<ServiceHealth>;
}
export interface ServiceHealth {
  readonly storage: CheckResult;
  readonly sandbox: CheckResult & {
    readonly driver: string;
    /** The most that a pause keeps; absent where no driver answers. */
    readonly pause?: PauseAbility;
    /** The kind of object that runs its sandboxes, where the driver has a choice. */
    readonly engine?: string;
    /** Why no services run next to its sandboxes; absent: they do. */
    readonly noServices?: string;
    /** Why its sandboxes mount no volumes; absent: they do. */
    readonly noVolumes?: string;
    /** The programs that its sandboxes lack, each with what does not work without it; absent: none is known. */
    readonly lacking?: readonly { readonly name: string; readonly text: string }[];
    /** The walls that this machine does not let the driver have; absent where it has all or does not say. */
    readonly weaknesses?: readonly { readonly name: string; readonly text: string }[];
    /** Whether new sandboxes have a desktop; absent where the settings say that none has. */
    readonly desktop?: DesktopOffer;
  };
  readonly model: CheckResult & { readonly name: string };
  readonly sessions: { readonly total: number; readonly running: number; readonly waiting: number };
}
export interface CheckResult {
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
