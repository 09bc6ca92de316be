import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { SessionId } from '../../core/ids.ts';
import type { RecordStore } from '../../core/ports.ts';

const SideMessage = z.object({
  id: z.string(),
  role: z.enum(['assistant', 'system']),
  text: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  at: z.number(),
  /** It stands behind this event. */
  afterSeq: z.int(),
});
/** Something a client put beside the conversation: no run takes it, and it is no event. */
export type SideMessage = z.infer<typeof SideMessage>;

export interface SideMessages {
  add(session: SessionId, message: Pick<SideMessage, 'role' | 'text' | 'metadata' | 'afterSeq'>): Promise<SideMessage>;
  /** In the order they came. */
  list(session: SessionId): Promise<readonly SideMessage[]>;
  /** What a client said about a message of the log. */
  annotate(session: SessionId, messageId: string, metadata: Record<string, unknown>): Promise<void>;
  annotations(session: SessionId): Promise<ReadonlyMap<string, Record<string, unknown>>>;
}
interface Deps {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly newId: () => string;
}
// Ids that begin with the session's: they are erased with its log.
const kind = 'side-message';
const noteKind = 'message-note';
const Note = z.object({ messageId: z.string(), metadata: z.record(z.string(), z.unknown()) });

export function sideMessages({ records, clock, newId }: Deps): SideMessages {
  return {
    async add(session, { role, text, metadata, afterSeq }) {
      const doc: SideMessage = { id: newId(), role, text, metadata, at: clock.now(), afterSeq };
      await records.put({ kind, id: `${session}:${doc.id}`, doc, sort: doc.at });
      return doc;
    },
    async list(session) {
      const found = await records.list(kind, { idPrefix: `${session}:` });
      return found.map(({ doc }) => SideMessage.parse(doc)).sort((a, b) => a.at - b.at);
    },
    async annotate(session, messageId, metadata) {
      await records.put({ kind: noteKind, id: `${session}:${messageId}`, doc: { messageId, metadata } });
    },
    async annotations(session) {
      const found = await records.list(noteKind, { idPrefix: `${session}:` });
      return new Map(found.map(({ doc }) => Note.parse(doc)).map(({ messageId, metadata }) => [messageId, metadata]));
    },
  };
}
