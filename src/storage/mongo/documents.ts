import type { Document } from 'mongodb';
import { z } from 'zod';
import type { AppendRequest, RecordListOptions, RecordPut } from '../../core/contracts/ports.ts';
import { toRecordIndexEntry } from '../../core/contracts/record-index.ts';
import { AppError } from '../../core/errors/errors.ts';
import { droppableEventTypes, searchableEventTypes } from '../../core/model/event-traits.ts';
import type { SessionFact } from '../../core/model/events.ts';
import { SessionId } from '../../core/model/ids.ts';

// Facts and documents are JSON text, because BSON changes lone surrogates and keys with dots or dollars.

/**
 * The unique `_id` (session and seq) prevents two writers from appending the same seq. The first event of an append has
 * `batch` and, if the append contains anything else, `redo` with the rest.
 */
export interface EventDocument {
  readonly _id: string;
  readonly type: string;
  readonly at: number;
  readonly fact: string;
  /** Session, type and seq; absent if the type is droppable. Read by `findLastSeq`. */
  readonly mark?: string;
  /** Set on messages, so that a search reads nothing else. */
  readonly said?: 1;
  /** Set on usage events, so that daily totals read nothing else. */
  readonly used?: 1;
  readonly batch?: string;
  readonly redo?: RedoEntry;
  /** Position in the append; absent for its first event. */
  readonly nth?: number;
  /** Number of events that follow in the append. */
  readonly left?: number;
}
export interface RedoEntry {
  readonly facts: readonly SerializedFact[];
  readonly puts: readonly PutDocument[];
}
export interface SerializedFact {
  readonly type: string;
  readonly fact: string;
}
export interface PutDocument {
  readonly kind: string;
  readonly id: string;
  readonly doc: string;
  readonly sort: number;
  /** Index keys for the owner, state, parent and sharing. Absent in older records. */
  readonly of?: readonly string[];
  readonly name?: string;
}

export interface LogDocument {
  readonly _id: string;
  /** A current or past head of the log. */
  readonly head?: number;
  readonly thinned?: number;
  readonly trimmed?: number;
  /** The server that last appended. Absent once that server closes the log. */
  readonly writer?: string;
  /** When `writer` was last set, in epoch ms by that server's clock. */
  readonly opened?: number;
  readonly redo?: { readonly after: number; readonly puts: readonly PutDocument[] };
}

/** A session's newest seq, for servers that poll. May be briefly outdated. */
export interface HeadDocument {
  readonly _id: string;
  readonly head: number;
}

export interface RecordDocument extends PutDocument {
  readonly _id: string;
  readonly version: number;
  /** Log and head of the last put, to reject puts of older appends. */
  readonly session?: string;
  readonly seq?: number;
  /** Database time of the last put; absent in older records. */
  readonly changed?: Date;
  /** Id of the last put, by which a retry recognizes its own put. */
  readonly put?: string;
}

export interface IdempotencyDocument {
  readonly _id: string;
  readonly hash: string;
  readonly at: number;
  readonly claim: string;
  readonly answer?: string;
}
export interface LeaseDocument {
  readonly _id: string;
  readonly holder: string;
  readonly epoch: number;
  readonly expiresAt: number;
}
export interface CommandDocument extends z.infer<typeof StoredCommand> {
  /** Orders commands with the same time. */
  readonly nth: string;
  readonly open?: true;
  readonly answer?: string;
}
export const StoredCommand = z.object({
  _id: z.string(),
  session: SessionId,
  name: z.string(),
  body: z.string(),
  at: z.number(),
});

export const stringifyJson = (value: unknown): string => JSON.stringify(value) ?? 'null';
const digits = (seq: number): string => String(Math.max(0, seq)).padStart(12, '0');

export const toEventId = (session: SessionId, seq: number): string => `${session}:${digits(seq)}`;
export const eventSeqOf = (id: string): number => Number(id.slice(17));
export const eventSessionIdOf = (id: string): SessionId => SessionId.parse(id.slice(0, 16));
export const toEventRangeFilter = (session: SessionId, after = 0, upTo?: number): Document => ({
  $gt: toEventId(session, after),
  ...(upTo === undefined ? { $lt: `${session};` } : { $lte: toEventId(session, upTo) }), // `;` follows `:` in ASCII
});
export const toEventTypeKey = (session: SessionId, type: string, seq: number): string =>
  `${session}:${type}:${digits(seq)}`;

