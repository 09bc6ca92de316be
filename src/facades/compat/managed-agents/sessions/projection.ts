import type { ErrorCode } from '../../../../core/errors/errors.ts';
import type { FactOf, SessionEvent } from '../../../../core/model/events.ts';
import type { RunId, SessionId } from '../../../../core/model/ids.ts';
import type { WaitReason } from '../../../../core/model/spending.ts';
import { toIsoTime } from '../wire.ts';
import { toBudgetView } from './budget.ts';
import { type AnnouncedToolCall, type EventDraft, ToolCallTracker } from './calls.ts';
import { apiEventIdOf, thoughtPartNumber, toApiEventId, toApiMessageId, toApiThreadId, toApiUploadId } from './ids.ts';
import { OutcomeTracker } from './outcomes.ts';
import { type ChildMessage, DelegationTracker } from './threads/delegations.ts';
import { addLoggedUsage, toSpanUsage, toUsageView, type UsageTotals, zeroUsageTotals } from './usage.ts';

export interface ManagedEvent {
  readonly id: string;
  readonly type: string;
  readonly processed_at: string | null;
  readonly [field: string]: unknown;
}
export type StopReason =
  | { readonly type: 'end_turn' | 'retries_exhausted' | 'budget_reached' | 'refusal' }
  | { readonly type: 'requires_action'; readonly event_ids: readonly string[] };
export interface AgentDetails {
  readonly name: string;
  readonly customTools: ReadonlySet<string>;
  /** Maps Corral's names for MCP servers to the client's names. */
  readonly servers: ReadonlyMap<string, string>;
  readonly subAgents?: ReadonlyMap<string, string>;
  readonly shown?: () => object;
}
type Fields = Readonly<Record<string, unknown>>;
class State {
  seq = 0;
  at = 0;
  status: 'idle' | 'running' | 'rescheduling' = 'idle';
  run: RunId | null = null;
  hasOpenRun = false;
  lastWords = '';
  request: string | undefined;
  /** Whether the next message is hidden, because it asks about a call or an exhausted budget. */
  asking = false;
  failure = '';
  usage = zeroUsageTotals;
  runningSince: number | undefined;
  activeMs = 0;
  hasThought = false;
  sentTitle: string | undefined;
  queued: ReadonlyMap<RunId, ManagedEvent> = new Map();
  openMessage: string | undefined;
}

/** The same log always produces the same events. */
export class ThreadProjection {
  readonly #id: SessionId;
  #agent: AgentDetails;
  readonly #now: State;
  readonly #calls: ToolCallTracker;
  readonly outcomes: OutcomeTracker;
  readonly delegations: DelegationTracker;
  readonly #children: Map<SessionId, string>;
  #nextId = (): string => '';
  #out: ManagedEvent[] = [];

