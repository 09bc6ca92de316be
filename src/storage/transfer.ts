import { createHash } from 'node:crypto';
import { throwIfAborted } from '../core/concurrency/cancel.ts';
import type { EventPage, RecordPut, Store } from '../core/contracts/ports.ts';
import { AppError } from '../core/errors/errors.ts';
import type { SessionEvent } from '../core/model/events.ts';
import { SessionId } from '../core/model/ids.ts';
import { credentialKind, fileCopiesKind, fileCopyBlobKind, workspaceManifestKind } from '../core/model/records.ts';

// An export is JSON lines: a header, the sessions (each ends with counts and a hash), and the number of sessions.

const form = 1;
const pageSize = 500;
const header = JSON.stringify({ corral: 'sessions', form });

type ExportLine =
  | { readonly session: SessionId; readonly thinned: number; readonly trimmed: number }
  | { readonly event: Omit<SessionEvent, 'sessionId'> }
  | { readonly record: RecordPut }
  | End
  | { readonly done: number };
interface End extends ExportCounts {
  readonly end: SessionId;
}
interface ExportCounts {
  readonly events: number;
  readonly records: number;
  readonly sha256: string;
}

/** Record kinds that exports omit: secrets, and records about blobs. */
const staysHere: ReadonlySet<string> = new Set([
  fileCopiesKind,
  fileCopyBlobKind,
  workspaceManifestKind,
  credentialKind,
]);

const eventLine = ({ seq, ts, type, runId, data }: SessionEvent): string =>
  JSON.stringify({ event: { seq, ts, type, runId, data } });
const recordLine = ({ kind, id, doc, sort = 0 }: RecordPut): string =>
  JSON.stringify({ record: { kind, id, doc, sort } });

/** Yields each line without its final line break. `known`: sessions that an interrupted export already contains. */
export async function* exportSessions(
  store: Store,
  { known = new Set<string>(), signal }: { known?: ReadonlySet<string>; signal: AbortSignal },
): AsyncGenerator<string> {
  if (known.size === 0) yield header;
  const sessions = (await store.records.list('session')).map(({ id }) => SessionId.parse(id)).reverse();
  let done = known.size;
  for (const id of sessions) {
    if (known.has(id)) continue;
    const { thinned, trimmed } = await store.events.page(id, 0, 1);
    yield JSON.stringify({ session: id, thinned, trimmed });
    const count = new Counter();
    for await (const line of exportLines(store, id, signal)) {
      count.add(line);
      yield line;
    }
    yield JSON.stringify({ end: id, ...count.result() });
    done++;
  }
  yield JSON.stringify({ done });
}

async function* exportLines(store: Store, id: SessionId, signal: AbortSignal): AsyncGenerator<string> {
  // Exports up to the initial head, because a session may continue in the meantime.
  const { head } = await store.events.page(id, 0, 1);
  for (let after = 0; after < head; ) {
    throwIfAborted(signal);
    const { events }: EventPage = await store.events.page(id, after, pageSize);
    if (events.length === 0) break;
    for (const event of events) if (event.seq <= head) yield eventLine(event);
    after = events.at(-1)?.seq ?? head;
  }
  for (const record of await store.records.belonging(id)) if (!staysHere.has(record.kind)) yield recordLine(record);
}

export interface ImportCounts {
  readonly sessions: number;
  /** Number of sessions that already existed with the same content. */
  readonly skipped: number;
  readonly events: number;
}

/**
 * Verifies each written session, and completes an interrupted import. Rejects: invalid_request (not an intact export),
 * conflict (a session with this id exists and differs), store_corrupt (a session reads back differently).
 */