export const toRecordId = (kind: string, id: string): string => `${id}\n${kind}`;
/** Matches a session's own records, and those whose ids start with `<session>:`. */
export const toSessionRecordFilter = (session: SessionId): Document[] => [
  { _id: { $gte: `${session}\n`, $lt: `${session}\u000b` } },
  { _id: { $gte: `${session}:`, $lt: `${session};` } },
];
export const erasedRecordKind = 'erased';
/** Replaces an erased session's record, so that a concurrent put cannot restore the session. */
export const toErasedRecord = (session: SessionId, at: number): Omit<RecordDocument, '_id' | 'version'> => ({
  kind: erasedRecordKind,
  id: session,
  doc: 'null',
  sort: at,
  session,
  seq: Number.MAX_SAFE_INTEGER,
});
export const changedTimeUpdate = { $currentDate: { changed: true } } as const;
export const erasedRecordTtlMs = 3_600_000;
export function toPutDocument({ kind, id, doc, sort = 0 }: RecordPut): PutDocument {
  return { kind, id, doc: stringifyJson(doc), sort, ...toIndexFields(kind, doc) };
}
const sharedSet = 'shared';
const stateSet = (state: string): string => `state:${state}`;
const parentSet = (parent: string): string => `parent:${parent}`;
const ownerSet = (owner: string | null): string => (owner === null ? 'unowned' : `owner:${owner}`);
export function toListFilter({
  owner,
  shared,
  state,
  parent,
}: Pick<RecordListOptions, 'owner' | 'shared' | 'state' | 'parent'>): {
  readonly of?: string | { readonly $all: readonly string[] };
} {
  const sets = [
    ...(parent === undefined ? [] : [parentSet(parent)]),
    ...(owner === undefined ? [] : [ownerSet(owner)]),
    ...(state === undefined ? [] : [stateSet(state)]),
    ...(shared ? [sharedSet] : []),
  ];
  const [first, another] = sets;
  if (first === undefined) return {};
  return { of: another === undefined ? first : { $all: sets } };
}
export function toIndexFields(kind: string, doc: unknown): { readonly of: string[]; readonly name?: string } {
  const { owner, shared, state, parent, name } = toRecordIndexEntry(kind, doc);
  const groups = [state === null ? [] : stateSet(state), parent === null ? [] : parentSet(parent)].flat();
  const more = [...(shared ? [sharedSet] : []), ...groups];
  return { of: [ownerSet(owner), ...more], ...(name !== null && { name: `${kind}\n${name}` }) };
}
export const serializeFact = (fact: SessionFact): SerializedFact => ({ type: fact.type, fact: JSON.stringify(fact) });

/** Maximum size of an append. Its first event's document contains it all, and MongoDB limits documents to 16 MB. */
const maxBytes = 12 * 1024 * 1024;

export const keepLastPutPerRecord = ({ puts = [] }: AppendRequest): PutDocument[] => [
  ...new Map(puts.map((put) => [toRecordId(put.kind, put.id), toPutDocument(put)])).values(),
];

export function toAppendDocuments(
  { sessionId, after, at, facts }: AppendRequest,
  puts: readonly PutDocument[],
  batch: string,
) {
  const texts = facts.map(serializeFact);
  const written = [...texts.map(({ fact }) => fact), ...puts.map(({ doc }) => doc)];
  if (written.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > maxBytes) {
    throw new AppError('payload_too_large', 'This is more than the store accepts in one write.');
  }
  const [first, ...rest] = texts as [SerializedFact, ...SerializedFact[]];
  const document: EventDocument = {
    ...toEventDocument(sessionId, after + 1, at, first),
    batch,
    ...(rest.length > 0 || puts.length > 0 ? { redo: { facts: rest, puts } } : {}),
    ...(rest.length > 0 ? { left: rest.length } : {}),
  };
  return [document, ...toRemainingEventDocuments(sessionId, document)] as const;
}

export function toRemainingEventDocuments(session: SessionId, first: EventDocument): EventDocument[] {
  const rest = first.redo?.facts ?? [];
  return rest.map((text, n) => {
    const left = rest.length - n - 1;
    const position = { nth: n + 1, ...(left > 0 ? { left } : {}) };
    return { ...toEventDocument(session, eventSeqOf(first._id) + n + 1, first.at, text), ...position };
  });
}

export function toEventDocument(
  session: SessionId,
  seq: number,
  at: number,
  { type, fact }: SerializedFact,
): EventDocument {
  const mark = (droppableEventTypes as ReadonlySet<string>).has(type)
    ? {}
    : { mark: toEventTypeKey(session, type, seq) };
  const reply = (searchableEventTypes as ReadonlySet<string>).has(type) ? { said: 1 as const } : {};
  const used = type === 'usage' ? { used: 1 as const } : {};
  return { _id: toEventId(session, seq), type, at, fact, ...mark, ...reply, ...used };
}
