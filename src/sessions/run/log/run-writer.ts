import { type TurnUsage, toTextReply } from '../../../agents/models/model.ts';
import { BoundedOutput } from '../../../agents/tools/output.ts';
import { type Clock, waitForNextLoopTurn } from '../../../core/contracts/clock.ts';
import type { ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { FactOf, PlanStep, SessionFact, ToolContent } from '../../../core/model/events.ts';
import type { IdSource, MessageId, RunId, SessionId } from '../../../core/model/ids.ts';
import type { EstimatedUsage, ModelCallPurpose, WaitReason } from '../../../core/model/spending.ts';
import type { ResolvedMessage } from '../context/attachments.ts';
import type { RequestFingerprint } from '../context/message-selection.ts';
import type { Compaction } from '../context/view.ts';
import type { ConversationEntry } from './conversation.ts';
import type { SessionWriter } from './session-writer.ts';
import type { ModelRequest } from './stored-request.ts';
import { mergeTextPieces, TextCoalescer } from './text-coalescer.ts';
import type { Transcript } from './transcript.ts';

export interface UserMessage {
  readonly messageId: MessageId;
  readonly text: string;
  readonly attachments?: readonly string[];
}
type CallingData = FactOf<'tool.calling'>['data'];
type GoalData = FactOf<'goal'>['data'];
export type GoalCheckData = Extract<GoalData, { kind: 'checked' }>;
type RequestedData = FactOf<'approval.requested'>['data'];
export interface AnswerRequest extends RequestedData {
  /** Set for a worker's call whose request is not in the log yet. */
  readonly isUnwritten?: true;
}
type InterruptReason = 'cancelled' | 'interrupted' | 'sandbox_lost';
export interface OpenToolCall extends CallingData {
  /** Characters of live output in the log. */
  readonly logged: number;
  readonly child?: string;
}

export interface RunProgress {
  readonly steps: readonly PlanStep[];
  readonly openCalls: readonly OpenToolCall[];
  readonly requests: readonly AnswerRequest[];
  readonly inbox: readonly UserMessage[];
  /** An interrupted reply, which the next reply continues. */
  readonly broken?: string | undefined;
  readonly checked: readonly GoalCheckData[];
}
interface Options extends Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly writer: SessionWriter;
  readonly transcript: Transcript;
  readonly runId: RunId;
  readonly soFar: RunProgress;
}

interface OpenReply {
  think(): void;
  say(text: string): void;
  end(): SessionFact[];
  rest(): void;
  /** Completes an interrupted reply that will not be continued. */
  cut(): SessionFact[];
}

const liveChars = 64 * 1024; // per call, in the log; the sandbox has the full output

/** Closes the run's open message, calls and step, no matter how the run ends. */
export class RunWriter {
  readonly runId: RunId;
  readonly transcript: Transcript;
  readonly #writer: SessionWriter;
  readonly #ids: IdSource;
  readonly #clock: Clock;
  #steps: readonly PlanStep[];
  readonly #openCalls = new Map<string, { readonly call: OpenToolCall; readonly output: BoundedOutput }>();
  readonly requests: Map<string, AnswerRequest>;
  #inbox: UserMessage[];
  #broken: string;
  #checked: readonly GoalCheckData[];
  readonly #listeners = new Set<() => void>();
  #owed: SessionFact[] = [];
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor({ writer, transcript, ids, clock, runId, soFar }: Options) {
    this.runId = runId;
    this.transcript = transcript;
    this.#writer = writer;
    this.#ids = ids;
    this.#clock = clock;
    this.#steps = soFar.steps;
    for (const call of soFar.openCalls) this.#openCalls.set(call.callId, { call, output: new BoundedOutput() });
    this.requests = new Map(soFar.requests.map((call) => [call.callId, call]));
    this.#inbox = [...soFar.inbox];
    this.#checked = soFar.checked;
    this.#broken = soFar.broken ?? '';
  }

