import { z } from 'zod';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { SessionId } from '../../core/model/ids.ts';

const SideMessage = z.object({
  id: z.string(),
  role: z.enum(['assistant', 'system']),
  text: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  at: z.number(),
  afterSeq: z.int(),
});
/** Stored alongside the conversation. Runs do not read such messages. */
export type SideMessage = z.infer<typeof SideMessage>;

export interface SideMessageService {
  add(session: SessionId, message: Pick<SideMessage, 'role' | 'text' | 'metadata' | 'afterSeq'>): Promise<SideMessage>;
  /** In order of creation. */
  list(session: SessionId): Promise<readonly SideMessage[]>;
  annotate(session: SessionId, messageId: string, metadata: Record<string, unknown>): Promise<void>;
  annotations(session: SessionId): Promise<ReadonlyMap<string, Record<string, unknown>>>;
}
type Deps = Pick<ServerDependencies, 'clock' | 'newId' | 'records'>;
// Ids start with the session's id, so the messages are deleted with its log.
const kind = 'side-message';
const noteKind = 'message-note';
const Note = z.object({ messageId: z.string(), metadata: z.record(z.string(), z.unknown()) });

export function createSideMessageService({ records, clock, newId }: Deps): SideMessageService {
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
