import type { ErrorCode } from '../../../../core/errors/errors.ts';
import type { FactOf, SessionEvent } from '../../../../core/model/events.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import { iso } from '../wire.ts';
import { shownBudget } from './budget.ts';
import { eventWord, messageWord, threadWord, wordOf } from './ids.ts';
import { Outcomes } from './outcomes.ts';
import { Delegations, type TextToChild } from './threads/delegations.ts';
import { noUsage, spanUsageOf, type Usage, usageOf, withUsage } from './usage.ts';

/** An event of the API. */
export interface ManagedEvent {
  readonly id: string;
  readonly type: string;
  readonly processed_at: string | null;
  readonly [field: string]: unknown;
}
export type StopReason =
  | { readonly type: 'end_turn' | 'retries_exhausted' | 'budget_reached' | 'refusal' }
  | { readonly type: 'requires_action'; readonly event_ids: readonly string[] };
/** A call of a tool, by the event that announced it. */
interface KnownCall {
  readonly eventId: string;
  readonly kind: 'tool' | 'mcp' | 'custom';
  readonly answered: boolean;
}
/** `waitsFor` is undefined once the call waits no more. */
export interface AnnouncedCall {
  readonly callId: string;
  readonly kind: KnownCall['kind'];
  readonly waitsFor: 'permission' | 'result' | undefined;
}
export interface AgentFacts {
  readonly name: string;
  /** The tools that the program carries out. */
  readonly customTools: ReadonlySet<string>;
  /** The names of tool servers in the program's words, by the server's own. */
  readonly servers: ReadonlyMap<string, string>;
  /** The names of the agents that it can give work to, by the words of its calls; absent: there are none. */
  readonly subAgents?: ReadonlyMap<string, string>;
  /** The agent as the API shows it; absent: this API did not make it. */
  readonly shown?: () => object;
}
type Fields = Readonly<Record<string, unknown>>;

/** Makes the events of one thread from those of its log, in their order. The same log gives the same events. */
export class Projection {
  readonly #id: SessionId;
  #agent: AgentFacts;
  readonly #calls = new Map<string, KnownCall>();
  /** The calls that wait, each for a person's permission or for the result of a program or worker. */
  readonly #pending = new Map<string, 'permission' | 'result'>();
  readonly outcomes = new Outcomes();
  readonly delegations = new Delegations();
  /** The calls that the server carries out now. */
  readonly #underWay = new Set<string>();
  #lastWords = '';
  #status: 'idle' | 'running' | 'rescheduling' = 'idle';
  #hasOpenRun = false;
  #request: string | undefined;
  /** The question about a call, or about a spent budget, follows as a message, which this API does not show. */
  #asking = false;
  #failure = '';
  #usage: Usage = noUsage;
  #runningSince: number | undefined;
  #activeMs = 0;
  #openMessage: string | undefined;
  readonly #children = new Map<SessionId, string>();
  #seq = 0;
  #at = 0;
  /** The id of the next event that the present one gives. */
  #word = (): string => '';
  #out: ManagedEvent[] = [];

  constructor(id: SessionId, agent: AgentFacts) {
    this.#id = id;
    this.#agent = agent;
  }

  /** The agent was changed. */
  know(agent: AgentFacts): void {
    this.#agent = agent;
  }

