import type { SessionEvent } from '../../../../../core/model/events.ts';
import type { SessionId } from '../../../../../core/model/ids.ts';
import { toIsoTime } from '../../wire.ts';
import { type BudgetView, toBudgetView } from '../budget.ts';
import type { AnnouncedToolCall } from '../calls.ts';
import { apiEventIdOf, toApiEventId, toApiThreadId } from '../ids.ts';
import { type AgentDetails, type ManagedEvent, type StopReason, ThreadProjection } from '../projection.ts';
import { sumUsage, toCents, toUsageView } from '../usage.ts';

// A session has a primary thread and one per delegated child, each with its own log.

export interface ThreadEvent {
  readonly thread: SessionId;
  readonly event: ManagedEvent;
}
interface Thread {
  readonly projection: ThreadProjection;
  /** Null for the primary thread. */
  readonly parent: SessionId | null;
}
class State {
  isBusy = false;
  isReportedBusy = false;
  /** Whether the primary thread is waiting only for children that are all waiting for the client program. */
  isHeld = false;
  pendingWhenIdle: readonly string[] = [];
  stop: { readonly reason: StopReason; readonly details: unknown } = { reason: { type: 'end_turn' }, details: null };
}
/**
 * Types of events about the whole session. An event built here has an id with a part number of 80 or more, unless it
 * reuses the id of an event of the same type from the same log event.
 */
const ofSession = new Set(['session.status_running', 'session.status_idle', 'session.usage']);

/** The same logs in the same order produce the same events. */
export class SessionProjection {
  readonly #id: SessionId;
  #budget: BudgetView | null;
  readonly #now: State;
  readonly #primary: ThreadProjection;
  readonly #threads = new Map<SessionId, Thread>();
  /** Children that are still running after their coordinator's run has ended. They keep the session busy. */
  readonly #ending: Set<SessionId>;

