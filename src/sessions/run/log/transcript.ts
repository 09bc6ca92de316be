import { beginningOfStep } from '../../../agents/models/conversation.ts';
import type { Message, NoteAtMessage, ToolCall } from '../../../agents/models/model.ts';
import type { RecordPut, RecordStore } from '../../../core/contracts/ports.ts';
import type { MessageId, RunId, SessionId } from '../../../core/model/ids.ts';
import type { AttachedFile } from '../context/attachments.ts';
import { TokenMeter } from '../context/meter.ts';
import { type Compaction, type ViewedMessage, viewOf } from '../context/view.ts';
import { conversationOf, type Entry, inCallOrder, type Shortening } from './conversation.ts';
import { RequestLog } from './request-log.ts';

// The conversation as the model sees it. Records of its own keep it, because the log must not contain the provider's
// raw
// parts, which are sent back unchanged. Facts and transcript are written in one transaction.

interface View {
  readonly of: RunId;
  readonly messages: readonly Message[];
  /** The index of this run's first message. */
  readonly runFrom: number;
  readonly seen: readonly ViewedMessage[];
  /** The server's own notes to the model, each at the message before which it stands. */
  readonly notes: readonly NoteAtMessage[];
}

export class Transcript {
  readonly #sessionId: SessionId;
  readonly #records: RecordStore;
  #entries: Entry[] = [];
  /** A turn asks for the conversation several times. */
  #ordered: readonly Message[] | undefined;
  #compactions: Compaction[] = [];
  #unstored: (Entry | Shortening)[] = [];
  /** Places are those in the whole conversation. */
  #notes: NoteAtMessage[] = [];
  #view: View | undefined;
  /** The ids of all calls. */
  readonly #callIds = new Set<string>();
  #stored = 0;
  #loaded: Promise<void> | undefined;
  readonly meter = new TokenMeter();
  /** The requests of this conversation, as the model saw them. */
  readonly requests: RequestLog;
  /** The attempts in a row to have a summary of this conversation that failed. */
  failedSummaries = 0;

  constructor(sessionId: SessionId, records: RecordStore) {
    this.#sessionId = sessionId;
    this.#records = records;
    this.requests = new RequestLog(sessionId);
  }

  /** Loads the stored entries once. Call `add` only after this resolves. */
  load(): Promise<void> {
    this.#loaded ??= this.#load().catch((thrown: unknown) => {
      this.#loaded = undefined; // the next turn tries again, because the store may be available then
      throw thrown;
    });
    return this.#loaded;
  }

  async #load(): Promise<void> {
    const stored = await this.#records.list('transcript', { idPrefix: `${this.#sessionId}:` });
    const { entries, compactions } = conversationOf(stored.map(({ doc }) => doc).reverse());
    await this.requests.load(this.#records);
    this.#entries = entries;
    this.#compactions = compactions;
    this.#stored = stored.length;
    this.#changed(entries);
  }

  /** Drops the cached order and view, which new entries make stale. */
  #changed(entries: readonly Entry[]): void {
    this.#ordered = this.#view = undefined;
    for (const { message } of entries)
      if (message.role === 'assistant') for (const { callId } of message.calls) this.#callIds.add(callId);
  }

  /** Names this conversation to the provider's prompt cache. */
  get cacheKey(): string {
    return this.#sessionId;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  add(...entries: readonly Entry[]): void {
    this.#entries.push(...entries);
    this.#changed(entries);
    this.#unstored.push(...entries);
  }

  get compactions(): readonly Compaction[] {
    return this.#compactions;
  }

  /** From now on the model sees the conversation so. */
  compact(runId: RunId, compaction: Compaction): void {
    this.#view = undefined;
    this.#compactions.push(compaction);
    this.#unstored.push({ runId, compaction });
  }

  /** The number of records that this conversation has, or will have with the next write. */
  get length(): number {
    return this.#stored + this.#unstored.length;
  }

  /** Takes what is not stored yet, for the next write of facts. */
  takeUnstored(): RecordPut[] {
    const puts = this.#unstored.splice(0).map((entry, n): RecordPut => {
      const index = this.#stored + n;
      return {
        kind: 'transcript',
        id: `${this.#sessionId}:${String(index).padStart(8, '0')}`,
        doc: entry,
        sort: index,
      };
    });
    this.#stored += puts.length;
    return [...puts, ...this.requests.takeUnstored()];
  }

  /** The conversation, whole, with results in the order of their calls. */
  get messages(): readonly Message[] {
    this.#ordered ??= inCallOrder(this.#entries.map(({ message }) => message));
    return this.#ordered;
  }

  /** The conversation as the model sees it; kept, because one turn needs it several times. */
  view(runId: RunId): View {
    if (this.#view?.of !== runId) this.#view = this.#viewOf(runId);
    return this.#view;
  }

  #viewOf(runId: RunId): View {
    const first = this.#entries.findIndex((entry) => entry.runId === runId);
    const { messages } = this;
    const seen = viewOf(messages, this.#compactions);
    const runFrom = first < 0 ? -1 : seen.findIndex(({ at }) => at >= first);
    const from = this.#compactions.findLast(({ kind }) => kind === 'summary' || kind === 'cut')?.upto ?? 0;
    const hidden = messages.length - seen.length;
    const last = this.#notes.at(-1);
    // The newest note stands behind a summary that hides its place; the earlier ones are gone then.
    const notes = this.#notes
      .filter((note) => note.before >= from || note === last)
      .map(({ text, before }) => ({ text, before: Math.max(before, from) - hidden }));
    const shown = seen.map(({ message }) => message);
    return { of: runId, seen, notes, messages: shown, runFrom: runFrom < 0 ? seen.length : runFrom };
  }

  /** The uploads that users attached to messages of this session. */
  get attached(): readonly AttachedFile[] {
    return this.#entries.flatMap(({ attached = [] }) => attached);
  }

  hasMessage(messageId: MessageId): boolean {
    return this.#entries.some((entry) => entry.messageId === messageId);
  }

  /**
   * Gives the loop's note its place, which it keeps in later requests as well. When the earlier notes become too long,
   * or after a restart, they are forgotten.
   */
  placeNote(text: string, maxBytes: number): void {
    if (text === '' || this.#notes.at(-1)?.text === text) return;
    const bytes = this.#notes.reduce((sum, note) => sum + Buffer.byteLength(note.text), 0);
    if (bytes > maxBytes) this.#notes = [];
    const { messages } = this;
    this.#view = undefined;
    this.#notes.push({ text, before: this.#notes.length === 0 ? beginningOfStep(messages) : messages.length });
  }

  /** The ids of all calls that the model ever made in this session. */
  callIds(): ReadonlySet<string> {
    return this.#callIds;
  }

  /** Calls of the run's last reply that have no result. */
  openCalls(runId: RunId): readonly ToolCall[] {
    const own = this.#entries.filter((entry) => entry.runId === runId).map(({ message }) => message);
    const last = own.findLastIndex(({ role }) => role === 'assistant');
    const reply = own[last];
    if (reply?.role !== 'assistant') return [];
    const answered = new Set(own.slice(last).flatMap((message) => (message.role === 'tool' ? [message.callId] : [])));
    return reply.calls.filter(({ callId }) => !answered.has(callId));
  }
}
