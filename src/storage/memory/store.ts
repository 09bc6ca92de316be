import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import type {
  CommandQueue,
  EventStore,
  IdempotencyStore,
  Lease,
  LeaseStore,
  QueuedCommand,
  RecordPut,
  RecordStore,
  Store,
  UsageSum,
} from '../../core/contracts/ports.ts';
import { type RecordIndexEntry, toRecordIndexEntry } from '../../core/contracts/record-index.ts';
import { AppError } from '../../core/errors/errors.ts';
import { droppableEventTypes, searchableEventTypes } from '../../core/model/event-traits.ts';
import type { SessionEvent } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { toAsciiLower } from '../../core/text/text.ts';
import { addUsageEvent, type UsageSession } from '../usage-sums.ts';

interface KeptCommand {
  readonly json: string;
  readonly sessionId: SessionId;
  readonly at: number;
  answer?: string;
}

function memoryCommands(): CommandQueue {
  const kept = new Map<string, KeptCommand>();
  const unanswered = () => [...kept.values()].filter(({ answer }) => answer === undefined).sort((a, b) => a.at - b.at);
  return {
    async post(command) {
      const { id, sessionId, at } = command;
      if (!kept.has(id)) kept.set(id, { json: JSON.stringify(command), sessionId, at });
    },
    async pending(sessionIds, limit) {
      const requests = new Set(sessionIds);
      const found = unanswered().filter(({ sessionId }) => requests.has(sessionId));
      return found.slice(0, limit).map(({ json }) => JSON.parse(json) as QueuedCommand);
    },
    async waiting(before, limit) {
      const late = unanswered().filter(({ at }) => at < before);
      return [...new Set(late.map(({ sessionId }) => sessionId))].slice(0, limit);
    },
    async answer(id, answer) {
      const found = kept.get(id);
      if (found) found.answer ??= JSON.stringify(answer) ?? 'null';
    },
    async answers(ids) {
      const found = ids.map((id) => [id, kept.get(id)?.answer] as const);
      return new Map(found.flatMap(([id, answer]) => (answer === undefined ? [] : [[id, JSON.parse(answer)]])));
    },
    async expire(before) {
      const old = [...kept].filter(([, { at }]) => at < before);
      for (const [id] of old) kept.delete(id);
      return old.length;
    },
  };
}

interface Row {
  readonly seq: number;
  readonly type: string;
  readonly json: string;
}
interface Log {
  rows: Row[];
  head: number;
  thinned: number;
  trimmed: number;
}
interface Document {
  readonly kind: string;
  readonly id: string;
  readonly json: string;
  readonly version: number;
  readonly sort: number;
  readonly index: RecordIndexEntry;
}

/** Same guarantees as the other stores until the process ends. `shared`: for tests with several servers. */
export function createInMemoryStore({ shared = false } = {}): Store {
  const documents = new Map<string, Document>();
  return {
    name: 'memory',
    durable: false,
    events: events(documents),
    records: records(documents),
    inbox: inbox(),
    leases: leases(),
    commands: memoryCommands(),
    shared,
    settle: async () => {},
    check: async (signal) => throwIfAborted(signal),
    [Symbol.asyncDispose]: async () => {},
  };
}

const json = (value: unknown): string => JSON.stringify(value) ?? 'null';
const keyOf = (kind: string, id: string): string => JSON.stringify([kind, id]);

function replace(documents: Map<string, Document>, { kind, id, doc, sort = 0 }: RecordPut): number {
  const version = (documents.get(keyOf(kind, id))?.version ?? 0) + 1;
  documents.set(keyOf(kind, id), { kind, id, json: json(doc), version, sort, index: toRecordIndexEntry(kind, doc) });
  return version;
}

