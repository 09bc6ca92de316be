import { batch, type Signal, signal } from '@preact/signals';
import type { Event } from '../../client/types.ts';
import { isNote, type NoteType, noticeOf } from '../../core/model/event-traits.ts';
import type {
  ApprovalItem,
  AssistantItem,
  EndItem,
  EventOf,
  Item,
  ModelUsage,
  PhaseItem,
  StepItem,
  ToolItem,
  WaitItem,
} from './items.ts';

// Turns the events of one session into what the page shows. A live session and a replay use the same model, so both
// show
// the same cards.

const maxLive = 2_000_000;
const nothing: ModelUsage = { turns: 0, inputTokens: 0, outputTokens: 0, cost: 0 };

export interface PlanStep {
  readonly id: string;
  readonly description: string;
  readonly status: 'pending' | 'running' | 'completed' | 'failed';
}
export type RunState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly since: number }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'ended'; readonly end: EndItem };

/** The events that `#read` leaves to `#readRest`. */
type RestOfWork = EventOf<
  | 'title'
  | 'approval.requested'
  | 'approval.resolved'
  | 'run.wait'
  | 'run.resumed'
  | 'run.notice'
  | 'run.error'
  | 'run.end'
  | 'usage'
  | 'sandbox.phase'
  | 'sandbox.untrusted'
>;

export class ConversationModel {
  readonly items: Signal<readonly Item[]> = signal([]);
  /**
   * Decisions that wait for a person now: calls to approve, or a question. It is drawn apart from what the agent wrote.
   */
  readonly open: Signal<readonly (ApprovalItem | WaitItem)[]> = signal([]);
  readonly plan: Signal<readonly PlanStep[]> = signal([]);
  readonly run: Signal<RunState> = signal({ kind: 'idle' });
  /** The usage of all runs, and of the newest one. */
  readonly used: Signal<ModelUsage> = signal(nothing);
  readonly runUsed: Signal<ModelUsage> = signal(nothing);
  /** The place in the log up to which the model has read. */
  seq = 0;

  #items: Item[] = [];
  readonly #texts = new Map<string, AssistantItem>();
  readonly #calls = new Map<string, ToolItem>();
  readonly #steps = new Map<string, StepItem>();
  readonly #approvals = new Map<string, ApprovalItem>();
  #wait: WaitItem | undefined;
  #start: PhaseItem | undefined;
  #startedAt: number | undefined;
  #changed = false;

