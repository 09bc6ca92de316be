import { splitThoughts } from '../../../agents/models/thoughts.ts';
import { neverAbortingSignal, sleep } from '../../../core/concurrency/cancel.ts';
import type { RecordPut } from '../../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../../core/errors/errors.ts';
import { deferredEventTypes } from '../../../core/model/event-traits.ts';
import type { FactOf, SessionFact } from '../../../core/model/events.ts';
import type { MessageId } from '../../../core/model/ids.ts';
import { replaceLoneSurrogates } from '../../../core/text/text.ts';
import { applyFact, isUnfinished, type StoredSession, unfinishedRecordKind } from './projection.ts';

// Events of `deferredEventTypes` wait for the end of the open message. Clients' messages and session changes may come
// between its deltas. Any other fact completes the message first.

const ofClients: ReadonlySet<string> = new Set(['message.user', 'title', 'session.updated']);

export class OpenMessage {
  #open: { fact: FactOf<'message.delta'>; text: string; rests?: boolean } | undefined;
  #held: SessionFact[] = [];

  get id(): MessageId | undefined {
    return this.#open?.fact.data.messageId;
  }

  get begun(): { readonly id: MessageId; readonly text: string } | undefined {
    const { fact, text, rests } = this.#open ?? {};
    return fact && text !== undefined && rests ? { id: fact.data.messageId, text } : undefined;
  }

