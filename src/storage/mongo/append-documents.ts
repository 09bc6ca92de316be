import type { AppendRequest } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { droppableEventTypes, searchableEventTypes } from '../../core/model/event-traits.ts';
import type { SessionId } from '../../core/model/ids.ts';
import {
  type EventDocument,
  eventSeqOf,
  type FactText,
  type PutDocument,
  toEventId,
  toEventTypeKey,
  toFactText,
  toPutDocument,
  toRecordId,
} from './documents.ts';

/** Limit of an append, whose first event contains all of it. MongoDB allows 16 MB. */
const maxBytes = 12 * 1024 * 1024;

export const keepLastPutPerRecord = ({ puts = [] }: AppendRequest): PutDocument[] => [
  ...new Map(puts.map((put) => [toRecordId(put.kind, put.id), toPutDocument(put)])).values(),
];

/** The first document commits the append, and contains everything that the others and the records need. */
export function toAppendDocuments(
  { sessionId, after, at, facts }: AppendRequest,
  puts: readonly PutDocument[],
  batch: string,
) {
  const texts = facts.map(toFactText);
  const sizes = [...texts.map(({ fact }) => fact.length), ...puts.map(({ doc }) => doc.length)];
  if (sizes.reduce((sum, size) => sum + size, 0) > maxBytes) {
    throw new AppError('payload_too_large', 'This is more than the store accepts in one write.');
  }
  const [first, ...rest] = texts as [FactText, ...FactText[]];
  const document: EventDocument = {
    ...toEventDocument(sessionId, after + 1, at, first),
    batch,
    ...(rest.length > 0 || puts.length > 0 ? { redo: { facts: rest, puts } } : {}),
    ...(rest.length > 0 ? { left: rest.length } : {}),
  };
  return [document, ...toLaterEventDocuments(sessionId, document)] as const;
}

export function toLaterEventDocuments(session: SessionId, first: EventDocument): EventDocument[] {
  const rest = first.redo?.facts ?? [];
  return rest.map((text, n) => {
    const left = rest.length - n - 1;
    const position = { nth: n + 1, ...(left > 0 ? { left } : {}) };
    return { ...toEventDocument(session, eventSeqOf(first._id) + n + 1, first.at, text), ...position };
  });
}

export function toEventDocument(session: SessionId, seq: number, at: number, { type, fact }: FactText): EventDocument {
  const mark = (droppableEventTypes as ReadonlySet<string>).has(type)
    ? {}
    : { mark: toEventTypeKey(session, type, seq) };
  const reply = (searchableEventTypes as ReadonlySet<string>).has(type) ? { said: 1 as const } : {};
  const used = type === 'usage' ? { used: 1 as const } : {};
  return { _id: toEventId(session, seq), type, at, fact, ...mark, ...reply, ...used };
}