function events(documents: Map<string, Document>): EventStore {
  const logs = new Map<SessionId, Log>();
  const logOf = (id: SessionId): Log => logs.get(id) ?? { rows: [], head: 0, thinned: 0, trimmed: 0 };
  return {
    async append({ sessionId, after, at, facts, puts = [] }) {
      const log = logOf(sessionId);
      if (log.head !== after) throw new AppError('fenced', `The log ends at ${log.head}, not at ${after}.`);
      const rows = facts.map((fact, n) => {
        const seq = after + n + 1;
        return { seq, type: fact.type, json: json({ seq, sessionId, ts: at, ...fact }) };
      });
      for (const row of rows) log.rows.push(row);
      log.head += rows.length;
      if (rows.length > 0) logs.set(sessionId, log);
      for (const put of puts) replace(documents, put);
      return log.head;
    },
    async page(sessionId, after, limit) {
      const { rows, head, thinned, trimmed } = logOf(sessionId);
      const from = firstAfter(rows, after);
      const events = rows.slice(from, from + limit).map((row) => JSON.parse(row.json));
      return { events, head, thinned, trimmed };
    },
    findLastSeq: async (sessionId, type) => logOf(sessionId).rows.findLast((row) => row.type === type)?.seq ?? 0,
    async compact(sessionId, { keepDroppable, keepAll }) {
      // Keeps the log's newest event, like the stores that derive the head from it.
      const log = logOf(sessionId);
      const dropped = log.rows.filter((row) => isDroppable(row)).at(-1 - Math.max(1, keepDroppable))?.seq ?? 0;
      const trimmed = log.rows.at(-1 - Math.max(1, keepAll))?.seq ?? 0;
      log.rows = log.rows.filter((row) => row.seq > trimmed && !(isDroppable(row) && row.seq <= dropped));
      log.trimmed = Math.max(log.trimmed, trimmed);
      log.thinned = Math.max(log.thinned, dropped, trimmed);
    },
    async restore(sessionId, events, { thinned, trimmed }) {
      const log = logOf(sessionId);
      const known = new Set(log.rows.map(({ seq }) => seq));
      for (const event of events) {
        if (!known.has(event.seq)) log.rows.push({ seq: event.seq, type: event.type, json: json(event) });
      }
      log.rows.sort((a, b) => a.seq - b.seq);
      log.head = Math.max(log.head, log.rows.at(-1)?.seq ?? 0);
      log.thinned = Math.max(log.thinned, thinned);
      log.trimmed = Math.max(log.trimmed, trimmed);
      logs.set(sessionId, log);
    },
    async search(text, limit, among) {
      const target = toAsciiLower(text);
      const within = among && new Set<string>(among);
      const says = ({ type, json }: Row) =>
        (searchableEventTypes as ReadonlySet<string>).has(type) &&
        toAsciiLower(JSON.parse(json).data.text).includes(target);
      return [...logs]
        .filter(([id, { rows }]) => (within?.has(id) ?? true) && rows.some(says))
        .map(([id]) => id)
        .slice(0, limit);
    },
    async usage(from, to, by) {
      const sums = new Map<string, UsageSum>();
      for (const [id, { rows }] of logs) {
        const record = documents.get(keyOf('session', id));
        const session = record && (JSON.parse(record.json) as UsageSession);
        for (const { json } of rows.filter(({ type }) => type === 'usage')) {
          const { seq, ts, data } = JSON.parse(json) as Extract<SessionEvent, { type: 'usage' }>;
          if (ts >= from && ts < to) addUsageEvent(sums, { session, seq, at: ts, data }, by);
        }
      }
      return [...sums.values()];
    },
    heads: async (sessionIds) => new Map(sessionIds.map((id) => [id, logOf(id).head])),
    async erase(sessionId) {
      logs.delete(sessionId);
      for (const [key, { id }] of documents) if (belongsTo(id, sessionId)) documents.delete(key);
    },
  };
}

const belongsTo = (id: string, session: SessionId): boolean => id === session || id.startsWith(`${session}:`);
const isDroppable = (row: Row): boolean => (droppableEventTypes as ReadonlySet<string>).has(row.type);

/** Compaction leaves gaps, so a seq is not an index. */
function firstAfter(rows: readonly Row[], after: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.seq ?? 0) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

