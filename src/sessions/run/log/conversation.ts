import { z } from 'zod';
import type { Message } from '../../../agents/models/model.ts';
import { ConversationMessage } from '../../../core/model/conversation-message.ts';
import type { MessageId, RunId } from '../../../core/model/ids.ts';
import type { AttachedFile } from '../context/attachments.ts';
import { Compaction } from '../context/view.ts';

export interface ConversationEntry {
  readonly runId: RunId;
  readonly message: Message;
  readonly messageId?: MessageId;
  /** The log's newest seq when the entry was added. */
  readonly seq?: number | undefined;
  readonly attached?: readonly AttachedFile[];
}
export interface StoredCompaction {
  readonly runId: RunId;
  readonly compaction: Compaction;
}
const StoredShortening = z.object({ runId: z.string(), compaction: Compaction });
const StoredEntry = z.object({
  runId: z.string(),
  messageId: z.string().optional(),
  seq: z.int().optional(),
  attached: z.array(z.object({ id: z.string(), path: z.string() })).optional(),
  message: ConversationMessage,
});

/** Oldest first. Throws for an invalid record. */
export function parseConversation(docs: readonly unknown[]): {
  entries: ConversationEntry[];
  compactions: Compaction[];
} {
  const entries: ConversationEntry[] = [];
  const compactions: Compaction[] = [];
  for (const doc of docs) {
    if (isShortening(doc)) compactions.push(StoredShortening.parse(doc).compaction);
    else entries.push(StoredEntry.parse(doc) as object as ConversationEntry);
  }
  return { entries, compactions };
}

const isShortening = (doc: unknown): boolean => typeof doc === 'object' && doc !== null && 'compaction' in doc;

/** Parallel calls can end in any order. `before`: positions of calls whose assistant message is not in `messages`. */
export function sortResultsByCall(
  messages: readonly Message[],
  before: ReadonlyMap<string, number> = new Map(),
): readonly Message[] {
  const places = new Map<string, number>();
  const ordered = [...messages];
  for (let at = 0; at < ordered.length; at++) {
    const message = ordered[at];
    if (message?.role === 'assistant') for (const [n, { callId }] of message.calls.entries()) places.set(callId, n);
    if (message?.role !== 'tool') continue;
    let end = at;
    while (ordered[end]?.role === 'tool') end++;
    const place = (it: Message) =>
      it.role === 'tool' ? (places.get(it.callId) ?? before.get(it.callId) ?? messages.length) : 0;
    if (end - at > 1) ordered.splice(at, end - at, ...ordered.slice(at, end).sort((a, b) => place(a) - place(b)));
    at = end - 1;
  }
  return ordered;
}