  constructor(id: SessionId, agent: AgentDetails, budget: BudgetView | null = null, from?: SessionProjection) {
    this.#id = id;
    this.#budget = budget;
    this.#now = { ...(from ? from.#now : new State()) };
    this.#primary = from ? from.#primary.copy() : new ThreadProjection(id, agent);
    this.#threads.set(id, { projection: this.#primary, parent: null });
    this.#ending = new Set(from ? from.#ending : []);
    for (const [thread, { projection, parent }] of from ? from.#threads : [])
      if (parent !== null) this.#threads.set(thread, { projection: projection.copy(), parent });
  }
  copy(): SessionProjection {
    return new SessionProjection(this.#id, this.#primary.agent, this.#budget, this);
  }

  open(child: SessionId, parent: SessionId, agent: AgentDetails): void {
    if (!this.#threads.has(child)) this.#threads.set(child, { projection: new ThreadProjection(child, agent), parent });
  }

  forget(child: SessionId): void {
    this.#threads.delete(child);
    this.#ending.delete(child);
  }

  get threads(): readonly SessionId[] {
    return [...this.#threads.keys()];
  }
  has = (thread: SessionId): boolean => this.#threads.has(thread);
  parentOf = (thread: SessionId): SessionId | null => this.#threads.get(thread)?.parent ?? null;
  of(thread: SessionId): ThreadProjection {
    const found = this.#threads.get(thread);
    if (!found) throw new Error(`The session has no thread ${thread}.`);
    return found.projection;
  }
  seqOf = (thread: SessionId): number => this.of(thread).seq;

  get status() {
    if (this.#primary.status === 'rescheduling') return 'rescheduling' as const;
    return this.#now.isBusy ? ('running' as const) : ('idle' as const);
  }
  statusOf(thread: SessionId) {
    return thread === this.#id && this.#now.isHeld ? ('idle' as const) : this.of(thread).status;
  }
  get outcomes() {
    return this.#primary.outcomes;
  }
  get usage() {
    return sumUsage(this.#all.map(({ projection }) => projection.usage));
  }
  activeMs = (now: number): number => this.#primary.activeMs(now);
  get pending(): readonly string[] {
    return this.#all.flatMap(({ projection }) => projection.pending);
  }
  get isWaiting(): boolean {
    return this.#primary.pending.length > 0 || (!this.#now.isBusy && this.pending.length > 0);
  }
  get isAtBudget(): boolean {
    const isSpent = this.#now.stop.reason.type === 'budget_reached' || this.#isBudgetUsed;
    return !this.#now.isBusy && this.pending.length === 0 && isSpent;
  }
  get #isBudgetUsed(): boolean {
    return this.#budget !== null && toCents(this.usage.cost) >= Number(this.#budget.max_list_cost.amount);
  }
  callOf(eventId: string): (AnnouncedToolCall & { readonly thread: SessionId }) | undefined {
    for (const [thread, { projection }] of this.#threads) {
      const call = projection.callOf(eventId);
      if (call) return { ...call, thread };
    }
    return undefined;
  }
  get #all(): readonly Thread[] {
    return [...this.#threads.values()];
  }

  add(event: SessionEvent): readonly ThreadEvent[] {
    const { sessionId: thread, seq } = event;
    const known = this.#threads.get(thread);
    if (!known || seq <= known.projection.seq) return [];
    const wasRescheduled = known.parent === null && known.projection.status === 'rescheduling';
    const created = known.projection.add(event);
    const stop = created.find(({ type }) => type === 'session.status_idle');
    if (stop && thread === this.#id)
      this.#now.stop = { reason: stop.stop_reason as StopReason, details: stop.stop_details };
    if (event.type === 'run.end') this.#endWith(thread);
    if (event.type === 'session.updated' && event.data.budget && thread === this.#id)
      this.#budget = toBudgetView(event.data);
    const own = created.filter(({ type }) => !ofSession.has(type));
    const threadEvents =
      known.parent === null ? own.map((one) => ({ thread, event: one })) : this.#ofChild(thread, own, event);
    return this.#withSession(threadEvents, { ownEvents: created, source: event, wasRescheduled });
  }

  /** When a thread's run ends, the server also ends the thread's children. */
  #endWith(ended: SessionId): void {
    this.#ending.delete(ended);
    for (const [thread, { parent, projection }] of this.#threads)
      if (parent === ended && projection.hasOpenRun) this.#ending.add(thread);
  }

  #ofChild(thread: SessionId, own: readonly ManagedEvent[], source: SessionEvent): ThreadEvent[] {
    const { projection, parent } = this.#threads.get(thread) as Thread;
    const text = source.type === 'run.end' && source.data.status === 'completed' ? projection.lastWords : '';
    return own.flatMap((event): ThreadEvent[] => {
      if (event.type === 'session.updated' || event.type.startsWith('session.status_')) return [];
      if (event.type === 'user.message' && source.type === 'message.user' && parent)
        return [{ thread, event: this.#receiveChildText(event, { child: thread, parent, text: source.data.text }) }];
      if (event.type === 'user.interrupt')
        return [{ thread, event: { ...event, session_thread_id: toApiThreadId(thread) } }];
      const crossed = crossPosted(event, toApiThreadId(thread));
      const both = [{ thread, event }, ...(crossed ? [{ thread: this.#id, event: crossed }] : [])];
      if (event.type !== 'session.thread_status_idle' || text === '' || !parent) return both;
      return [...this.#replyToParent({ child: thread, parent, text: text, source }), ...both];
    });
  }

  #receiveChildText(event: ManagedEvent, { child, parent, text }: ChildText): ManagedEvent {
    if (!this.of(parent).delegations.matchesText(child, text.trim())) return event;
    const from_session_thread_id = toApiThreadId(parent);
    const name = parent === this.#id ? {} : { from_agent_name: this.of(parent).thread.agent_name };
    const { id, processed_at, content } = event;
    return { id, type: 'agent.thread_message_received', processed_at, from_session_thread_id, ...name, content };
  }

  #replyToParent({ child, parent, text, source }: ChildText & { readonly source: SessionEvent }): ThreadEvent[] {
    const content = [{ type: 'text', text }];
    const word = (part: number) => ({ id: toApiEventId(child, source.seq, part), processed_at: toIsoTime(source.ts) });
    const { agent_name: to_agent_name } = this.of(parent).thread;
    const name = parent === this.#id ? {} : { to_agent_name };
    const sent = { type: 'agent.thread_message_sent', to_session_thread_id: toApiThreadId(parent), ...name, content };
    const from = { from_session_thread_id: toApiThreadId(child), from_agent_name: this.of(child).thread.agent_name };
    return [
      { thread: child, event: { ...word(80), ...sent } },
      { thread: parent, event: { ...word(81), type: 'agent.thread_message_received', ...from, content } },
    ];
  }

  #withSession(threadEvents: readonly ThreadEvent[], cause: Cause): readonly ThreadEvent[] {
    const { source, wasRescheduled } = cause;
    const [wasBusy, wasHeld] = [this.#now.isBusy, this.#now.isHeld];
    const all = this.#all.map(({ projection }) => projection);
    const pending = this.pending;
    const isAnyActive = all.some(({ status, isBlocked }) => status !== 'idle' && !isBlocked);
    // A blocked parent without pending calls is working, because its child just ended.
    const isWorking = isAnyActive || (all.some(({ isBlocked }) => isBlocked) && pending.length === 0);
    this.#now.isBusy = isWorking || this.#ending.size > 0;
    this.#now.isHeld = !this.#now.isBusy && this.#primary.status !== 'idle';
    if (isWorking) {
      const isNew = !this.#now.isReportedBusy || (wasRescheduled && this.#primary.status === 'running');
      return isNew ? this.#withStart(threadEvents, cause, wasHeld) : threadEvents;
    }
    if (this.#now.isBusy) return threadEvents;
    const hasEnded =
      source.sessionId === this.#id && cause.ownEvents.some(({ type }) => type === 'session.status_idle');
    const isShorter = source.type === 'run.end' && this.#now.pendingWhenIdle.some((id) => !pending.includes(id));
    return wasBusy || hasEnded || isShorter ? [...threadEvents, ...this.#idle(pending, cause)] : threadEvents;
  }

  #withStart(threadEvents: readonly ThreadEvent[], cause: Cause, wasHeld: boolean): ThreadEvent[] {
    this.#now.isReportedBusy = true;
    const goesOn = wasHeld && this.#primary.status === 'running';
    const { thread } = this.#primary;
    const at = threadEvents.findIndex(
      (one) => one.thread === this.#id && one.event.type === 'session.thread_status_running',
    );
    const before = at < 0 ? threadEvents.length : at;
    return [
      ...threadEvents.slice(0, before),
      this.#event('session.status_running', {}, { cause, part: 90 }),
      ...(goesOn ? [this.#event('session.thread_status_running', thread, { cause, part: 91 })] : []),
      ...threadEvents.slice(before),
    ];
  }

  #idle(pending: readonly string[], cause: Cause): ThreadEvent[] {
    this.#now.pendingWhenIdle = pending;
    this.#now.isReportedBusy = false;
    const { reason, details } = this.#now.stop;
    const isAsking = pending.length > 0;
    const ended = reason.type === 'end_turn' && this.#isBudgetUsed ? { type: 'budget_reached' } : reason;
    const stop = {
      stop_reason: isAsking ? { type: 'requires_action', event_ids: pending } : ended,
      stop_details: isAsking ? null : details,
    };
    const own = { ...this.#primary.thread, ...stop };
    const usage = toUsageView(this.usage, this.activeMs(cause.source.ts));
    return [
      ...(this.#now.isHeld ? [this.#event('session.thread_status_idle', own, { cause, part: 93 })] : []),
      this.#event('session.usage', { usage, budget: this.#budget }, { cause, part: 94 }),
      this.#event('session.status_idle', stop, { cause, part: 95 }),
    ];
  }

  /** Reuses the id of an event from the same log event if its type is in `ofSession`. */
  #event(type: string, fields: object, { cause, part }: { readonly cause: Cause; readonly part: number }): ThreadEvent {
    const { ownEvents: created, source } = cause;
    const alike = ofSession.has(type) ? created.find((one) => one.type === type) : undefined;
    const id = alike?.id ?? apiEventIdOf(source, part);
    return { thread: this.#id, event: { id, type, processed_at: toIsoTime(source.ts), ...fields } };
  }
}
interface Cause {
  readonly source: SessionEvent;
  readonly ownEvents: readonly ManagedEvent[];
  readonly wasRescheduled: boolean;
}
interface ChildText {
  readonly child: SessionId;
  readonly parent: SessionId;
  readonly text: string;
}

const states = /^session\.thread_/;
const asks = new Set(['agent.tool_use', 'agent.mcp_tool_use']);
const answers = new Set(['user.tool_confirmation', 'user.custom_tool_result']);
function crossPosted(event: ManagedEvent, session_thread_id: string): ManagedEvent | undefined {
  if (states.test(event.type)) return event;
  const isForProgram =
    event.type === 'agent.custom_tool_use' ||
    answers.has(event.type) ||
    (asks.has(event.type) && event.evaluated_permission === 'ask');
  return isForProgram ? { ...event, session_thread_id } : undefined;
}
