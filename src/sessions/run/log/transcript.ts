import { findStepStart } from '../../../agents/models/conversation.ts';
import type { Message, PositionedNote, ToolCall } from '../../../agents/models/model.ts';
import type { RecordPut, RecordStore } from '../../../core/contracts/ports.ts';
import type { MessageId, RunId, SessionId } from '../../../core/model/ids.ts';
import { extendList } from '../../../core/text/list-fold.ts';
import type { AttachedFile } from '../context/attachments.ts';
import { TokenEstimator } from '../context/meter.ts';
import { applyCompactions, type Compaction, type IndexedMessage } from '../context/view.ts';
import { type ConversationEntry, parseConversation, type StoredCompaction, sortResultsByCall } from './conversation.ts';
import { RequestLog } from './stored-request.ts';

// The conversation contains the provider's raw parts, which are sent back unchanged and must not be in the log.

interface View {
  readonly of: RunId;
  readonly messages: readonly Message[];
  readonly runFrom: number;
  readonly seen: readonly IndexedMessage[];
  readonly note?: PositionedNote;
  readonly earlier: readonly PositionedNote[];
}

interface SharedView {
  readonly view: ReturnType<typeof applyCompactions>;
  readonly upto: number;
  readonly seen: readonly IndexedMessage[];
  readonly messages: readonly Message[];
  readonly earlier: readonly PositionedNote[];
}

export class Transcript {
  readonly #sessionId: SessionId;
  readonly #records: RecordStore;
  readonly #entries: ConversationEntry[] = [];
  #ordered: readonly Message[] = [];
  #seen: SharedView | undefined;
  #compactions: Compaction[] = [];
  #unstored: (ConversationEntry | StoredCompaction)[] = [];
  /** Note positions are relative to the whole conversation. */
  #note: PositionedNote | undefined;
  #earlier: readonly PositionedNote[] = [];
  #noteBytes = 0;
  #view: View | undefined;
  readonly #calls = new Map<string, number>();
  readonly #firstOf = new Map<RunId, number>();
  readonly #messageIds = new Set<MessageId>();
  #attached: readonly AttachedFile[] = [];
  #stored = 0;
  #loaded: Promise<void> | undefined;
  readonly meter = new TokenEstimator();
  readonly requests: RequestLog;
  failedSummaries = 0;

  constructor(sessionId: SessionId, records: RecordStore) {
    this.#sessionId = sessionId;
    this.#records = records;
    this.requests = new RequestLog(sessionId);
  }