function records(documents: Map<string, Document>): RecordStore {
  const stored = ({ id, json, version }: Document) => ({ id, doc: JSON.parse(json), version });
  const ofKind = (kind: string, owner?: string | null) =>
    [...documents.values()].filter((it) => it.kind === kind && (owner === undefined || it.index.owner === owner));
  return {
    async get(kind, id) {
      const found = documents.get(keyOf(kind, id));
      return found && stored(found);
    },
    async put(record) {
      const version = documents.get(keyOf(record.kind, record.id))?.version ?? 0;
      if (record.expect !== undefined && record.expect !== version)
        throw new AppError('conflict', 'The record was changed in the meantime.');
      const { name } = toRecordIndexEntry(record.kind, record.doc);
      const holder = name !== null && ofKind(record.kind).find(({ index }) => index.name === name);
      if (holder && holder.id !== record.id) throw new AppError('conflict', 'Another record has this name.');
      return replace(documents, record);
    },
    async delete(kind, id, expect) {
      const version = documents.get(keyOf(kind, id))?.version;
      if (expect === undefined || expect === version) documents.delete(keyOf(kind, id));
    },
    async list(kind, { limit, idPrefix = '', after, owner, shared, state, parent } = {}) {
      const isBehind = ({ sort, id }: Document) =>
        !after || sort < after.sort || (sort === after.sort && id > after.id);
      const found = ofKind(kind, owner).filter(
        (it) =>
          it.id.startsWith(idPrefix) &&
          isBehind(it) &&
          (!shared || it.index.shared) &&
          (state === undefined || it.index.state === state) &&
          (parent === undefined || it.index.parent === parent),
      );
      found.sort((a, b) => b.sort - a.sort || (a.id < b.id ? -1 : 1));
      return found.slice(0, limit).map(stored);
    },
    async searchTitles(text, limit) {
      const target = text.toLowerCase();
      return ofKind('session')
        .filter(({ json }) => (JSON.parse(json).title ?? '').toLowerCase().includes(target))
        .map(({ id }) => id as SessionId)
        .slice(0, limit);
    },
    count: async (kind, { owner, state, parent } = {}) =>
      ofKind(kind, owner).filter(
        ({ index }) =>
          (state === undefined || index.state === state) && (parent === undefined || index.parent === parent),
      ).length,
    async belonging(sessionId) {
      const found = [...documents.values()].filter(({ id }) => belongsTo(id, sessionId));
      found.sort((a, b) => (recordOrder(a) < recordOrder(b) ? -1 : 1));
      return found.map(({ kind, id, json: text, sort }) => ({ kind, id, doc: JSON.parse(text), sort }));
    },
  };
}

const recordOrder = ({ id, kind }: Document): string => `${id}\n${kind}`;

function inbox(): IdempotencyStore {
  const claims = new Map<string, { hash: string; at: number; answer?: string }>();
  return {
    async claim(key, hash, at) {
      const found = claims.get(key);
      if (!found) claims.set(key, { hash, at });
      if (!found) return { kind: 'new' };
      if (found.hash !== hash) return { kind: 'conflict' };
      return found.answer === undefined ? { kind: 'pending' } : { kind: 'done', answer: JSON.parse(found.answer) };
    },
    async answer(key, answer) {
      const found = claims.get(key);
      if (found) found.answer = json(answer);
    },
    async release(key) {
      if (claims.get(key)?.answer === undefined) claims.delete(key);
    },
    async expire(before) {
      const old = [...claims].filter(([, { at }]) => at < before);
      for (const [key] of old) claims.delete(key);
      return old.length;
    },
  };
}

function leases(): LeaseStore {
  const held = new Map<string, Lease>();
  return {
    async acquire(name, holder, now, ttlMs) {
      const found = held.get(name);
      const mine = found?.holder === holder;
      if (found && !mine && found.expiresAt > now) return undefined;
      const lease = { name, holder, epoch: (found?.epoch ?? 0) + (mine ? 0 : 1), expiresAt: now + ttlMs };
      held.set(name, lease);
      return lease;
    },
    async renew(names, holder, expiresAt) {
      const renewed = new Map<string, number>();
      for (const name of names) {
        const found = held.get(name);
        if (found?.holder !== holder) continue;
        held.set(name, { ...found, expiresAt });
        renewed.set(name, found.epoch);
      }
      return renewed;
    },
    async release(name, holder) {
      const found = held.get(name);
      // Keeps the entry, because the epoch must increase for the next holder too.
      if (found?.holder === holder) held.set(name, { ...found, holder: '', expiresAt: 0 });
    },
    get: async (name) => held.get(name),
  };
}