  constructor(id: SessionId, agent: AgentDetails, from?: ThreadProjection) {
    this.#id = id;
    this.#agent = agent;
    this.#now = { ...(from ? from.#now : new State()) };
    this.#calls = from ? from.#calls.copy() : new ToolCallTracker();
    this.outcomes = from ? from.outcomes.copy() : new OutcomeTracker();
    this.delegations = from ? from.delegations.copy() : new DelegationTracker();
    this.#children = new Map(from ? from.#children : []);
  }
  copy(): ThreadProjection {
    return new ThreadProjection(this.#id, this.#agent, this);
  }

  get agent(): AgentDetails {
    return this.#agent;
  }
  setAgent(agent: AgentDetails): void {
    this.#agent = agent;
  }

  get openMessage(): string | undefined {
    return this.#now.openMessage;
  }
  get seq(): number {
    return this.#now.seq;
  }
  get status() {
    return this.#now.status;
  }
  get hasOpenRun(): boolean {
    return this.#now.hasOpenRun;
  }
  get usage(): UsageTotals {
    return this.#now.usage;
  }
  activeMs(now: number): number {
    return this.#now.activeMs + (this.#now.runningSince === undefined ? 0 : Math.max(0, now - this.#now.runningSince));
  }
  get pending(): readonly string[] {
    return this.#calls.pending;
  }
  callOf(eventId: string): AnnouncedToolCall | undefined {
    return this.#calls.of(eventId);
  }
  get isBlocked(): boolean {
    const { waiting } = this.delegations;
    return this.#now.status === 'running' && waiting.length > 0 && waiting.length === this.#calls.underWay;
  }
  get lastWords(): string {
    return this.#now.lastWords;
  }
  get thread(): { readonly session_thread_id: string; readonly agent_name: string } {
    return { session_thread_id: toApiThreadId(this.#id), agent_name: this.#agent.name };
  }
  /** Questions about a call or an exhausted budget are hidden. */
  get shows(): boolean {
    return !this.#now.asking;
  }

  add(event: SessionEvent): readonly ManagedEvent[] {
    this.#now.seq = event.seq;
    this.#now.at = event.ts;
    this.#nextId = () => apiEventIdOf(event, this.#out.length);
    this.#out = [];
    this.#fold(event);
    return this.#out;
  }

  #fold(event: SessionEvent): void {
    switch (event.type) {
      case 'message.user':
        this.#asks(event);
        break;
      case 'run.started':
        this.#take(event.runId);
        this.outcomes.begin(event.runId);
        this.#now.hasOpenRun = true;
        this.#run();
        break;
      case 'run.resumed':
        this.#run();
        break;
      case 'message.delta':
        this.#now.openMessage = event.data.messageId;
        if (isQuestion(event.data.waits)) this.#now.asking = true;
        if (!this.#now.asking && event.data.waits === undefined) this.#startReply();
        break;
      case 'message.assistant':
        this.#projectMessage(event.data);
        break;
      case 'usage':
        if (event.data.purpose === 'grade') this.#graded(event);
        else this.#used(event.data);
        break;
      case 'approval.requested':
        this.#projectApproval(event.data);
        break;
      case 'approval.resolved':
        this.#emitDraft(this.#calls.resolve(event.data));
        break;
      case 'tool.calling':
        this.#calling(event.data);
        break;
      case 'tool.called':
        this.#called(event.data);
        break;
      case 'run.wait':
        this.#now.asking = false;
        this.#idle(this.#waitReason(event.data));
        break;
      case 'run.notice':
        if (event.data.kind === 'waiting_provider') this.#reschedule(event.data);
        if (event.data.kind === 'resumed_after_restart') this.#finish(true); // the interrupted model request is repeated
        if (event.data.credential) this.#missHost(event.data.detail, event.data.credential);
        if (event.data.server) this.#missTools(event.data.detail, event.data.server);
        break;
      case 'child.started':
        this.#delegated(event.data);
        break;
      case 'run.error':
        this.#now.failure = event.data.error;
        break;
      case 'run.end':
        this.#end(event);
        break;
      case 'goal':
        this.#emitDraft(
          this.outcomes.judge(event.runId, event.data, {
            word: toApiEventId(this.#id, this.#now.seq),
            at: this.#now.at,
          }),
        );
        break;
      case 'context.compacted':
        this.#emit('agent.thread_context_compacted', {});
        break;
      case 'sandbox.setup':
        this.#emit('session.error', { error: errorOf('unknown_error', event.data.detail, 'exhausted') });
        break;
      case 'repository':
        if (event.data.kind === 'failed') this.#missRepository(event.data);
        break;
      case 'title':
        // Reports only titles that clients set after the session's creation.
        if (event.runId === null && this.#now.seq > 2 && this.#now.sentTitle !== event.data.title)
          this.#emit('session.updated', { title: event.data.title });
        this.#now.sentTitle = undefined;
        break;
      case 'session.updated':
        this.#changed(event.data);
        break;
      default:
        break;
    }
  }

  #emit(type: string, fields: Fields, id?: string): void {
    this.#out.push({ id: id ?? this.#nextId(), type, processed_at: toIsoTime(this.#now.at), ...fields });
  }
  #emitDraft(draft: EventDraft | undefined): void {
    if (draft) this.#emit(draft.type, draft.fields);
  }

  /** A message for a later run is reported when that run starts. */
  #asks(event: FactOf<'message.user'> & { readonly seq: number }): void {
    const content = event.data.blocks ?? contentOf(event.data);
    const { type, fields } = this.outcomes.define(this.#id, event) ?? { type: 'user.message', fields: { content } };
    const requested = { id: this.#nextId(), type, processed_at: null, ...fields };
    if (event.runId === null || event.runId === this.#now.run)
      this.#out.push({ ...requested, processed_at: toIsoTime(this.#now.at) });
    else this.#now.queued = new Map(this.#now.queued).set(event.runId, requested);
  }
  #take(runId: RunId | null): void {
    this.#now.run = runId;
    const requested = runId === null ? undefined : this.#now.queued.get(runId);
    if (!requested) return;
    this.#now.queued = new Map([...this.#now.queued].filter(([other]) => other !== runId));
    this.#out.push({ ...requested, processed_at: toIsoTime(this.#now.at) });
  }
  get queued(): readonly ManagedEvent[] {
    return [...this.#now.queued.values()];
  }

  #changed({ title, agent, metadata, budget, archived }: FactOf<'session.updated'>['data']): void {
    const { shown } = this.#agent;
    // A separate title event follows.
    this.#now.sentTitle = title;
    const fields = {
      ...(title !== undefined && { title }),
      ...(agent && shown && { agent: shown() }),
      ...(metadata && { metadata }),
      // Renewable limits do not exist in this API.
      ...(budget && (budget.hard || Object.keys(budget).length === 0) && { budget: toBudgetView({ budget }) }),
    };
    if (Object.keys(fields).length > 0) this.#emit('session.updated', fields);
    if (!archived) return;
    this.#emit('session.thread_status_terminated', this.thread);
    this.#emit('session.status_terminated', {});
  }

  #run(): void {
    if (this.#now.status === 'running') return;
    this.#now.status = 'running';
    this.#now.runningSince ??= this.#now.at;
    this.#emit('session.status_running', {});
    this.#emit('session.thread_status_running', this.thread);
  }
  #idle(reason: StopReason, details: Fields | null = null): void {
    this.#now.activeMs = this.activeMs(this.#now.at);
    this.#now.runningSince = undefined;
    this.#now.status = 'idle';
    const stop = { stop_reason: reason, stop_details: details };
    this.#emit('session.thread_status_idle', { ...this.thread, ...stop });
    this.#emit('session.usage', { usage: toUsageView(this.#now.usage, this.#now.activeMs), budget: null });
    this.#emit('session.status_idle', stop);
  }

  #startReply(): void {
    if (this.#now.status === 'rescheduling') this.#run();
    if (this.#now.request !== undefined) return;
    this.#now.request = this.#nextId();
    this.#emit('span.model_request_start', {});
  }
  #finish(isError: boolean, used: Fields = nothingUsed): void {
    if (this.#now.request === undefined) return;
    this.#emit('span.model_request_end', {
      model_request_start_id: this.#now.request,
      is_error: isError,
      model_usage: used,
    });
    this.#now.request = undefined;
  }
  #projectMessage({ messageId, text, waits, thought }: FactOf<'message.assistant'>['data']): void {
    this.#now.openMessage = undefined;
    if (isQuestion(waits)) this.#now.asking = true; // the deltas that identified the question may be missing from the log
    if (this.#now.asking || text === '') return;
    this.#now.lastWords = text;
    if (waits === undefined) this.#startReply(); // questions are not model requests
    if (thought) this.#think(toApiMessageId(messageId, thoughtPartNumber));
    this.#emit('agent.message', { content: [{ type: 'text', text }] }, toApiMessageId(messageId));
  }
  #used(data: FactOf<'usage'>['data']): void {
    this.#now.usage = addLoggedUsage(this.#now.usage, data);
    this.#startReply();
    if (data.thoughts && !this.#now.hasThought) this.#emit('agent.thinking', {});
    this.#now.hasThought = false;
    this.#finish(false, toSpanUsage(addLoggedUsage(zeroUsageTotals, data)));
  }
  #think(id: string): void {
    this.#now.hasThought = true;
    this.#emit('agent.thinking', {}, id);
  }
  /** Requests to the grader are reported with the verdict. */
  #graded({ runId, data }: FactOf<'usage'>): void {
    this.#now.usage = addLoggedUsage(this.#now.usage, data);
    this.outcomes.use(runId, data);
  }

  #projectApproval(data: FactOf<'approval.requested'>['data']): void {
    this.#now.asking = true;
    this.#emitDraft(this.#calls.ask(data, { agent: this.#agent, eventId: this.#nextId() }));
  }
  #calling(data: FactOf<'tool.calling'>['data']): void {
    if (this.#now.status === 'rescheduling') this.#run();
    const isDelegation = !this.#agent.customTools.has(data.function) && this.delegations.begin(data);
    this.#emitDraft(this.#calls.begin(data, { agent: this.#agent, eventId: this.#nextId(), isShown: !isDelegation }));
  }
  #delegated(data: FactOf<'child.started'>['data']): void {
    const { child, text, agent } = this.delegations.start(data);
    const name = agent === undefined ? this.#agent.name : (this.#agent.subAgents?.get(agent) ?? agent);
    this.#children.set(child, name);
    this.#emit('session.thread_created', {
      session_thread_id: toApiThreadId(child),
      agent_name: name,
      workflow_run_id: null,
    });
    this.#wrote({ child, text: text || data.task });
  }
  #wrote({ child, text }: ChildMessage): void {
    this.#emit('agent.thread_message_sent', {
      to_session_thread_id: toApiThreadId(child),
      to_agent_name: this.#children.get(child) ?? null,
      content: [{ type: 'text', text }],
    });
  }
  #called(data: FactOf<'tool.called'>['data']): void {
    const sent = this.delegations.end(data);
    if (sent) this.#wrote(sent);
    this.#emitDraft(this.#calls.end(data));
  }

  #waitReason({ reason }: FactOf<'run.wait'>['data']): StopReason {
    if (reason === 'approval' || this.pending.length > 0) return { type: 'requires_action', event_ids: this.pending };
    return { type: reason === 'budget' ? 'budget_reached' : 'end_turn' };
  }
  #reschedule({ detail, code }: FactOf<'run.notice'>['data']): void {
    this.#finish(true);
    const type = (code && errorTypes[code]) ?? 'model_overloaded_error';
    this.#emit('session.error', { error: errorOf(type, detail, 'retrying') });
    if (this.#now.status === 'rescheduling') return;
    this.#now.status = 'rescheduling';
    this.#emit('session.thread_status_rescheduled', this.thread);
    this.#emit('session.status_rescheduled', {});
  }
  /** Each model request retries the tool server. Its tools are missing until a retry succeeds. */
  #missTools(detail: string, { name, isRefused }: { readonly name: string; readonly isRefused: boolean }): void {
    const type = isRefused ? 'mcp_authentication_failed_error' : 'mcp_connection_failed_error';
    const server = { mcp_server_name: this.#agent.servers.get(name) ?? name };
    this.#emit('session.error', { error: { ...errorOf(type, detail, 'retrying'), ...server } });
  }
  /** Reports `retrying`, although a changed environment or credential applies only in the next run. */
  #missHost(detail: string, { id, vaultId, host }: NonNullable<FactOf<'run.notice'>['data']['credential']>): void {
    const error = errorOf('credential_host_unreachable_error', detail, 'retrying');
    this.#emit('session.error', { error: { ...error, credential_id: id, vault_id: vaultId, host } });
  }
  /** The next sandbox start retries the clone. The session continues without the repository. */
  #missRepository({ detail, url }: FactOf<'repository'>['data']): void {
    const error = errorOf('repository_clone_error', detail, 'retrying');
    this.#emit('session.error', { error: { ...error, repository_url: url } });
  }
  #end({ runId, data }: FactOf<'run.end'>): void {
    const { status, reason, code } = data;
    this.#now.asking = false;
    this.#take(runId); // the message of a run that was stopped before it started
    this.#now.run = null;
    this.#now.hasOpenRun = false;
    // The interrupt comes first, because its sender received the id of this log event's first API event.
    if (reason === 'stopped') this.#emit('user.interrupt', { session_thread_id: null });
    this.#finish(status !== 'completed');
    for (const draft of this.#calls.endAll()) this.#emitDraft(draft);
    this.delegations.clear();
    this.#emitDraft(this.outcomes.close(runId, data, this.#now.at));
    const failure = this.#now.failure;
    this.#now.failure = '';
    if (status !== 'failed') {
      this.#idle({ type: 'end_turn' });
      return;
    }
    if (code === 'model_refused') {
      this.#idle({ type: 'refusal' }, { type: 'refusal', category: null, explanation: failure || null });
      return;
    }
    this.#emit('session.error', {
      error: errorOf(errorTypes[code ?? 'internal'] ?? 'unknown_error', failure || 'The run failed.', 'exhausted'),
    });
    this.#idle({ type: 'retries_exhausted' });
  }
}

/** Questions that this API does not show as messages. */
const isQuestion = (waits: WaitReason | undefined) => waits === 'budget' || waits === 'approval';

const nothingUsed = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const errorOf = (type: string, message: string, retry: 'retrying' | 'exhausted' | 'terminal') => ({
  type,
  message,
  retry_status: { type: retry },
});
const errorTypes: Partial<Record<ErrorCode, string>> = {
  model_overloaded: 'model_overloaded_error',
  model_unavailable: 'model_overloaded_error',
  model_rate_limited: 'model_rate_limited_error',
  model_quota: 'billing_error',
  model_unauthorized: 'model_request_failed_error',
  model_unknown: 'model_request_failed_error',
  model_rejected: 'model_request_failed_error',
  model_stalled: 'model_request_failed_error',
  provider_error: 'model_request_failed_error',
  empty_reply: 'model_request_failed_error',
  model_context: 'compaction_limit_reached_error',
};

const contentOf = ({ text, attachments }: FactOf<'message.user'>['data']) => [
  { type: 'text', text },
  ...attachments.map((file) => ({ type: 'document', source: { type: 'file', file_id: toApiUploadId(file) } })),
];
