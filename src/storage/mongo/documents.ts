import type { Document } from 'mongodb';
import { z } from 'zod';
import type { RecordListOptions, RecordPut } from '../../core/contracts/ports.ts';
import { toIndexEntry } from '../../core/contracts/record-index.ts';
import type { SessionFact } from '../../core/model/events.ts';
import { SessionId } from '../../core/model/ids.ts';

// The documents of the collections. Facts and documents are stored as JSON text: BSON would change some values (lone
// surrogates, keys with dots and dollars), and a page of text is parsed in one call.

/**
 * An event. Its `_id` is session and seq: uniqueness is the fence, and a session's log is one range of ids. The first
 * event of an append has `batch` and, if the append has more parts, `redo`. This document commits the whole append; a
 * reader that finds parts missing adds them.
 */
export interface EventDocument {
  readonly _id: string;
  readonly type: string;
  readonly at: number;
  readonly fact: string;
  /** The session, type and seq of an event that compaction keeps; read by `lastOf`. */
  readonly mark?: string;
  /** Set on messages, so that a search reads nothing else. */
  readonly said?: 1;
  /** Set on usage events, so that daily totals read nothing else. */
  readonly used?: 1;
  readonly batch?: string;
  readonly redo?: RedoEntry;
  /** The event's position in its append; absent for the first event. */
  readonly nth?: number;
  /** The number of events that follow in its append. */
  readonly left?: number;
}
export interface RedoEntry {
  readonly facts: readonly FactText[];
  readonly puts: readonly PutDocument[];
}
export interface FactText {
  readonly type: string;
  readonly fact: string;
}
export interface PutDocument {
  readonly kind: string;
  readonly id: string;
  readonly doc: string;
  readonly sort: number;
  /**
   * The index sets that contain the record: by owner, state and parent, and the shared records. Absent in records of
   * earlier versions.
   */
  readonly of?: readonly string[];
  /** The kind and unique name. */
  readonly name?: string;
}

/** The state of a log, stored separately from its events. */
export interface LogDocument {
  readonly _id: string;
  /** A seq that has existed, not necessarily the newest. */
  readonly head?: number;
  readonly thinned?: number;
  readonly trimmed?: number;
  /** The last appender that did not close the log. The next appender completes its unfinished appends. */
  readonly writer?: string;
  /** The time of that appender's last mark, by its own clock. */
  readonly opened?: number; // epoch ms
  /** The puts of an append without facts. */
  readonly redo?: { readonly after: number; readonly puts: readonly PutDocument[] };
}

/** A session's newest seq, or for a moment an older one, for servers that poll it. */
export interface HeadDocument {
  readonly _id: string;
  readonly head: number;
}

export interface RecordDocument extends PutDocument {
  readonly _id: string;
  readonly version: number;
  /** The log of the last put and its head at that time, so that an older append cannot repeat its put. */
  readonly session?: string;
  readonly seq?: number;
  /** The database's time of the last put; absent in records of earlier versions. */
  readonly changed?: Date;
  /** The id of this version's put, so that a put whose response was lost recognizes itself. */
  readonly put?: string;
}

export interface InboxDocument {
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
export interface CommandDocument extends z.infer<typeof CommandRow> {
  /** Orders commands with the same time. */
  readonly nth: string;
  readonly open?: true;
  readonly answer?: string;
}
/** The part of a command's document that its receiver reads. */
export const CommandRow = z.object({
  _id: z.string(),
  session: SessionId,
  name: z.string(),
  body: z.string(),
  at: z.number(),
});

export const stringifyJson = (value: unknown): string => JSON.stringify(value) ?? 'null';
const digits = (seq: number): string => String(Math.max(0, seq)).padStart(12, '0');

export const eventId = (session: SessionId, seq: number): string => `${session}:${digits(seq)}`;
export const seqOf = (id: string): number => Number(id.slice(17));
export const sessionOf = (id: string): SessionId => SessionId.parse(id.slice(0, 16));
/** The ids of a session's events with `after < seq <= upTo`. */
export const eventRange = (session: SessionId, after = 0, upTo?: number): Document => ({
  $gt: eventId(session, after),
  ...(upTo === undefined ? { $lt: `${session};` } : { $lte: eventId(session, upTo) }), // ; follows :
});
export const markOf = (session: SessionId, type: string, seq: number): string => `${session}:${type}:${digits(seq)}`;

export const recordId = (kind: string, id: string): string => `${id}\n${kind}`;
/** The records of a session: its own, and those with ids that start with the session's id and a colon. */
export const sessionRecordFilter = (session: SessionId): Document[] => [
  { _id: { $gte: `${session}\n`, $lt: `${session}\u000b` } },
  { _id: { $gte: `${session}:`, $lt: `${session};` } },
];
/** The kind of a session's record after the session is erased. */
export const erasedKind = 'erased';
/**
 * The mark that replaces an erased session's record for an hour. A put in progress on any server finds the mark and
 * changes nothing, instead of restoring the session.
 */
export const toErasedRecord = (session: SessionId, at: number): Omit<RecordDocument, '_id' | 'version'> => ({
  kind: erasedKind,
  id: session,
  doc: 'null',
  sort: at,
  session,
  seq: Number.MAX_SAFE_INTEGER,
});
/** Included in each update of a record. */
export const setChangedTime = { $currentDate: { changed: true } } as const;
export const erasedRecordMs = 3_600_000;
export function toPutDocument({ kind, id, doc, sort = 0 }: RecordPut): PutDocument {
  return { kind, id, doc: stringifyJson(doc), sort, ...toIndexFields(kind, doc) };
}
const sharedSet = 'shared';
const stateSet = (state: string): string => `state:${state}`;
const parentSet = (parent: string): string => `parent:${parent}`;
const ownerSet = (owner: string | null): string => (owner === null ? 'unowned' : `owner:${owner}`);
/** The filter for one of the index sets. */
export function toListSet({
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
  const { owner, shared, state, parent, name } = toIndexEntry(kind, doc);
  const groups = [state === null ? [] : stateSet(state), parent === null ? [] : parentSet(parent)].flat();
  const more = [...(shared ? [sharedSet] : []), ...groups];
  return { of: [ownerSet(owner), ...more], ...(name !== null && { name: `${kind}\n${name}` }) };
}
export const toFactText = (fact: SessionFact): FactText => ({ type: fact.type, fact: JSON.stringify(fact) });