  /** The message whose text is arriving. */
  get openMessage(): string | undefined {
    return this.#openMessage;
  }
  get seq(): number {
    return this.#seq;
  }
  get status() {
    return this.#status;
  }
  /** Whether a run has begun and not ended; it may wait. */
  get hasOpenRun(): boolean {
    return this.#hasOpenRun;
  }
  get usage(): Usage {
    return this.#usage;
  }
  /** The time that it was running, at a moment. */
  activeMs(now: number): number {
    return this.#activeMs + (this.#runningSince === undefined ? 0 : Math.max(0, now - this.#runningSince));
  }
  /** The events that wait for an answer. */
  get pending(): readonly string[] {
    return [...this.#pending.keys()].map((callId) => this.#calls.get(callId)?.eventId ?? '');
  }
  /** The call that an event announced. */
  callOf(eventId: string): AnnouncedCall | undefined {
    for (const [callId, { eventId: known, kind }] of this.#calls)
      if (known === eventId) return { callId, kind, waitsFor: this.#pending.get(callId) };
    return undefined;
  }
  /** Whether it does nothing but wait for its children. */
  get isBlocked(): boolean {
    const { waiting } = this.delegations;
    return this.#status === 'running' && waiting.length > 0 && waiting.length === this.#underWay.size;
  }
  get lastWords(): string {
    return this.#lastWords;
  }
  /** The thread as events name it. */
  get thread(): { readonly session_thread_id: string; readonly agent_name: string } {
    return { session_thread_id: threadWord(this.#id), agent_name: this.#agent.name };
  }
  /** Whether the text of a message streams to readers: not that of a question. */
  get shows(): boolean {
    return !this.#asking;
  }

  add(event: SessionEvent): readonly ManagedEvent[] {
    this.#seq = event.seq;
    this.#at = event.ts;
    this.#word = () => wordOf(event, this.#out.length);
    this.#out = [];
    this.#fold(event);
    return this.#out;
  }

  #fold(event: SessionEvent): void {
    switch (event.type) {
      case 'message.user':
        this.#tell(
          this.outcomes.define(this.#id, event) ?? { type: 'user.message', fields: { content: contentOf(event.data) } },
        );
        break;
      case 'run.started':
        this.outcomes.begin(event.runId);
        this.#hasOpenRun = true;
        this.#run();
        break;
      case 'run.resumed':
        this.#run();
        break;
      case 'message.delta':
        this.#openMessage = event.data.messageId;
        if (event.data.waits === 'budget') this.#asking = true;
        if (!this.#asking && event.data.waits === undefined) this.#begin();
        break;
      case 'message.assistant':
        this.#said(event.data);
        break;
      case 'usage':
        if (event.data.purpose === 'grade') this.#graded(event);
        else this.#used(event.data);
        break;
      case 'approval.requested':
        this.#asked(event.data);
        break;
      case 'approval.resolved':
        this.#resolved(event.data);
        break;
      case 'tool.calling':
        this.#calling(event.data);
        break;
      case 'tool.called':
        this.#called(event.data);
        break;
      case 'run.wait':
        this.#asking = false;
        this.#idle(this.#waitReason(event.data));
        break;
      case 'run.notice':
        if (event.data.kind === 'waiting_provider') this.#reschedule(event.data.detail);
        if (event.data.kind === 'resumed_after_restart') this.#finish(true); // the model is asked again
        if (event.data.server) this.#missTools(event.data.detail, event.data.server);
        break;
      case 'child.started':
        this.#delegated(event.data);
        break;
      case 'run.error':
        this.#failure = event.data.error;
        break;
      case 'run.end':
        this.#end(event);
        break;
      case 'goal':
        this.#tell(
          this.outcomes.judge(event.runId, event.data, { word: eventWord(this.#id, this.#seq), at: this.#at }),
        );
        break;
      case 'context.compacted':
        this.#emit('agent.thread_context_compacted', {});
        break;
      case 'sandbox.setup':
        this.#emit('session.error', { error: errorOf('unknown_error', event.data.detail, 'exhausted') });
        break;
      case 'title':
        // A client's new title; that of a run is nobody's request, and the first one came with the session.
        if (event.runId === null && this.#seq > 2) this.#emit('session.updated', { title: event.data.title });
        break;
      case 'session.updated':
        this.#changed(event.data);
        break;
      default:
        break;
    }
  }

  #emit(type: string, fields: Fields, id?: string): void {
    this.#out.push({ id: id ?? this.#word(), type, processed_at: iso(this.#at), ...fields });
  }
  #tell(told: { readonly type: string; readonly fields: Fields } | undefined): void {
    if (told) this.#emit(told.type, told.fields);
  }

  #changed({ agent, metadata, budget, archived }: FactOf<'session.updated'>['data']): void {
    const { shown } = this.#agent;
    const fields = {
      ...(agent && shown && { agent: shown() }),
      ...(metadata && { metadata }),
      // Limits that an answer grants again are none of this API.
      ...(budget && (budget.hard || Object.keys(budget).length === 0) && { budget: shownBudget({ budget }) }),
    };
    if (Object.keys(fields).length > 0) this.#emit('session.updated', fields);
    if (!archived) return;
    this.#emit('session.thread_status_terminated', this.thread);
    this.#emit('session.status_terminated', {});
  }

  #run(): void {
    if (this.#status === 'running') return;
    this.#status = 'running';
    this.#runningSince ??= this.#at;
    this.#emit('session.status_running', {});
    this.#emit('session.thread_status_running', this.thread);
  }
  #idle(reason: StopReason, details: Fields | null = null): void {
    this.#activeMs = this.activeMs(this.#at);
    this.#runningSince = undefined;
    this.#status = 'idle';
    const stop = { stop_reason: reason, stop_details: details };
    this.#emit('session.thread_status_idle', { ...this.thread, ...stop });
    this.#emit('session.usage', { usage: usageOf(this.#usage, this.#activeMs), budget: null });
    this.#emit('session.status_idle', stop);
  }

  /** The first sign of the model's reply. */
  #begin(): void {
    if (this.#status === 'rescheduling') this.#run();
    if (this.#request !== undefined) return;
    this.#request = this.#word();
    this.#emit('span.model_request_start', {});
  }
  #finish(isError: boolean, used: Fields = nothingUsed): void {
    if (this.#request === undefined) return;
    this.#emit('span.model_request_end', {
      model_request_start_id: this.#request,
      is_error: isError,
      model_usage: used,
    });
    this.#request = undefined;
  }
  #said({ messageId, text, waits }: FactOf<'message.assistant'>['data']): void {
    this.#openMessage = undefined;
    if (waits === 'budget') this.#asking = true; // the pieces that said so may have left the log
    if (this.#asking || text === '') return;
    this.#lastWords = text;
    if (waits === undefined) this.#begin(); // no request to the model gave a question
    this.#emit('agent.message', { content: [{ type: 'text', text }] }, messageWord(messageId));
  }
  #used(data: FactOf<'usage'>['data']): void {
    this.#usage = withUsage(this.#usage, data);
    this.#begin();
    if (data.thoughts) this.#emit('agent.thinking', {});
    this.#finish(false, spanUsageOf(withUsage(noUsage, data)));
  }
  /** A request of the grader is told with its verdict, not as one of the agent. */
  #graded({ runId, data }: FactOf<'usage'>): void {
    this.#usage = withUsage(this.#usage, data);
    this.outcomes.use(runId, data);
  }

  #announce(callId: string, name: string, input: Fields, permission: 'allow' | 'ask'): void {
    const mcp = /^mcp_([a-z0-9]+)_(.+)$/.exec(name);
    const kind = this.#agent.customTools.has(name) ? 'custom' : mcp ? 'mcp' : 'tool';
    this.#calls.set(callId, { eventId: this.#word(), kind, answered: false });
    if (kind === 'custom') {
      this.#emit('agent.custom_tool_use', { name, input });
      return;
    }
    const evaluation = { type: permission === 'ask' ? 'always_ask' : 'always_allow' };
    const judged = { input, evaluated_permission: permission, evaluation };
    if (!mcp) {
      this.#emit('agent.tool_use', { name, ...judged });
      return;
    }
    const [, server = '', tool = ''] = mcp;
    this.#emit('agent.mcp_tool_use', {
      name: tool,
      mcp_server_name: this.#agent.servers.get(server) ?? server,
      ...judged,
    });
  }
  #asked({ callId, function: name, args, byClient }: FactOf<'approval.requested'>['data']): void {
    this.#asking = true;
    if (!this.#calls.has(callId)) this.#announce(callId, name, args, byClient ? 'allow' : 'ask');
    const isForResult = byClient || this.#calls.get(callId)?.kind === 'custom';
    this.#pending.set(callId, isForResult ? 'result' : 'permission');
  }
  #resolved({ callId, decision, text, result }: FactOf<'approval.resolved'>['data']): void {
    this.#pending.delete(callId);
    const call = this.#calls.get(callId);
    if (!call) return;
    if (result) {
      this.#calls.set(callId, { ...call, answered: true });
      const given = { content: [{ type: 'text', text: result.output }], is_error: result.isError };
      if (call.kind === 'custom') this.#emit('user.custom_tool_result', { custom_tool_use_id: call.eventId, ...given });
      else this.#emit('user.tool_result', { tool_use_id: call.eventId, ...given });
      return;
    }
    const isAllowed = decision === 'approved';
    this.#emit('user.tool_confirmation', {
      tool_use_id: call.eventId,
      result: isAllowed ? 'allow' : 'deny',
      deny_message: isAllowed ? null : (text ?? null),
      session_thread_id: null,
    });
  }
  #calling(data: FactOf<'tool.calling'>['data']): void {
    const { callId, function: name, args } = data;
    if (this.#status === 'rescheduling') this.#run();
    this.#underWay.add(callId);
    const isDelegation = !this.#agent.customTools.has(name) && this.delegations.begin(data);
    if (!isDelegation && !this.#calls.has(callId)) this.#announce(callId, name, args, 'allow');
  }
  /** A child has begun, with a task. */
  #delegated(data: FactOf<'child.started'>['data']): void {
    const { child, text, agent } = this.delegations.start(data);
    const name = agent === undefined ? this.#agent.name : (this.#agent.subAgents?.get(agent) ?? agent);
    this.#children.set(child, name);
    this.#emit('session.thread_created', {
      session_thread_id: threadWord(child),
      agent_name: name,
      workflow_run_id: null,
    });
    this.#wrote({ child, text: text || data.task });
  }
  #wrote({ child, text }: TextToChild): void {
    this.#emit('agent.thread_message_sent', {
      to_session_thread_id: threadWord(child),
      to_agent_name: this.#children.get(child) ?? null,
      content: [{ type: 'text', text }],
    });
  }
  #called(data: FactOf<'tool.called'>['data']): void {
    const { callId, output, success } = data;
    this.#underWay.delete(callId);
    const sent = this.delegations.end(data);
    if (sent) this.#wrote(sent);
    const call = this.#calls.get(callId);
    if (call) this.#result(call, output, !success);
    this.#calls.set(callId, { ...(call ?? { eventId: '', kind: 'tool' }), answered: true });
  }
  #result({ eventId, kind, answered }: KnownCall, text: string, isError: boolean): void {
    if (answered) return;
    const result = { content: text === '' ? [] : [{ type: 'text', text }], is_error: isError };
    if (kind === 'mcp') {
      this.#emit('agent.mcp_tool_result', { mcp_tool_use_id: eventId, ...result });
      return;
    }
    this.#emit('agent.tool_result', { tool_use_id: eventId, ...result });
  }

  #waitReason({ reason }: FactOf<'run.wait'>['data']): StopReason {
    if (reason === 'approval' || this.#pending.size > 0) return { type: 'requires_action', event_ids: this.pending };
    return { type: reason === 'budget' ? 'budget_reached' : 'end_turn' };
  }
  #reschedule(detail: string): void {
    this.#finish(true);
    this.#emit('session.error', { error: errorOf('model_overloaded_error', detail, 'retrying') });
    if (this.#status === 'rescheduling') return;
    this.#status = 'rescheduling';
    this.#emit('session.thread_status_rescheduled', this.thread);
    this.#emit('session.status_rescheduled', {});
  }
  /** Each request to the model tries the server again; until then the turn goes on without its tools. */
  #missTools(detail: string, { name, isRefused }: { readonly name: string; readonly isRefused: boolean }): void {
    const type = isRefused ? 'mcp_authentication_failed_error' : 'mcp_connection_failed_error';
    const server = { mcp_server_name: this.#agent.servers.get(name) ?? name };
    this.#emit('session.error', { error: { ...errorOf(type, detail, 'retrying'), ...server } });
  }
  #end({ runId, data }: FactOf<'run.end'>): void {
    const { status, reason, code } = data;
    this.#asking = false;
    this.#hasOpenRun = false;
    // The interrupt comes first: its program is told the id of the first part.
    if (reason === 'stopped') this.#emit('user.interrupt', { session_thread_id: null });
    this.#finish(status !== 'completed');
    for (const [callId, call] of this.#calls) {
      this.#result(call, 'Tool execution was interrupted before completion. Please retry.', true);
      this.#calls.set(callId, { ...call, answered: true });
    }
    this.#pending.clear();
    this.#underWay.clear();
    this.delegations.clear();
    this.#tell(this.outcomes.close(runId, data, this.#at));
    const failure = this.#failure;
    this.#failure = '';
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

const nothingUsed = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const errorOf = (type: string, message: string, retry: 'retrying' | 'exhausted' | 'terminal') => ({
  type,
  message,
  retry_status: { type: retry },
});
const errorTypes: Partial<Record<ErrorCode, string>> = {
  model_overloaded: 'model_overloaded_error',
  model_unavailable: 'model_overloaded_error',
  rate_limited: 'model_rate_limited_error',
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
  ...attachments.map((file) => ({ type: 'document', source: { type: 'file', file_id: file } })),
];