  arrange(facts: readonly SessionFact[]): SessionFact[] {
    return facts.flatMap((fact) => this.#place(fact));
  }

  #place(fact: SessionFact): SessionFact[] {
    const open = this.#open;
    if (fact.type === 'message.delta') {
      if (open?.fact.data.messageId === fact.data.messageId) {
        open.text += fact.data.text;
        open.rests = false;
        return [fact];
      }
      const before = this.close();
      this.#open = { fact, text: fact.data.text };
      return [...before, fact];
    }
    if (!open) return [fact];
    if (ofClients.has(fact.type)) return [fact];
    if (deferredEventTypes.has(fact.type)) {
      this.#held.push(fact);
      return [];
    }
    if (fact.type !== 'message.assistant' || fact.data.messageId !== open.fact.data.messageId) {
      return [...this.close(), fact];
    }
    this.#open = undefined;
    return [fact, ...this.#held.splice(0)];
  }

  rest(): void {
    if (this.#open) this.#open.rests = true;
  }

  close(): SessionFact[] {
    const open = this.#open;
    if (!open) return [];
    this.#open = undefined;
    const { messageId, thought } = open.fact.data;
    const whole: SessionFact = {
      type: 'message.assistant',
      runId: open.fact.runId,
      data: { messageId, text: splitThoughts(open.text).text, attachments: [], ...(thought && { thought }) },
    };
    return [whole, ...this.#held.splice(0)];
  }

  adopt(fact: FactOf<'message.delta'>, text: string): void {
    this.#open = { fact, text };
  }
}

interface Options extends Pick<ServerDependencies, 'clock' | 'log'> {
  readonly record: StoredSession;
  readonly head: number;
  readonly isWatched: () => boolean;
  /** Returns undefined if this server is known to hold the lease. Rejects: fenced, store_unavailable. */
  readonly confirm?: () => Promise<void> | undefined;
  readonly onFact: (fact: SessionFact, seq: number) => void;
  /** Called when a write fails. Later writes also fail. */
  readonly onBroken: (error: AppError) => void;
}
interface PendingWrite {
  readonly facts: readonly SessionFact[];
  /** Index of the first requested fact. Facts that complete another message may precede it. */
  readonly first: number;
  readonly puts: readonly RecordPut[];
  /** Changes to the record that have no fact of their own, applied after `facts`. */
  readonly marks?: Partial<StoredSession>;
  readonly done: PromiseWithResolvers<number>;
}

const maxWaiting = 5_000; // queued writes; further writes are refused, because the log is too slow
const retryDelays = [50, 200, 1_000, 3_000];

/**
 * The only writer of a session's log. Preserves the order of calls and appends waiting facts together.
 *
 * @example
 * await writer.write([{ type: 'session.updated', runId: null, data: { title } }]); // durable once it resolves
 */
export class SessionWriter extends ServerComponent<Options> {
  readonly message = new OpenMessage();
  #record = this.deps.record;
  #head = this.deps.head;
  #waiting: PendingWrite[] = [];
  #pumping: Promise<void> | undefined;
  #broken: AppError | undefined;
  #isListed = false;

  get record(): StoredSession {
    return this.#record;
  }

  get head(): number {
    return this.#head;
  }

  /** Resolves with the first fact's seq once all facts are durable. Rejects: fenced, store_unavailable, store_busy. */
  write(facts: readonly SessionFact[], puts: readonly RecordPut[] = []): Promise<number> {
    if (this.#broken) return Promise.reject(this.#broken);
    if (this.#waiting.length >= maxWaiting) {
      return Promise.reject(new AppError('store_busy', 'The history cannot be written fast enough. Try again later.'));
    }
    const arranged = this.message.arrange(facts);
    const first = Math.max(0, facts[0] ? arranged.indexOf(facts[0]) : 0);
    return this.#enqueue({ facts: arranged, first, puts });
  }

  #enqueue(requested: Omit<PendingWrite, 'done'>): Promise<number> {
    const write: PendingWrite = { ...requested, done: Promise.withResolvers<number>() };
    this.#waiting.push(write);
    this.#pumping ??= this.#pump();
    return write.done.promise;
  }

  fence(error: AppError): void {
    this.#broken ??= error;
    for (const { done } of this.#waiting.splice(0)) done.reject(error);
  }

  /** Resolves when every earlier write is durable or refused. */
  async settled(): Promise<void> {
    while (this.#pumping) await this.#pumping;
  }

  /** Changes the record in queue order. Without `facts`, an unaware former lease holder can overwrite the change. */
  async amend(marks: Partial<StoredSession>, facts: readonly SessionFact[] = []): Promise<void> {
    if (this.#broken) throw this.#broken;
    await this.#enqueue({ facts: this.message.arrange(facts), first: 0, puts: [], marks });
  }

  async #pump(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        await this.#append(batch);
      } catch (thrown) {
        // Rejects later writes too, because they may depend on the lost facts.
        const error = toAppError(thrown);
        const isNews = this.#broken === undefined;
        this.#broken ??= error;
        for (const { done } of [...batch, ...this.#waiting.splice(0)]) done.reject(error);
        if (isNews) this.deps.onBroken(error);
      }
    }
    this.#pumping = undefined;
  }

  async #append(batch: readonly PendingWrite[]): Promise<void> {
    const { log, clock, isWatched, onFact } = this.deps;
    const facts: SessionFact[] = [];
    const at = clock.now();
    const watched = isWatched();
    let record = this.#record;
    const firsts = batch.map((write) => {
      let first = facts.length;
      for (const [n, input] of write.facts.entries()) {
        if (n === write.first) first = facts.length;
        if (isOvertakenTitle(input, record)) continue;
        const fact = replaceLoneSurrogates(withoutEndedRun(input, record));
        record = applyFact(record, fact, { seq: this.#head + facts.length + 1, ts: at, watched });
        facts.push(fact);
      }
      if (write.marks) record = { ...record, ...write.marks };
      return first;
    });
    const puts = batch.flatMap((write) => write.puts);
    if (record !== this.#record) puts.push(this.#put(record));
    const isNews = isUnfinished(record) && !this.#isListed;
    if (isNews) puts.push({ kind: unfinishedRecordKind, id: record.id, doc: {} });
    const entry = { sessionId: record.id, after: this.#head, at, facts, puts };
    const sure = this.deps.confirm?.();
    if (sure) await sure;
    if (this.#broken) throw this.#broken;
    if (facts.length > 0 || puts.length > 0) await this.#persist(() => log.append(entry));
    this.#record = record;
    this.#isListed ||= isNews;
    const before = this.#head;
    this.#head += facts.length;
    for (const [n, write] of batch.entries()) write.done.resolve(before + 1 + (firsts[n] ?? 0));
    for (const [n, fact] of facts.entries()) onFact(fact, before + n + 1);
  }

  async #persist(append: () => Promise<number>): Promise<void> {
    for (const delay of [...retryDelays, undefined]) {
      try {
        await append();
        return;
      } catch (thrown) {
        const { code } = toAppError(thrown);
        const passing = code === 'store_busy' || code === 'store_unavailable';
        if (!passing || delay === undefined) throw thrown;
        await sleep(delay, neverAbortingSignal, this.deps.clock);
        await this.deps.confirm?.(); // another server may have become the holder during the wait
        if (this.#broken) throw this.#broken;
      }
    }
  }

  #put = (record: StoredSession): RecordPut => ({
    kind: 'session',
    id: record.id,
    doc: record,
    sort: record.latestMessageAt,
  });
}

/** A generated title must not replace a client's own title. */
const isOvertakenTitle = ({ type, runId }: SessionFact, { titleBy }: StoredSession): boolean =>
  type === 'title' && runId !== null && titleBy === 'client';

/** Removes the run id from a deferred fact if the run has ended, because no fact of a run may follow its `run.end`. */
function withoutEndedRun(fact: SessionFact, { openRuns }: StoredSession): SessionFact {
  if (!deferredEventTypes.has(fact.type) || fact.runId === null || openRuns.some(({ runId }) => runId === fact.runId))
    return fact;
  return { ...fact, runId: null };
}
