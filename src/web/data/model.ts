import { batch, type Signal, signal } from '@preact/signals';
import type { Event } from '../../client/types.ts';
import { eventNoticeOf, isNoteEvent, type NoteEventType } from '../../core/model/event-traits.ts';
import { findTitleLine } from '../../core/text/text.ts';
import {
  type ApprovalItem,
  type AssistantItem,
  type ConversationItem,
  type EventDataOf,
  type EventOf,
  type FileEdit,
  findFileEdit,
  type ItemPosition,
  type PhaseItem,
  type RetryItem,
  type RunEndItem,
  type RunUsage,
  type StepItem,
  type ToolItem,
  transientPhases,
  type WaitItem,
} from './items.ts';

const maxLive = 2_000_000;
const endsRetries: ReadonlySet<Event['type']> = new Set<Event['type']>([
  'message.delta',
  'message.assistant',
  'message.user',
  'tool.calling',
  'plan',
  'usage',
  'run.started',
  'run.wait',
  'run.end',
]);
/** Sandbox states after which "ready" is worth showing. */
const returns: ReadonlySet<string> = new Set(['paused', 'lost', 'released']);
/** Questions in words, for clients without cards; the page shows an approval card or a note. */
const isShownElsewhere = ({ waits }: EventDataOf<'message.assistant' | 'message.delta'>): boolean =>
  waits === 'approval' || waits === 'empty';
const nothing: RunUsage = { turns: 0, toolCalls: 0, inputTokens: 0, outputTokens: 0, cost: 0 };

export type RunState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly since: number }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'ended'; readonly end: RunEndItem };

type RestOfWork = EventOf<
  | 'title'
  | 'approval.requested'
  | 'approval.resolved'
  | 'run.wait'
  | 'run.resumed'
  | 'run.notice'
  | 'goal'
  | 'run.error'
  | 'run.end'
  | 'usage'
  | 'sandbox.phase'
  | 'sandbox.untrusted'
>;

export const isUnusableRepository = ({ data }: EventOf<'repository'>): boolean =>
  data.kind === 'failed' || data.kind === 'unprepared';

const setupKinds: ReadonlySet<string> = new Set(['fetching', 'ready', 'preparing', 'prepared']);
const isSetup = (event: EventOf<NoteEventType>): event is EventOf<'repository' | 'sandbox.service'> =>
  (event.type === 'repository' || event.type === 'sandbox.service') && setupKinds.has(event.data.kind);

class ReadState {
  items: ConversationItem[] = [];
  texts = new Map<string, AssistantItem>();
  calls = new Map<string, ToolItem>();
  steps = new Map<string, StepItem>();
  /** Outcomes of the current step's calls. */
  successes: boolean[] = [];
  approvals = new Map<string, ApprovalItem>();
  requests = new Map<string, ApprovalItem>();
  wait: WaitItem | undefined;
  start: PhaseItem | undefined;
  environment: PhaseItem | undefined;
  edits = new Map<string, FileEdit>();
  retry: RetryItem | undefined;
  lastPhase = '';
  /** Paths of the repositories that this run lacks. */
  unusable = new Set<string>();
  startedAt: number | undefined;
}

export class ConversationState {
  readonly items: Signal<readonly ConversationItem[]> = signal([]);
  /** Calls that need approval, and the wait if the run is waiting. Drawn apart from the agent's own text. */
  readonly open: Signal<readonly (ApprovalItem | WaitItem)[]> = signal([]);
  readonly plan: Signal<EventDataOf<'plan'>['steps']> = signal([]);
  readonly run: Signal<RunState> = signal({ kind: 'idle' });
  readonly used: Signal<RunUsage> = signal(nothing);
  readonly runUsed: Signal<RunUsage> = signal(nothing);
  seq = 0;

  #state = new ReadState();
  #changed = false;

