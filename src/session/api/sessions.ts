import type { Origin, SessionEvent } from '../../core/events.ts';
import type { MessageId, RunId, SessionId } from '../../core/ids.ts';
import type { EventPage, Followed, FollowOptions } from '../../core/ports.ts';
import type { SandboxView, SessionRecord } from '../../core/records.ts';
import type { ExecResult, ShellView } from '../../sandbox/client.ts';

export type SendMode = 'inject' | 'queue' | 'replace';
export interface SendCommand {
  readonly text: string;
  readonly mode: SendMode;
  readonly attachments?: readonly string[];
  /** The sender's own clock, epoch seconds. */
  readonly clientTimestamp?: number;
}
export interface Sent {
  readonly messageId: MessageId;
  /** The run that takes the message: the active one, the queued one, or the one that starts. */
  readonly runId: RunId;
  /** Of its `message.user`. */
  readonly seq: number;
}

export interface DecideCommand {
  readonly callId: string;
  readonly decision: 'approved' | 'rejected';
  /** Who says so, as the log will name them. */
  readonly by: string;
  /** For the model. */
  readonly text?: string;
}

/** A part of the list: so many of those that are wanted, behind a place in its order. */
export interface ListQuery {
  readonly limit: number;
  readonly after: { readonly latestMessageAt: number; readonly id: string } | undefined;
  readonly keep: (session: SessionRecord) => boolean;
}

/** News of the list of sessions. */
export type SessionNews = { readonly type: 'changed' | 'deleted'; readonly session: SessionRecord };

export interface CreateCommand {
  readonly origin: Origin;
  readonly title?: string;
  /** The title is made up: it is no event, and the first run's own replaces it. */
  readonly provisionalTitle?: true;
  readonly template?: string;
  readonly projectId?: string | null;
  /** Only noted, as `lastTask`; nothing runs. */
  readonly task?: string;
  /** Whose it is, see `SessionRecord`. */
  readonly owner?: string;
}
export interface SessionChange {
  readonly title?: string;
  readonly favorite?: boolean;
  readonly pinned?: boolean;
  readonly shared?: boolean;
  readonly archived?: boolean;
  /** All messages were read. */
  readonly unread?: 0;
}

/** Everything a facade may ask for. Facades translate to and from this and decide nothing. Rejects only with AppError. */
export interface SessionService {
  /** Rejects: sandbox_capacity (too many sessions), rate_limited (the owner's start too many at once). The sandbox starts in the background. */
  create(command: CreateCommand): Promise<SessionRecord>;
  /** All that are not being deleted, newest `latestMessageAt` first; at least those that `only` asks for. */
  list(only?: ListQuery): Promise<readonly SessionRecord[]>;
  /** Rejects: session_not_found; so does every method below. */
  get(id: SessionId): Promise<SessionRecord>;
  rename(id: SessionId, title: string): Promise<SessionRecord>;
  /** Only what is given. A title appends a `title` event; the rest is no fact of the session. */
  update(id: SessionId, change: SessionChange): Promise<SessionRecord>;
  /** News of the list: first all as `changed`, then each change and deletion. Ends with the signal, or when the server drains. Rejects: queue_full. */
  watch(signal: AbortSignal): AsyncIterable<SessionNews>;
  /** Ends its run, streams, processes, workspace and log; it is in no list before this resolves. */
  delete(id: SessionId): Promise<void>;
  /** Rejects: invalid_request (empty or too long), queue_full. */
  send(id: SessionId, command: SendCommand): Promise<Sent>;
  /** Resolves when the run and all it started have ended; an idle session is a success. */
  stop(id: SessionId): Promise<{ stopped: boolean }>;

  /** Decides on a call that waits for leave; the first to come counts. Rejects: conflict (it waits no more, or never did). */
  decide(id: SessionId, command: DecideCommand): Promise<{ callId: string; decision: 'approved' | 'rejected' }>;

  /** Events after a cursor; `follow` ends with the session, or when the server drains. */
  page(id: SessionId, after: number, limit: number): Promise<EventPage>;
  history(id: SessionId): AsyncIterable<SessionEvent>;
  follow(id: SessionId, after: number, options: FollowOptions): AsyncIterable<Followed>;
  /** The active run (from its `run.started` to its `run.end`, waiting included), and where it began. */
  activeRun(id: SessionId): Promise<{ runId: RunId; startedSeq: number; waiting: boolean } | undefined>;
  /** Somebody watches: unread messages are none while at least one does. */
  watching(id: SessionId): Disposable;

  /** `known`: the session as it was just read; it is then not read again. */
  sandbox(id: SessionId, known?: SessionRecord): Promise<SandboxView>;
  /** Starts the sandbox when it is stopped. Rejects: sandbox_unavailable and the driver's other codes. */
  exec(
    id: SessionId,
    command: { command: string; cwd?: string; timeoutMs?: number },
    signal: AbortSignal,
  ): Promise<ExecResult>;
  /** From the sandbox while it runs, else from the log. Rejects: shell_not_found. */
  shell(id: SessionId, shellId: string, signal: AbortSignal): Promise<ShellView>;
  /** Text; invalid bytes become U+FFFD. Rejects: file_not_found, path_outside. */
  readFile(id: SessionId, path: string, signal: AbortSignal): Promise<string>;

  health(signal: AbortSignal): Promise<ServiceHealth>;
}
export interface ServiceHealth {
  readonly storage: CheckResult;
  readonly sandbox: CheckResult & {
    readonly driver: string;
    /** The walls that this machine does not let the driver have; absent where it has all or does not say. */
    readonly weaknesses?: readonly { readonly name: string; readonly text: string }[];
  };
  readonly model: CheckResult & { readonly name: string };
  readonly sessions: { readonly total: number; readonly running: number; readonly waiting: number };
}
export interface CheckResult {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly detail?: string;
}
