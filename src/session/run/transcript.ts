import { z } from 'zod';
import type { MessageId, RunId, SessionId } from '../../core/ids.ts';
import type { RecordPut, RecordStore } from '../../core/ports.ts';
import type { Message } from '../../llm/model.ts';
import { shortened } from './shortened-messages.ts';

// The conversation as the model sees it. Records of its own keep it, because the log must not contain the provider's raw
// parts, which are sent back unchanged. Facts and transcript are written in one transaction.

export interface Entry {
  readonly runId: RunId;
  readonly message: Message;
  /** The id of the user's message in this entry. */
  readonly messageId?: MessageId;
}
const call = z.object({ callId: z.string(), name: z.string(), args: z.unknown() });
const StoredEntry = z.object({
  runId: z.string(),
  messageId: z.string().optional(),
  message: z.discriminatedUnion('role', [
    z.object({ role: z.literal('user'), text: z.string() }),
    z.object({
      role: z.literal('tool'),
      callId: z.string(),
      name: z.string(),
      output: z.string(),
      success: z.boolean(),
      pictures: z.array(z.object({ file: z.string(), mimeType: z.string() })).optional(),
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

export class Transcript {
  readonly #sessionId: SessionId;
  readonly #records: RecordStore;
  #entries: Entry[] = [];
  #stored = 0;
  #loaded: Promise<void> | undefined;
  #isTooLong = false;

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
    this.#entries = stored.map(({ doc }) => StoredEntry.parse(doc) as Entry).reverse(); // lists are newest first
    this.#stored = this.#entries.length;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  add(...entries: readonly Entry[]): void {
    this.#entries.push(...entries);
  }

  /** Takes the entries that are not stored yet, for the next write of facts. */
  takeUnstored(): RecordPut[] {
    const puts = this.#entries.slice(this.#stored).map((entry, n): RecordPut => {
      const index = this.#stored + n;
      return {
        kind: 'transcript',
        id: `${this.#sessionId}:${String(index).padStart(8, '0')}`,
        doc: entry,
        sort: index,
      };
    });
    this.#stored = this.#entries.length;
    return puts;
  }

  /** From now on the model sees old results shortened. False when that shortens nothing. */
  shorten(): boolean {
    const all = this.#entries.map(({ message }) => message);
    if (this.#isTooLong || !shortened(all).some((message, n) => message !== all[n])) return false;
    this.#isTooLong = true;
    return true;
  }

  /** The messages, and the index of this run's first one. */
  messages(runId: RunId): { messages: readonly Message[]; runFrom: number } {
    const first = this.#entries.findIndex((entry) => entry.runId === runId);
    const all = this.#entries.map(({ message }) => message);
    return {
      messages: this.#isTooLong ? shortened(all) : all,
      runFrom: first < 0 ? this.#entries.length : first,
    };
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