  take(events: readonly Event[]): void {
    batch(() => {
      for (const event of events) {
        this.seq = event.seq;
        try {
          this.#read(event);
        } catch (error) {
          reportError(error);
        }
      }
      if (this.#changed) this.items.value = [...this.#state.items];
      const open = [...this.#state.approvals.values(), ...(this.#state.wait ? [this.#state.wait] : [])];
      const known = this.open.peek();
      if (open.length !== known.length || open.some((item, at) => item !== known[at])) this.open.value = open;
      this.#changed = false;
    });
  }

  clear(): void {
    this.takeOver(new ConversationState());
  }

  /** `other` must not be used afterwards. */
  takeOver(other: ConversationState): void {
    this.#state = other.#state;
    this.seq = other.seq;
    batch(() => {
      this.items.value = other.items.value;
      this.open.value = other.open.value;
      this.plan.value = other.plan.value;
      this.run.value = other.run.value;
      this.used.value = other.used.value;
      this.runUsed.value = other.runUsed.value;
    });
  }

  #add<Kind extends ConversationItem>(item: Kind): Kind {
    this.#state.items.push(item);
    this.#changed = true;
    return item;
  }

  #read(event: Event): void {
    if (this.#state.retry && endsRetries.has(event.type)) {
      this.#state.retry.state.value = { ...this.#state.retry.state.value, isOver: true };
      this.#state.retry = undefined;
    }
    const at = { seq: event.seq, at: event.ts };
    switch (event.type) {
      case 'message.user': {
        const { text, attachments, goal } = event.data;
        const { kind } = this.run.value;
        this.#closeWait();
        this.#add({ kind: 'user', ...at, text, attachments, steers: kind === 'running' && !goal, goal });
        return;
      }
      case 'run.started':
        this.#state.startedAt = event.ts;
        this.#state.unusable.clear();
        if (this.#state.start?.phase.value.isCut) this.#state.start = undefined;
        if (!this.#state.start) this.#state.environment = undefined;
        this.#state.edits.clear();
        this.#state.steps.clear();
        this.runUsed.value = nothing;
        this.run.value = { kind: 'running', since: event.ts };
        return;
      case 'message.delta': {
        if (isShownElsewhere(event.data)) return;
        const item = this.#ensureText(event.data.messageId, at);
        item.text.value += event.data.text;
        return;
      }
      case 'message.assistant': {
        if (isShownElsewhere(event.data)) return;
        const item = this.#ensureText(event.data.messageId, at);
        item.text.value = event.data.text;
        item.isTyping.value = false;
        this.#state.texts.delete(event.data.messageId);
        return;
      }
      case 'plan':
        this.plan.value = event.data.steps.map((step) =>
          step.status === 'completed' && this.#state.steps.get(step.id)?.status.value === 'failed'
            ? { ...step, status: 'failed' }
            : step,
        );
        if (event.data.steps.length > 1) for (const step of this.#state.steps.values()) step.repeatsTask.value = false;
        return;
      case 'step': {
        const { id, description, status: reported } = event.data;
        if (reported === 'running') this.#state.successes = [];
        const { successes } = this.#state;
        // The agent went on, but a tick would say that something was done.
        const didNothing = successes.length > 0 && !successes.includes(true);
        const status = reported === 'completed' && didNothing ? 'failed' : reported;
        this.plan.value = this.plan.value.map((step) => (step.id === id ? { ...step, status } : step));
        const known = this.#state.steps.get(id);
        const endSeq = status === 'completed' || status === 'failed' ? event.seq : undefined;
        if (known) {
          known.status.value = status;
          known.endSeq.value = endSeq;
        } else if (status !== 'pending') {
          const repeatsTask = signal(this.#repeatsTask(description));
          const shown = { description, status: signal(status), endSeq: signal(endSeq), repeatsTask };
          this.#state.steps.set(id, this.#add<StepItem>({ kind: 'step', ...at, ...shown }));
        }
        return;
      }
      case 'tool.calling': {
        const { callId, tool: family, function: name, args } = event.data;
        if (family === 'message') return; // the call's text is shown as a message
        const state = signal({ status: 'running' as const, live: '' });
        const approval = signal(this.#state.requests.get(callId));
        const { sessionId } = event;
        const child: ToolItem['child'] = signal(undefined);
        const about = { sessionId, runId: event.runId ?? '', callId, name, family, args };
        this.#state.calls.set(callId, this.#addCall({ kind: 'tool', ...at, ...about, state, approval, child }));
        return;
      }
      case 'tool.output': {
        const state = this.#state.calls.get(event.data.callId)?.state;
        if (state) state.value = { ...state.value, live: (state.value.live + event.data.text).slice(-maxLive) };
        return;
      }
      case 'tool.called': {
        const { data, ts } = event;
        const state = this.#state.calls.get(data.callId)?.state;
        const status = data.success ? 'completed' : 'failed';
        if (state) state.value = { ...state.value, status, endedAt: ts, called: data };
        this.#state.successes.push(data.success);
        const edit = findFileEdit(data);
        const { edits } = this.#state;
        if (edit) edits.set(edit.path, { ...edit, before: (edits.get(edit.path) ?? edit).before });
        this.#count((used) => ({ ...used, toolCalls: used.toolCalls + 1 }));
        return;
      }
      default:
        if (isNoteEvent(event)) this.#readNote(event, at);
        else this.#readRest(event, at);
    }
  }

  #readRest(event: RestOfWork, at: ItemPosition): void {
    switch (event.type) {
      case 'approval.requested': {
        const { callId } = event.data;
        const decided: ApprovalItem['decided'] = signal(undefined);
        const item = { kind: 'approval', sessionId: event.sessionId, ...at, request: event.data, decided } as const;
        const call = this.#state.calls.get(callId);
        if (call) call.approval.value = item;
        else this.#state.requests.set(callId, this.#add<ApprovalItem>(item));
        this.#state.approvals.set(callId, item);
        return;
      }
      case 'approval.resolved': {
        const known = this.#state.approvals.get(event.data.callId);
        if (known) known.decided.value = event.data;
        this.#state.approvals.delete(event.data.callId);
        return;
      }
      case 'run.wait':
        this.run.value = { kind: 'waiting', reason: event.data.reason ?? 'question' };
        if (this.#state.approvals.size > 0) return; // the call's card already shows it
        this.#state.wait = this.#add<WaitItem>({ kind: 'wait', ...at, data: event.data, isOpen: signal(true) });
        return;
      case 'run.resumed':
        this.#closeWait();
        this.run.value = { kind: 'running', since: this.#state.startedAt ?? event.ts };
        return;
      case 'run.error': {
        if (this.#state.unusable.size > 0) return;
        const { error } = event.data;
        // The error item shows the failure, so the retry line omits it.
        const line = this.#state.items.findLast((item) => item.kind === 'retry');
        if (line?.kind === 'retry' && line.state.value.detail === error)
          line.state.value = { ...line.state.value, detail: '' };
        this.#add({ kind: 'error', ...at, text: error });
        return;
      }
      case 'run.end':
        this.#end(event, at);
        return;
      case 'usage': {
        const { thoughts } = event.data;
        if (thoughts) this.#add({ kind: 'thoughts', ...at, text: thoughts });
        this.#count((used) => ({
          ...used,
          model: event.data.model,
          turns: used.turns + 1,
          inputTokens: used.inputTokens + event.data.inputTokens,
          outputTokens: used.outputTokens + event.data.outputTokens,
          cost: used.cost === undefined || event.data.cost === undefined ? undefined : used.cost + event.data.cost,
        }));
        return;
      }
      case 'sandbox.phase': {
        const before = this.#state.lastPhase;
        this.#state.lastPhase = event.data.phase;
        // "Ready" is shown only after a sandbox start, or when a sandbox comes back.
        if (event.data.phase === 'ready' && !this.#state.start && !returns.has(before)) return;
        const { ended = this.#state.start?.phase.value.ended } = event.data;
        const phase = { ...event.data, ts: event.ts, ...(ended && { ended }) };
        // A sandbox start has one line, even if a message arrives before it ends.
        if (this.#state.start) this.#state.start.phase.value = phase;
        else this.#state.start = this.#addPhase(phase, at);
        if (!transientPhases.has(phase.phase)) this.#state.start = undefined;
        return;
      }
      case 'run.notice':
        if (event.data.kind === 'waiting_provider') this.#addFailure(event.data, at);
        else this.#add({ kind: 'event', ...at, event });
        return;
      case 'goal':
        if (event.data.kind !== 'checking') this.#add({ kind: 'event', ...at, event });
        return;
      case 'sandbox.untrusted':
        this.#add({ kind: 'event', ...at, event });
        return;
      case 'title':
        return;
      default:
        event satisfies never;
    }
  }

  #readNote(event: EventOf<NoteEventType>, at: ItemPosition): void {
    if (!eventNoticeOf(event)) return;
    if (event.type === 'child.started') {
      const call = this.#state.calls.get(event.data.callId);
      if (call) call.child.value = event.data;
      if (call) return;
    }
    if (event.type === 'repository' && isUnusableRepository(event)) {
      this.#state.unusable.add(event.data.path);
      const setup = this.#state.environment?.setup;
      if (setup) setup.value = setup.value.filter(({ isMoving }) => !isMoving);
    }
    if (isSetup(event)) {
      const { kind, detail } = event.data;
      if (event.type === 'repository') this.#state.unusable.delete(event.data.path);
      const ready = { phase: 'ready' as const, ts: event.ts };
      const { setup } = this.#state.environment ?? this.#addPhase(ready, at);
      setup.value = [...setup.value, { detail, isMoving: kind === 'fetching' || kind === 'preparing' }];
      if (event.type !== 'repository' || kind !== 'ready') return;
    }
    const forked = event.type === 'session.forked' && event.data;
    // The original session spent the copied turns.
    if (forked && forked.to === event.sessionId) this.used.value = this.runUsed.value = nothing;
    // A fork's log also records earlier forks of the original session.
    const isOther = forked && forked.to !== event.sessionId && forked.from !== event.sessionId;
    const item = { kind: 'event', ...at, event } as const;
    if (event.type === 'repository') this.#addAboveWaitingCalls(item);
    else if (!isOther) this.#add(item);
  }

  #count(add: (used: RunUsage) => RunUsage): void {
    this.used.value = add(this.used.value);
    this.runUsed.value = add(this.runUsed.value);
  }

  #repeatsTask(description: string): boolean {
    const message = this.#state.items.findLast((item) => item.kind === 'user');
    return this.plan.value.length === 1 && findTitleLine(message?.text ?? '').startsWith(description);
  }

  #addPhase(phase: EventDataOf<'sandbox.phase'> & { ts: number }, at: ItemPosition): PhaseItem {
    const isAfterEnd = this.run.value.kind === 'ended';
    const item: PhaseItem = { kind: 'phase', ...at, phase: signal(phase), setup: signal([]), isAfterEnd };
    this.#state.environment = this.#addAboveWaitingCalls(item);
    return item;
  }

  /** The running calls wait for what is added, so it is shown first. */
  #addAboveWaitingCalls<Kind extends ConversationItem>(item: Kind): Kind {
    const { items } = this.#state;
    const end = items.findLastIndex(({ kind }) => kind === 'user' || kind === 'end');
    const place = items.findIndex((it, at) => at > end && it.kind === 'tool' && it.state.value.status === 'running');
    if (place < 0) return this.#add(item);
    items.splice(place, 0, item);
    this.#changed = true;
    return item;
  }

  #addCall(call: ToolItem): ToolItem {
    const requested = this.#state.requests.get(call.callId);
    const place = requested ? this.#state.items.lastIndexOf(requested) : -1;
    if (place < 0) return this.#add(call);
    this.#state.items[place] = call;
    this.#changed = true;
    return call;
  }

  #addFailure({ detail, retry }: EventDataOf<'run.notice'>, at: ItemPosition): void {
    const failures = (this.#state.retry?.state.value.failures ?? 0) + 1;
    const next = retry && { number: retry.number, most: retry.most, at: at.at + retry.inMs };
    const now = { failures, detail, ...(next && { next }), isOver: false };
    if (this.#state.retry) this.#state.retry.state.value = now;
    else this.#state.retry = this.#add<RetryItem>({ kind: 'retry', ...at, state: signal(now) });
  }

  #end({ data, ts, runId }: Extract<Event, { type: 'run.end' }>, at: ItemPosition) {
    this.#closeWait();
    for (const { decided } of this.#state.approvals.values()) decided.value = 'gone';
    this.#state.approvals.clear();
    for (const { isTyping } of this.#state.texts.values()) isTyping.value = false;
    // Hides an unfinished sandbox start, because its run has ended.
    if (this.#state.start) this.#state.start.phase.value = { ...this.#state.start.phase.value, isCut: true };
    const ms = this.#state.startedAt === undefined ? undefined : ts - this.#state.startedAt;
    const task = this.#state.items.findLast(
      (item) => item.kind === 'user' && item.text === data.task && (!data.goal || item.goal !== undefined),
    );
    const { attachments, goal } = task?.kind === 'user' ? task : { attachments: [], goal: undefined };
    const used = this.#state.startedAt === undefined ? nothing : this.runUsed.value;
    const isBlocked = this.#state.unusable.size > 0 && data.status !== 'stopped';
    const edits = [...this.#state.edits.values()];
    const end = this.#add<RunEndItem>({
      kind: 'end',
      ...at,
      runId,
      data,
      attachments,
      goal: data.goal && goal,
      ms,
      used,
      edits,
      changed: signal(edits),
      isBlocked,
    });
    this.run.value = { kind: 'ended', end };
  }

  #closeWait() {
    if (this.#state.wait) this.#state.wait.isOpen.value = false;
    this.#state.wait = undefined;
  }

  #ensureText(messageId: string, at: ItemPosition): AssistantItem {
    const known = this.#state.texts.get(messageId);
    if (known) return known;
    const item = this.#add<AssistantItem>({ kind: 'assistant', ...at, text: signal(''), isTyping: signal(true) });
    this.#state.texts.set(messageId, item);
    return item;
  }
}