  /** Loads the stored entries once. Call `add` only after this resolves. */
  load(): Promise<void> {
    this.#loaded ??= this.#load().catch((thrown: unknown) => {
      this.#loaded = undefined; // the next turn retries
      throw thrown;
    });
    return this.#loaded;
  }

  async #load(): Promise<void> {
    const stored = await this.#records.list('transcript', { idPrefix: `${this.#sessionId}:` });
    const { entries, compactions } = parseConversation(stored.map(({ doc }) => doc).reverse());
    await this.requests.load(this.#records);
    this.#compactions = compactions;
    this.#stored = stored.length;
    this.#append(entries);
  }

  #append(entries: readonly ConversationEntry[]): void {
    this.#view = undefined;
    for (const entry of entries) {
      const { runId, message, messageId, attached = [] } = entry;
      if (!this.#firstOf.has(runId)) this.#firstOf.set(runId, this.#entries.length);
      if (messageId !== undefined) this.#messageIds.add(messageId);
      if (attached.length > 0) this.#attached = [...this.#attached, ...attached];
      if (message.role === 'assistant')
        for (const [n, { callId }] of message.calls.entries()) this.#calls.set(callId, n);
      this.#entries.push(entry);
    }
  }

  get cacheKey(): string {
    return this.#sessionId;
  }

  get entries(): readonly ConversationEntry[] {
    return this.#entries;
  }

  add(...entries: readonly ConversationEntry[]): void {
    this.#append(entries);
    this.#unstored.push(...entries);
  }

  get compactions(): readonly Compaction[] {
    return this.#compactions;
  }

  compact(runId: RunId, compaction: Compaction): void {
    this.#view = this.#seen = undefined;
    this.#compactions.push(compaction);
    this.#earlier = this.#earlier.filter(({ before }) => before >= this.#hiddenUpto);
    this.#unstored.push({ runId, compaction });
  }

  /** Includes the messages and compactions of the next write. */
  get length(): number {
    return this.#stored + this.#unstored.length;
  }

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

  get messages(): readonly Message[] {
    const before = this.#ordered;
    if (before.length === this.#entries.length) return before;
    const more = this.#entries.slice(before.length).map(({ message }) => message);
    const results = before.length - (before.findLastIndex(({ role }) => role !== 'tool') + 1);
    const kept = before.slice(before.length - results);
    const end = sortResultsByCall([...kept, ...more], this.#calls);
    const isLonger = kept.every((message, n) => message === end[n]);
    if (!isLonger) this.#seen = undefined;
    this.#ordered = isLonger
      ? extendList(before, end.slice(results))
      : [...before.slice(0, before.length - results), ...end];
    return this.#ordered;
  }

  view(runId: RunId): View {
    if (this.#view?.of !== runId) this.#view = this.#viewOf(runId);
    return this.#view;
  }

  #viewOf(runId: RunId): View {
    const { seen, messages, earlier, view } = this.#seenNow();
    const first = this.#firstOf.get(runId);
    const runFrom = first === undefined ? seen.length : seen.findLastIndex(({ at }) => at < first) + 1;
    return { of: runId, seen, messages, runFrom, earlier, ...(this.#note && { note: noteIn(view, this.#note) }) };
  }

  #seenNow(): SharedView {
    const whole = this.messages;
    const view = this.#seen?.view ?? applyCompactions(whole, this.#compactions);
    const before = this.#seen ?? {
      upto: view.from,
      seen: view.head,
      messages: view.head.map(({ message }) => message),
      earlier: [],
    };
    const more = whole.slice(before.upto).map((message, n) => view.show(message, before.upto + n));
    this.#seen = {
      view,
      upto: whole.length,
      seen: extendList(before.seen, more),
      messages: extendList(
        before.messages,
        more.map(({ message }) => message),
      ),
      earlier: extendList(
        before.earlier,
        this.#earlier.slice(before.earlier.length).map((note) => noteIn(view, note)),
      ),
    };
    return this.#seen;
  }

  get #hiddenUpto(): number {
    return this.#compactions.findLast(({ kind }) => kind === 'summary' || kind === 'cut')?.upto ?? 0;
  }

  get attached(): readonly AttachedFile[] {
    return this.#attached;
  }

  hasMessage(messageId: MessageId): boolean {
    return this.#messageIds.has(messageId);
  }

  /** The note stays in place in later requests. Once the notes exceed `maxBytes`, all earlier ones are dropped. */
  placeNote(text: string, maxBytes: number): void {
    const last = this.#note;
    if (text === '' || last?.text === text) return;
    const keeps = last !== undefined && this.#noteBytes <= maxBytes;
    const { messages } = this;
    this.#view = undefined;
    if (this.#seen && !keeps) this.#seen = { ...this.#seen, earlier: [] };
    if (!keeps) this.#earlier = [];
    else if (last.before >= this.#hiddenUpto) this.#earlier = extendList(this.#earlier, [last]);
    this.#note = { text, before: keeps ? messages.length : findStepStart(messages) };
    this.#noteBytes = (keeps ? this.#noteBytes : 0) + Buffer.byteLength(text);
  }

  callIds(): Pick<ReadonlySet<string>, 'has'> {
    return this.#calls;
  }

  openCalls(runId: RunId): readonly ToolCall[] {
    const answered = new Set<string>();
    for (let at = this.#entries.length - 1; at >= (this.#firstOf.get(runId) ?? this.#entries.length); at--) {
      const { message, ...entry } = this.#entries[at] as ConversationEntry;
      if (entry.runId !== runId) continue;
      if (message.role === 'assistant') return message.calls.filter(({ callId }) => !answered.has(callId));
      if (message.role === 'tool') answered.add(message.callId);
    }
    return [];
  }
}

/** A note that a summary would hide is placed directly after the summary. */
const noteIn = ({ head, from }: SharedView['view'], note: PositionedNote): PositionedNote =>
  head.length === 0 ? note : { text: note.text, before: Math.max(note.before, from) - from + head.length };
