import { z } from 'zod';
import type { MessageId, RunId, SessionId } from '../../../core/ids.ts';
import type { RecordPut, RecordStore } from '../../../core/ports.ts';
import type { Message } from '../../../llm/model.ts';
import type { Attached } from '../context/attachments.ts';
import { TokenMeter } from '../context/meter.ts';
import { type Compaction, type Seen, viewOf } from '../context/view.ts';

// The conversation as the model sees it. Records of its own keep it, because the log must not contain the provider's raw
// parts, which are sent back unchanged. Facts and transcript are written in one transaction.

export interface Entry {
  readonly runId: RunId;
  readonly message: Message;
  /** The id of the user's message in this entry. */
  readonly messageId?: MessageId;
  /** The newest seq of the log when the entry was added. */
  readonly seq?: number | undefined;
  /** Uploads of the user's message in this entry. */
  readonly attached?: readonly Attached[];
}
/** An entry that says how the model sees the entries before it. */
interface Shortening {
  readonly runId: RunId;
  readonly compaction: Compaction;
}
const call = z.object({ callId: z.string(), name: z.string(), args: z.unknown() });
const pictures = z.array(z.object({ file: z.string(), mimeType: z.string() }));
const StoredShortening = z.object({
  runId: z.string(),
  compaction: z.object({
    kind: z.enum(['results', 'pictures', 'summary', 'cut']),
    ...{ upto: z.int(), until: z.int(), before: z.int(), after: z.int() },
    ...{ most: z.int().optional(), summary: z.string().optional(), userChars: z.int().optional() },
  }),
});
const StoredEntry = z.object({
  runId: z.string(),
  messageId: z.string().optional(),
  seq: z.int().optional(),
  attached: z.array(z.object({ id: z.string(), path: z.string() })).optional(),
  message: z.discriminatedUnion('role', [
    z.object({ role: z.literal('user'), text: z.string(), pictures: pictures.optional() }),
    z.object({
      role: z.literal('tool'),
      callId: z.string(),
      name: z.string(),
      output: z.string(),
      success: z.boolean(),
      pictures: pictures.optional(),
    }),
    z.object({
      role: z.literal('assistant'),
      model: z.string(),
      text: z.string(),
      calls: z.array(call),
      raw: z.array(z.unknown()),
    }),
  ]),
});

/** Calls that ran at once end in any order. Their results follow the reply in the order of its calls. */
function inCallOrder(messages: readonly Message[]): readonly Message[] {
  const places = new Map<string, number>();
  const ordered = [...messages];
  for (let at = 0; at < ordered.length; at++) {
    const message = ordered[at];
    if (message?.role === 'assistant') for (const [n, { callId }] of message.calls.entries()) places.set(callId, n);
    if (message?.role !== 'tool') continue;
    let end = at;
    while (ordered[end]?.role === 'tool') end++;
    const place = (it: Message) => (it.role === 'tool' ? (places.get(it.callId) ?? messages.length) : 0);
    ordered.splice(at, end - at, ...ordered.slice(at, end).sort((a, b) => place(a) - place(b)));
    at = end - 1;
  }
  return ordered;
}

export class Transcript {
  readonly #sessionId: SessionId;
  readonly #records: RecordStore;
  #entries: Entry[] = [];
  readonly #compactions: Compaction[] = [];
  #unstored: (Entry | Shortening)[] = [];
  #stored = 0;
  #loaded: Promise<void> | undefined;
  readonly meter = new TokenMeter();
  /** The model could not summarize. The next compaction does without it. */
  cannotSummarize = false;

  constructor(sessionId: SessionId, records: RecordStore) {
    this.#sessionId = sessionId;
    this.#records = records;
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
    for (const { doc } of stored.toReversed()) {
      const shortening = StoredShortening.safeParse(doc);
      if (shortening.success) this.#compactions.push(shortening.data.compaction);
      else this.#entries.push(StoredEntry.parse(doc) as object as Entry);
    }
    this.#stored = stored.length;
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
    this.#unstored.push(...entries);
  }

  get compactions(): readonly Compaction[] {
    return this.#compactions;
  }

  /** From now on the model sees the conversation so. */
  compact(runId: RunId, compaction: Compaction): void {
    this.#compactions.push(compaction);
    this.#unstored.push({ runId, compaction });
  }

  /** Takes the entries that are not stored yet, for the next write of facts. */
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
    return puts;
  }

  /** The conversation, whole, with results in the order of their calls. */
  get messages(): readonly Message[] {
    return inCallOrder(this.#entries.map(({ message }) => message));
  }

  /** The conversation as the model sees it, and the index of this run's first message there. */
  view(runId: RunId): { messages: readonly Message[]; runFrom: number; seen: readonly Seen[] } {
    const first = this.#entries.findIndex((entry) => entry.runId === runId);
    const seen = viewOf(this.messages, this.#compactions);
    const runFrom = first < 0 ? -1 : seen.findIndex(({ at }) => at >= first);
    return { seen, messages: seen.map(({ message }) => message), runFrom: runFrom < 0 ? seen.length : runFrom };
  }

  /** The uploads that users attached to messages of this session. */
  get attached(): readonly Attached[] {
    return this.#entries.flatMap(({ attached = [] }) => attached);
  }

  hasMessage(messageId: MessageId): boolean {
    return this.#entries.some((entry) => entry.messageId === messageId);
  }

  /** The ids of all calls that the model ever made in this session. */
  callIds(): Set<string> {
    const calls = this.#entries.flatMap(({ message }) => (message.role === 'assistant' ? message.calls : []));
    return new Set(calls.map(({ callId }) => callId));
  }

  /** Calls of the run's last reply that have no result. */
  openCalls(runId: RunId): { callId: string; name: string; args: unknown }[] {
    const own = this.#entries.filter((entry) => entry.runId === runId).map(({ message }) => message);
    const last = own.findLastIndex(({ role }) => role === 'assistant');
    const reply = own[last];
    if (reply?.role !== 'assistant') return [];
    const answered = new Set(own.slice(last).flatMap((message) => (message.role === 'tool' ? [message.callId] : [])));
    return reply.calls
      .filter(({ callId }) => !answered.has(callId))
      .map(({ callId, name, args }) => ({ callId, name, args }));
  }
}