  get openCalls(): readonly OpenToolCall[] {
    return [...this.#openCalls.values()].map(({ call }) => call);
  }
  get steps(): readonly PlanStep[] {
    return this.#steps;
  }

  add(entry: ConversationEntry): void {
    if (!this.#closed) this.transcript.add({ ...entry, seq: this.#writer.head });
  }

  /** Stores the compaction in one transaction with its fact. */
  async compact(compaction: Compaction, model: string | null, usage: readonly SessionFact[] = []): Promise<void> {
    if (this.#closed) throw new AppError('cancelled', 'The run has ended.');
    const { kind, upto, before, after, summary = null } = compaction;
    const uptoSeq = this.transcript.entries[upto]?.seq ?? this.#writer.head;
    this.transcript.compact(this.runId, compaction);
    const data = { uptoSeq, kind, before, after, summary, model };
    await this.write(...usage, { type: 'context.compacted', runId: this.runId, data });
  }

  hear(message: UserMessage): void {
    this.#inbox.push(message);
    for (const listener of this.#listeners) listener();
  }
  onHeard(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  get unheard(): readonly UserMessage[] {
    return this.#inbox;
  }
  /** Moves all new messages to the transcript. With `shown`, moves only those in it, with the content that it gives. */
  takeIn(shown?: ReadonlyMap<MessageId, ResolvedMessage>): void {
    for (const { messageId, text } of this.#inbox.splice(0, shown?.size ?? this.#inbox.length)) {
      const { pictures = [], attached = [], ...report }: Partial<ResolvedMessage> = shown?.get(messageId) ?? {};
      this.transcript.add({
        runId: this.runId,
        messageId,
        seq: this.#writer.head,
        message: { role: 'user', text: report.text ?? text, ...(pictures.length > 0 && { pictures }) },
        ...(attached.length > 0 && { attached }),
      });
    }
  }

  /** Resolves when all earlier writes are durable and sent to followers. */
  async flush(): Promise<void> {
    await this.#append([]);
    await waitForNextLoopTurn();
  }

  /** Also writes new transcript entries. Rejects with `cancelled` once the run is closed. */
  async write(...facts: readonly SessionFact[]): Promise<void> {
    if (this.#closed) throw new AppError('cancelled', 'The run has ended.');
    await this.#append(facts);
  }

  /** Not allowed for facts that complete a started message. */
  deferToNextWrite(...facts: readonly SessionFact[]): void {
    this.#owed.push(...facts);
  }

  async #append(facts: readonly SessionFact[]): Promise<void> {
    await this.#writer.write([...this.#owed.splice(0), ...facts], this.transcript.takeUnstored());
  }

  findRequest(callId: string): AnswerRequest | undefined {
    const requested = this.requests.get(callId);
    return requested?.isUnwritten ? undefined : requested;
  }
  ask(data: RequestedData): SessionFact[] {
    if (this.findRequest(data.callId)) return [];
    this.requests.set(data.callId, data);
    return [{ type: 'approval.requested', runId: this.runId, data }];
  }
  answered(answer: FactOf<'approval.resolved'>['data']): void {
    applyAnswer(this.requests, answer);
  }

  title = (title: string): SessionFact => ({ type: 'title', runId: this.runId, data: { title } });

  plan(steps: readonly PlanStep[]): SessionFact {
    this.#steps = steps;
    return { type: 'plan', runId: this.runId, data: { steps: [...steps] } };
  }

  step(step: PlanStep): SessionFact {
    this.#steps = this.#steps.map((it) => (it.id === step.id ? step : it));
    return { type: 'step', runId: this.runId, data: step };
  }

  asking(request: Omit<ModelRequest, 'runId'>): RequestFingerprint {
    const proof = this.transcript.requests.add({ runId: this.runId, ...request });
    return { ...proof, askedAt: this.#clock.now() };
  }

  checkedIn(round: number): readonly GoalCheckData[] {
    return this.#checked.filter((one) => one.round === round);
  }

  goal(data: GoalData): SessionFact {
    if (data.kind === 'checked') this.#checked = [...this.checkedIn(data.round), data];
    return { type: 'goal', runId: this.runId, data };
  }

  serverMessage = (text: string): { messageId: MessageId; text: string } => ({
    messageId: this.#ids.messageId(),
    text,
  });

  usage(
    model: string,
    usage: TurnUsage,
    of: RequestFingerprint & {
      readonly purpose: ModelCallPurpose;
      readonly thoughts?: string;
      readonly assumed?: EstimatedUsage;
    },
  ): SessionFact {
    return { type: 'usage', runId: this.runId, data: { model, ...usage, ...of } };
  }

  messageFacts(pieces: readonly string[], reason?: WaitReason): SessionFact[] {
    const messageId = this.#ids.messageId();
    const waits = reason && { waits: reason };
    const deltas = mergeTextPieces(pieces).map((piece) => this.#delta(messageId, piece, waits));
    const data = { messageId, text: pieces.join(''), attachments: [], ...waits };
    return [...deltas, { type: 'message.assistant', runId: this.runId, data }];
  }

  #delta = (
    messageId: MessageId,
    text: string,
    more?: { readonly waits: WaitReason } | { readonly thought: true },
  ): SessionFact => ({
    type: 'message.delta',
    runId: this.runId,
    data: { messageId, text, ...more },
  });

  /** An interrupted reply that subscribers have seen. `id` is set while its message is open. */
  get begun(): { readonly id?: MessageId; readonly text: string } | undefined {
    const open = this.#writer.message.begun;
    if (this.#broken === '') return open;
    return { ...open, text: this.#broken + (open?.text ?? '') };
  }

  cutMessage(): SessionFact[] {
    const facts = this.#writer.message.close();
    const texts = facts.map(({ type, data }) => (type === 'message.assistant' ? data.text : ''));
    const text = this.#broken + texts.join('');
    this.#broken = '';
    if (text !== '') this.transcript.add({ runId: this.runId, message: toTextReply(text) });
    return facts;
  }

  speak(begun?: MessageId): OpenReply & Disposable {
    let messageId = begun;
    let thought = false;
    const emit = (text: string) => {
      if (this.#closed) return;
      // If another fact has completed the message, further text starts a new one.
      if (messageId === undefined || this.#writer.message.id !== messageId) messageId = this.#ids.messageId();
      const fact = this.#delta(messageId, text, thought ? { thought } : undefined);
      thought = false;
      void this.#writer.write([fact]).catch(() => {}); // The next awaited write reports the failure.
    };
    const pieces = new TextCoalescer(this.#clock, emit);
    return {
      think: () => {
        thought = true;
      },
      say: (text) => pieces.add(text),
      end: () => {
        pieces.flush();
        if (this.#closed) return [];
        this.#broken = '';
        return this.#writer.message.close();
      },
      rest: () => {
        pieces.flush();
        this.#writer.message.rest();
      },
      cut: () => {
        pieces.flush();
        return this.#closed ? [] : this.cutMessage();
      },
      [Symbol.dispose]: () => pieces[Symbol.dispose](),
    };
  }

  /** Every announced call must get a result. Throws `cancelled` once the run is closed. */
  calling(call: CallingData): SessionFact {
    // Without this check, the run's end would close a call that never began.
    if (this.#closed) throw new AppError('cancelled', 'The run has ended.');
    this.#openCalls.set(call.callId, { call: { ...call, logged: 0 }, output: new BoundedOutput() });
    return { type: 'tool.calling', runId: this.runId, data: call };
  }

  /** Repeated calls have no effect. */
  async childStarted(
    callId: string,
    { child, task }: { readonly child: SessionId; readonly task: string },
  ): Promise<void> {
    const open = this.#openCalls.get(callId);
    if (!open || open.call.child !== undefined) return;
    this.#openCalls.set(callId, { ...open, call: { ...open.call, child } });
    await this.write({ type: 'child.started', runId: this.runId, data: { sessionId: child, callId, task } });
  }

  listen(callId: string): { hear(text: string): void } & Disposable {
    const open = this.#openCalls.get(callId);
    const logged = open?.call.logged ?? 0;
    let skip = logged;
    let room = liveChars - logged;
    const pieces = new TextCoalescer(this.#clock, (text) => {
      if (this.#closed) return;
      const fact: SessionFact = { type: 'tool.output', runId: this.runId, data: { callId, text } };
      void this.#writer.write([fact]).catch(() => {});
    });
    return {
      hear: (text) => {
        open?.output.addText(text);
        const fresh = text.slice(Math.min(skip, text.length)).slice(0, Math.max(0, room));
        skip -= Math.min(skip, text.length);
        room -= fresh.length;
        if (fresh !== '') pieces.add(fresh);
      },
      [Symbol.dispose]: () => {
        pieces.flush();
        pieces[Symbol.dispose]();
      },
    };
  }

  called(
    callId: string,
    result: Omit<FactOf<'tool.called'>['data'], keyof CallingData> & Partial<Omit<CallingData, 'callId'>>,
  ): SessionFact {
    const open = this.#openCalls.get(callId);
    if (!open) throw new AppError('internal', 'A call that was not announced has a result.');
    const { logged: _logged, child: _child, ...call } = open.call;
    this.#openCalls.delete(callId);
    return { type: 'tool.called', runId: this.runId, data: { ...call, ...result } };
  }

  /** Blocks all writes except those of `close`. */
  shut(): void {
    this.#closed = true;
  }

  /** Repeated calls return the same promise. `shown` maps open calls' ids to their content. */
  close(
    last: readonly SessionFact[],
    why: InterruptReason,
    shown: ReadonlyMap<string, ToolContent> = new Map(),
  ): Promise<void> {
    this.#closing ??= this.#close(last, why, shown);
    return this.#closing;
  }

  async #close(
    last: readonly SessionFact[],
    why: InterruptReason,
    shown: ReadonlyMap<string, ToolContent>,
  ): Promise<void> {
    this.shut();
    const facts: SessionFact[] = [];
    const text = why === 'cancelled' ? 'Stopped before it ended.' : 'Interrupted before it ended.';
    for (const { callId, name } of this.transcript.openCalls(this.runId)) {
      this.transcript.add({ runId: this.runId, message: { role: 'tool', callId, name, output: text, success: false } });
    }
    for (const [callId, { call, output: boundedOutput }] of this.#openCalls) {
      const output = boundedOutput.text();
      const { command } = call.args;
      const alone = typeof command === 'string' ? { console: [{ ps1: '$ ', command, output }] } : null;
      facts.push(this.called(callId, { success: false, output, reason: why, content: shown.get(callId) ?? alone }));
    }
    const running = this.#steps.find(({ status }) => status === 'running');
    if (running) facts.push(this.step({ ...running, status: 'failed' }));
    await this.#append([...this.cutMessage(), ...facts, ...last]);
  }
}

/** Even after approval, a call for a worker still needs the worker's result. */
export function applyAnswer(
  requests: Map<string, AnswerRequest>,
  { callId, decision, result }: FactOf<'approval.resolved'>['data'],
): void {
  const call = requests.get(callId);
  requests.delete(callId);
  if (!call?.forWorker || decision !== 'approved' || result) return;
  const { forWorker: _, ...rest } = call;
  requests.set(callId, { ...rest, byClient: true, isUnwritten: true });
}