  /** Takes events in the order of the log, and draws once. */
  take(events: readonly Event[]): void {
    batch(() => {
      for (const event of events) {
        this.seq = event.seq;
        try {
          this.#read(event);
        } catch (error) {
          reportError(error); // the events after it are read all the same
        }
      }
      if (this.#changed) this.items.value = [...this.#items];
      this.#findOpen();
      this.#changed = false;
    });
  }

  clear(): void {
    for (const known of [this.#texts, this.#calls, this.#steps, this.#approvals]) known.clear();
    this.#items = [];
    this.#wait = undefined;
    this.#start = undefined;
    this.#startedAt = undefined;
    this.seq = 0;
    batch(() => {
      this.items.value = [];
      this.open.value = [];
      this.plan.value = [];
      this.run.value = { kind: 'idle' };
      this.used.value = nothing;
      this.runUsed.value = nothing;
    });
  }

  #findOpen(): void {
    const open = [...this.#approvals.values(), ...(this.#wait ? [this.#wait] : [])];
    const known = this.open.peek();
    if (open.length !== known.length || open.some((item, at) => item !== known[at])) this.open.value = open;
  }

  #add<Kind extends Item>(item: Kind): Kind {
    this.#items.push(item);
    this.#changed = true;
    return item;
  }

  #read(event: Event): void {
    const at = { seq: event.seq, at: event.ts };
    switch (event.type) {
      case 'message.user': {
        const { text, attachments } = event.data;
        const { kind } = this.run.value;
        this.#closeWait();
        this.#add({ kind: 'user', ...at, text, attachments, steers: kind === 'running' });
        return;
      }
      case 'run.started':
        this.#startedAt = event.ts;
        this.#steps.clear();
        this.runUsed.value = nothing;
        this.run.value = { kind: 'running', since: event.ts };
        return;
      case 'message.delta': {
        const item = this.#textOf(event.data.messageId, at);
        item.text.value += event.data.text;
        return;
      }
      case 'message.assistant': {
        const item = this.#textOf(event.data.messageId, at);
        item.text.value = event.data.text;
        item.isTyping.value = false;
        this.#texts.delete(event.data.messageId);
        return;
      }
      case 'plan':
        this.plan.value = event.data.steps;
        return;
      case 'step': {
        const { id, description, status } = event.data;
        this.plan.value = this.plan.value.map((step) => (step.id === id ? { ...step, status } : step));
        const known = this.#steps.get(id);
        const endSeq = status === 'completed' || status === 'failed' ? event.seq : undefined;
        if (known) {
          known.status.value = status;
          known.endSeq.value = endSeq;
        } else if (status !== 'pending') {
          const step = { kind: 'step', ...at, description, status: signal(status), endSeq: signal(endSeq) } as const;
          this.#steps.set(id, this.#add<StepItem>(step));
        }
        return;
      }
      case 'tool.calling': {
        const { callId, tool: family, function: name, args } = event.data;
        if (family === 'message') return; // its text is a message of its own
        const state = signal({ status: 'running' as const, live: '' });
        this.#calls.set(callId, this.#add<ToolItem>({ kind: 'tool', ...at, callId, name, family, args, state }));
        return;
      }
      case 'tool.output': {
        const state = this.#calls.get(event.data.callId)?.state;
        if (state) state.value = { ...state.value, live: (state.value.live + event.data.text).slice(-maxLive) };
        return;
      }
      case 'tool.called': {
        const { data, ts } = event;
        const state = this.#calls.get(data.callId)?.state;
        const status = data.success ? 'completed' : 'failed';
        if (state) state.value = { ...state.value, status, endedAt: ts, called: data };
        return;
      }
      default:
        if (isNote(event)) this.#readNote(event, at);
        else this.#readRest(event, at);
    }
  }

  #readRest(event: RestOfWork, at: { seq: number; at: number }): void {
    switch (event.type) {
      case 'approval.requested': {
        const item = this.#add<ApprovalItem>({
          kind: 'approval',
          sessionId: event.sessionId,
          ...at,
          request: event.data,
          decided: signal(undefined),
        });
        this.#approvals.set(event.data.callId, item);
        return;
      }
      case 'approval.resolved': {
        const known = this.#approvals.get(event.data.callId);
        if (known) known.decided.value = event.data;
        this.#approvals.delete(event.data.callId);
        return;
      }
      case 'run.wait':
        this.run.value = { kind: 'waiting', reason: event.data.reason ?? 'question' };
        if (this.#approvals.size > 0) return; // the card of the call shows it already
        this.#wait = this.#add<WaitItem>({ kind: 'wait', ...at, data: event.data, isOpen: signal(true) });
        return;
      case 'run.resumed':
        this.#closeWait();
        this.run.value = { kind: 'running', since: this.#startedAt ?? event.ts };
        return;
      case 'run.error':
        this.#add({ kind: 'error', ...at, text: event.data.error });
        return;
      case 'run.end':
        this.#end(event, at);
        return;
      case 'usage': {
        const { thoughts } = event.data;
        if (thoughts) this.#add({ kind: 'thoughts', ...at, text: thoughts });
        const add = (used: ModelUsage): ModelUsage => ({
          turns: used.turns + 1,
          inputTokens: used.inputTokens + event.data.inputTokens,
          outputTokens: used.outputTokens + event.data.outputTokens,
          cost: used.cost === undefined || event.data.cost === undefined ? undefined : used.cost + event.data.cost,
        });
        this.used.value = add(this.used.value);
        this.runUsed.value = add(this.runUsed.value);
        return;
      }
      case 'sandbox.phase': {
        const phase = { ...event.data, ts: event.ts };
        // A start is one line from its first phase to its end, also when a message arrives in between.
        if (this.#start) this.#start.phase.value = phase;
        else this.#start = this.#add<PhaseItem>({ kind: 'phase', ...at, phase: signal(phase) });
        if (!['queued', 'image', 'starting'].includes(phase.phase)) this.#start = undefined;
        return;
      }
      case 'run.notice':
      case 'sandbox.untrusted':
        this.#add({ kind: 'event', ...at, event });
        return;
      case 'title':
        return;
      default:
        event satisfies never;
    }
  }

  #readNote(event: EventOf<NoteType>, at: { seq: number; at: number }): void {
    if (!noticeOf(event)) return;
    // The log of a fork also has the older forks of the session that it came from.
    const isOther =
      event.type === 'session.forked' && event.data.to !== event.sessionId && event.data.from !== event.sessionId;
    if (!isOther) this.#add({ kind: 'event', ...at, event });
  }

  #end({ data, ts }: Extract<Event, { type: 'run.end' }>, at: { seq: number; at: number }) {
    this.#closeWait();
    for (const { decided } of this.#approvals.values()) decided.value = 'gone';
    this.#approvals.clear();
    for (const { isTyping } of this.#texts.values()) isTyping.value = false;
    const ms = this.#startedAt === undefined ? undefined : ts - this.#startedAt;
    const end = this.#add<EndItem>({ kind: 'end', ...at, data, ms, used: this.runUsed.value });
    this.run.value = { kind: 'ended', end };
  }

  #closeWait() {
    if (this.#wait) this.#wait.isOpen.value = false;
    this.#wait = undefined;
  }

  #textOf(messageId: string, at: { seq: number; at: number }): AssistantItem {
    const known = this.#texts.get(messageId);
    if (known) return known;
    const item = this.#add<AssistantItem>({ kind: 'assistant', ...at, text: signal(''), isTyping: signal(true) });
    this.#texts.set(messageId, item);
    return item;
  }
}
