import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { neverAbortingSignal, throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { BlobStore } from '../../core/contracts/blobs.ts';
import type { AppendRequest, EventPage, EventStore, Store } from '../../core/contracts/ports.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { ignoreConflict, toAppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionEvent, SessionFact } from '../../core/model/events.ts';
import { SessionId } from '../../core/model/ids.ts';
import { truncateEnd, truncateStart } from '../../core/text/text.ts';

const maxFactBytes = 256 * 1024;
const maxFieldBytes = 8 * 1024;
const shownChars = 2_000;

type Fields = Record<string, unknown>;
interface OffloadedFact {
  readonly fact: SessionFact;
  readonly taken: Fields;
}

/** Undefined for a small fact. Almost all facts are small. */
function offloadFields(fact: SessionFact): OffloadedFact | undefined {
  if (roughBytes(fact.data, maxFactBytes) <= maxFactBytes) return undefined;
  const data: Fields = {};
  const taken: Fields = {};
  for (const [name, value] of Object.entries(fact.data)) {
    const isLarge = bytesOf(value) > maxFieldBytes;
    if (isLarge) taken[name] = value;
    data[name] = isLarge ? standIn(name, value) : value;
  }
  return { fact: { ...fact, data } as SessionFact, taken };
}

const restoreFields = <Fact extends SessionFact>(fact: Fact, taken: Fields): Fact => ({
  ...fact,
  data: { ...fact.data, ...taken },
});

/** Readers get the returned value if the removed part is unreadable, so it must match the event's schema. */
function standIn(name: string, value: unknown): unknown {
  if (typeof value === 'string') return shortened(value);
  if (Array.isArray(value)) return [];
  return name === 'content' ? null : {};
}

function shortened(text: string): string {
  const gap = `\n[… ${text.length - 2 * shownChars} characters cannot be read any more: blob_missing …]\n`;
  return truncateEnd(text, shownChars) + gap + truncateStart(text, shownChars);
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');

/** Must be cheap, because every event is checked. */
function roughBytes(value: unknown, enough: number): number {
  if (typeof value === 'string') return value.length * 6 <= enough ? value.length : bytesOf(value);
  if (value === null || typeof value !== 'object') return 8;
  let sum = 2;
  for (const key in value) {
    sum += key.length + 4 + roughBytes((value as Fields)[key], enough);
    if (sum > enough) return sum;
  }
  return sum;
}

interface Options extends Pick<ServerDependencies, 'newId' | 'store'> {
  readonly blobs: Pick<BlobStore, 'put' | 'open' | 'delete'>;
  readonly now: () => number;
}
export interface PayloadOffload {
  /** Wrapped store, with at most 256 KiB per event in the log itself. */
  readonly store: Store;
  /** Removes blobs older than `before` that no event refers to. Resolves with the number removed. */
  collect(before: number, signal: AbortSignal): Promise<number>;
}

const Reference = z.object({ blob: z.string(), sha256: z.string(), size: z.int() });
type Reference = z.infer<typeof Reference>;
type WithReference = { readonly large?: Reference };

// record ids are `<session>:<blob>`; the record is written first, so a clean-up finds every blob
const kind = 'large';
const Kept = z.object({
  at: z.number(),
  seq: z.int(),
  /** Set if an event refers to the blob. Compaction clears it, so that the blob is checked again. */
  isKept: z.literal(true).optional(),
});
const maxRead = 4 * 1024 * 1024; // maximum bytes of blobs per page; the rest follows on the next page

/** Moves oversized event data into blobs. If a blob is unreadable, its event has shortened data and a `problem`. */
export function withPayloadOffload({ store, blobs, newId, now }: Options): PayloadOffload {
  const { events, records } = store;
  /** Keyed by the request object, because a retry passes the same object. */
  const leaned = new WeakMap<AppendRequest, Promise<AppendRequest>>();

  async function aside<Fact extends SessionFact>(sessionId: SessionId, seq: number, fact: Fact): Promise<Fact> {
    const parts = offloadFields(fact);
    if (!parts) return fact;
    const blob = `large-${sessionId}-${newId()}`;
    await records.put({ kind, id: `${sessionId}:${blob}`, doc: { at: now(), seq } satisfies z.input<typeof Kept> });
    const content = Buffer.from(JSON.stringify(parts.taken));
    const { sha256, size } = await blobs.put(blob, once(content), {
      maxBytes: content.length,
      signal: neverAbortingSignal,
    });
    const held = failpoint('large.put.after');
    if (held) await held;
    return { ...parts.fact, large: { blob, sha256, size } } as unknown as Fact;
  }

  async function leanEntry(entry: AppendRequest): Promise<AppendRequest> {
    const facts: SessionFact[] = [];
    for (const [n, fact] of entry.facts.entries()) {
      facts.push(await aside(entry.sessionId, entry.after + n + 1, fact));
    }
    return { ...entry, facts };
  }

  async function fetched({ blob, sha256 }: Reference): Promise<Fields | undefined> {
    try {
      const content = await buffer(await blobs.open(blob));
      if (createHash('sha256').update(content).digest('hex') !== sha256) return undefined;
      return JSON.parse(content.toString());
    } catch (thrown) {
      if (toAppError(thrown).code === 'store_unavailable') throw thrown; // the blob may still exist
      return undefined;
    }
  }

  async function wholeEvent(event: SessionEvent & WithReference): Promise<SessionEvent> {
    const { large, ...rest } = event;
    if (!large) return event;
    const taken = await fetched(large);
    const plain = rest as SessionEvent;
    return taken ? restoreFields(plain, taken) : { ...plain, problem: 'blob_missing' };
  }

  async function page(sessionId: SessionId, after: number, limit: number): Promise<EventPage> {
    const found = await events.page(sessionId, after, limit);
    const values = found.events as (SessionEvent & WithReference)[];
    if (!values.some(({ large }) => large)) return found;
    const wholes: SessionEvent[] = [];
    let read = 0;
    for (const event of values) {
      read += event.large?.size ?? 0;
      if (wholes.length > 0 && read > maxRead) break;
      wholes.push(await wholeEvent(event));
    }
    return { ...found, events: wholes };
  }

  async function remove(id: string): Promise<void> {
    await blobs.delete(blobOf(id));
    await records.delete(kind, id);
  }

  const wrapped: EventStore = {
    ...events,
    page,
    append(entry) {
      // Small facts avoid `await`, which would delay each append by a microtask.
      if (!leaned.has(entry) && !entry.facts.some(offloadFields)) return events.append(entry);
      const small = leaned.get(entry) ?? leanEntry(entry);
      leaned.set(entry, small);
      small.catch(() => leaned.delete(entry));
      return small.then((it) => events.append(it));
    },
    async compact(sessionId, limits) {
      await events.compact(sessionId, limits);
      const { thinned } = await events.page(sessionId, 0, 1);
      if (thinned === 0) return;
      for (const { id, doc } of await records.list(kind, { idPrefix: `${sessionId}:` })) {
        const { isKept, ...one } = Kept.parse(doc);
        if (isKept && one.seq <= thinned) await records.put({ kind, id, doc: one });
      }
    },
    async restore(sessionId, values, marks) {
      const small: SessionEvent[] = [];
      for (const event of values) small.push(await aside(sessionId, event.seq, event));
      await events.restore(sessionId, small, marks);
    },
    async erase(sessionId) {
      for (const { id } of await records.list(kind, { idPrefix: `${sessionId}:` })) await remove(id);
      await events.erase(sessionId);
    },
  };

  return {
    store: {
      ...store,
      events: wrapped,
      records: {
        ...records,
        // Exports do not need these records, because exported events contain everything.
        belonging: async (id) => (await records.belonging(id)).filter((put) => put.kind !== kind),
      },
    },
    async collect(before, signal) {
      let removed = 0;
      for (const { id, doc, version } of await records.list(kind, { state: 'unchecked' })) {
        throwIfAborted(signal);
        const { at, seq } = Kept.parse(doc);
        if (at >= before) continue;
        const [event] = (await events.page(SessionId.parse(id.slice(0, 16)), seq - 1, 1)).events;
        if (event?.seq === seq && (event as WithReference).large?.blob === blobOf(id)) {
          await records.put({ kind, id, doc: { at, seq, isKept: true }, expect: version }).catch(ignoreConflict);
          continue;
        }
        await remove(id);
        removed++;
      }
      return removed;
    },
  };
}

const blobOf = (recordId: string): string => recordId.slice(17);

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