export async function importSessions(
  store: Store,
  lines: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<ImportCounts> {
  let [sessions, skipped, events, isFirst] = [0, 0, 0, true];
  let reading: SessionImport | undefined;
  let total: number | undefined;
  for await (const text of lines) {
    throwIfAborted(signal);
    if (isFirst && text !== header) throw broken('It does not begin like an export of sessions');
    if (isFirst || text === '') {
      isFirst = false;
      continue;
    }
    const line = parsed(text);
    if ('session' in line) {
      if (reading) throw broken(`The session ${reading.id} has no end`);
      reading = new SessionImport(store, line.session, line);
      await reading.begin();
    } else if ('done' in line) total = line.done;
    else if (!reading) throw broken('It has data outside of a session');
    else if ('end' in line) {
      if (await reading.finish(line, signal)) sessions++;
      else skipped++;
      events += line.events;
      reading = undefined;
    } else await reading.add(line, text);
  }
  if (reading) throw broken(`It is cut off: the session ${reading.id} has no end`);
  if (total === undefined) throw broken('It is cut off: the last line is missing. Run the export again to complete it');
  if (total !== sessions + skipped) throw broken(`It has ${sessions + skipped} sessions but should have ${total}`);
  return { sessions, skipped, events };
}

class SessionImport {
  readonly id: SessionId;
  readonly #store: Store;
  readonly #marks: { thinned: number; trimmed: number };
  readonly #count = new Counter();
  #events: SessionEvent[] = [];
  readonly #records: RecordPut[] = [];
  #isThere = false;

  constructor(store: Store, id: SessionId, { thinned, trimmed }: { thinned: number; trimmed: number }) {
    this.#store = store;
    this.id = SessionId.parse(id);
    this.#marks = { thinned, trimmed };
  }

  async begin(): Promise<void> {
    this.#isThere = (await this.#store.records.get('session', this.id)) !== undefined;
  }

  async add(line: Exclude<ExportLine, { session: SessionId } | { done: number } | End>, text: string): Promise<void> {
    this.#count.add(text);
    if ('record' in line) this.#records.push(line.record);
    else this.#events.push({ ...line.event, sessionId: this.id } as SessionEvent);
    if (this.#events.length >= pageSize) await this.#write();
  }

  /** False: the session already existed. */
  async finish(end: End, signal: AbortSignal): Promise<boolean> {
    if (!isSame(end, this.#count.result())) throw broken(`The session ${this.id} was changed in transit`);
    await this.#write();
    if (!this.#isThere) {
      // The session's own record comes last, because it makes the session visible in lists.
      const own = (put: RecordPut) => put.kind === 'session' && put.id === this.id;
      const order = [...this.#records.filter((put) => !own(put)), ...this.#records.filter(own)];
      for (const put of order) await this.#store.records.put(put);
    }
    const stored = new Counter();
    for await (const line of exportLines(this.#store, this.id, signal)) stored.add(line);
    if (isSame(end, stored.result())) return !this.#isThere;
    const text = this.#isThere
      ? `The session ${this.id} already exists in this store with different content: it continued here or there. Delete one of them first.`
      : `The session ${this.id} does not read back as it was written.`;
    throw new AppError(this.#isThere ? 'conflict' : 'store_corrupt', text);
  }

  async #write(): Promise<void> {
    const events = this.#events;
    this.#events = [];
    if (this.#isThere) return;
    await this.#store.events.restore(this.id, events, this.#marks);
  }
}

class Counter {
  readonly #hash = createHash('sha256');
  #events = 0;
  #records = 0;
  add(line: string): void {
    this.#hash.update(line).update('\n');
    if (line.startsWith('{"event"')) this.#events++;
    else this.#records++;
  }
  result(): ExportCounts {
    return { events: this.#events, records: this.#records, sha256: this.#hash.copy().digest('hex') };
  }
}

const isSame = (a: ExportCounts, b: ExportCounts): boolean =>
  a.events === b.events && a.records === b.records && a.sha256 === b.sha256;

function parsed(text: string): ExportLine {
  try {
    return JSON.parse(text);
  } catch {
    throw broken('A line of it is not JSON');
  }
}
const broken = (what: string) => new AppError('invalid_request', `This is not a complete export of sessions. ${what}.`);

/** Returns the length of the complete part in bytes, and its session ids. */
export async function scanInterruptedExport(
  lines: AsyncIterable<string>,
): Promise<{ bytes: number; known: Set<string> }> {
  const known = new Set<string>();
  let [read, bytes] = [0, 0];
  for await (const line of lines) {
    read += Buffer.byteLength(line) + 1;
    const end = /^\{"end":"([0-9a-f]{16})".*\}$/.exec(line)?.[1];
    if (end) known.add(end);
    if (end || line === header) bytes = read;
  }
  return { bytes, known };
}
