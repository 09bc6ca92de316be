import { z } from 'zod';
import type { Message, PositionedNote, ToolDeclaration, TurnPhase, TurnRequest } from '../../../agents/models/model.ts';
import { sleep, throwIfAborted } from '../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import type { RecordPut, RecordStore, StoredRecord } from '../../../core/contracts/ports.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import type { RunId, SessionId } from '../../../core/model/ids.ts';
import { digestJson, digestText } from '../../../core/text/digest.ts';
import { createListFold, memoizeByKey } from '../../../core/text/list-fold.ts';
import { MessageSelection, type PromptSection, type RequestFingerprint } from '../context/message-selection.ts';
import { findMessagesWithPictures } from '../context/meter.ts';

// Request records have the id `<session>:<turn>`; records of their text have the id `<session>:<hash>`.

export const requestRecordKind = 'request';
export const requestTextRecordKind = 'request-text';
export const requestIdOf = (turn: number): string => String(turn).padStart(8, '0');

export const joinPromptSections = (sections: readonly PromptSection[]): string =>
  sections.map(({ text }) => text).join('\n\n');

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const PlacedNote = z.object({ before: z.int(), note: Hash });
export type StoredPositionedNote = z.infer<typeof PlacedNote>;

export const StoredRequest = z.object({
  turn: z.int(),
  runId: z.string(),
  model: z.string(),
  requestHash: Hash,
  from: MessageSelection,
  phase: z.custom<TurnPhase>(),
  system: Hash,
  tools: Hash,
  note: Hash.optional(),
  noteAt: z.int().optional(),
  /** Notes of earlier turns: the first `first` notes of request `of`, then `more`. */
  notes: z.object({ of: z.int().optional(), first: z.int().default(0), more: z.array(PlacedNote) }).optional(),
  /** All notes, in records that predate `notes`. */
  earlier: z.array(PlacedNote).optional(),
  hint: z.string().optional(),
  mustCall: z.string().optional(),
  runFrom: z.int().optional(),
  sampling: z.custom<object>().optional(),
  /** Maps each file to the hash of its base64 data. */
  pictures: z.record(z.string(), Hash).optional(),
  /** Absent in records of earlier versions, whose hash covers the complete lists. */
  chained: z.literal(true).optional(),
});
export type StoredRequest = z.infer<typeof StoredRequest>;

type StoredRequestFrame = Omit<
  StoredRequest,
  'turn' | 'runId' | 'model' | 'requestHash' | 'from' | 'notes' | 'earlier' | 'pictures' | 'chained'
>;
export type PictureHashes = Readonly<Record<string, string>>;
export interface RequestContents {
  readonly messages: readonly Message[];
  readonly earlier: readonly PositionedNote[];
  readonly pictures: PictureHashes;
}

/** Recomputable from stored data. Extends the previous request's hash chains to avoid rehashing messages and notes. */
export const computeRequestHash = (
  frame: StoredRequestFrame,
  { messages, earlier, pictures }: RequestContents,
): string => digestJson({ ...frame, pictures, earlier: chainOfNotes(earlier), messages: chainOfMessages(messages) });

const chainOfMessages = createListFold('', (chain, message: Message) => digestText(chain + digestJson(message)));
const chainOfNotes = createListFold('', (chain, note: PositionedNote) => digestText(chain + digestJson(note)));

export function computeUnchainedRequestHash(
  frame: StoredRequestFrame,
  { messages, earlier, pictures }: RequestContents,
): string {
  const notes = earlier.map(({ before, text }) => ({ before, note: digestText(text) }));
  const digests = messages.map((message) => {
    if (message.role === 'assistant' || !message.pictures) return digestJson(message);
    const seen = message.pictures.map(({ file, mimeType }) => ({ file, mimeType, hash: pictures[file] }));
    return digestJson({ ...message, pictures: seen });
  });
  return digestJson({ ...frame, ...(notes.length > 0 && { earlier: notes }), messages: digests });
}

export const computeToolsDigest = (tools: readonly ToolDeclaration[]): string => digestJson(tools.map(digestOfTool));
const digestOfTool = memoizeByKey((tool: ToolDeclaration) => digestJson(tool));

const listPictureHashes = (messages: readonly Message[]): PictureHashes =>
  Object.fromEntries(
    findMessagesWithPictures(messages)
      .flatMap(({ pictures = [] }) => pictures)
      .flatMap(({ file, data }) => (data === undefined ? [] : [[file, digestText(data)] as const])),
  );

export function collectRequestNotes(
  stored: StoredRequest,
  recordOf: (turn: number) => StoredRequest | undefined,
): readonly StoredPositionedNote[] {
  const parts: (readonly StoredPositionedNote[])[] = [];
  let missing = Number.POSITIVE_INFINITY;
  for (let at: StoredRequest | undefined = stored; at && missing > 0; ) {
    const { of, first, more }: NonNullable<StoredRequest['notes']> = at.notes ?? { first: 0, more: at.earlier ?? [] };
    if (missing > first) parts.unshift(more.slice(0, missing - first));
    missing = Math.min(missing, first);
    at = of === undefined ? undefined : recordOf(of);
  }
  return parts.flat();
}

function toStoredRequestNotes(
  before: { readonly turn: number; readonly kept: number },
  more: readonly StoredPositionedNote[],
): Pick<StoredRequest, 'notes'> {
  if (before.kept > 0) return { notes: { of: before.turn, first: before.kept, more: [...more] } };
  return more.length > 0 ? { notes: { first: 0, more: [...more] } } : {};
}

export interface ModelRequest {
  readonly runId: RunId;
  /** The model called first; a fallback may answer. */
  readonly model: string;
  readonly request: TurnRequest;
  readonly sections: readonly PromptSection[];
  readonly from: MessageSelection;
  readonly conversation: readonly Message[];
}

/** Stores nothing twice. A record refers to the conversation by length and to other data by hash. */
export class RequestLog {
  readonly #sessionId: SessionId;
  readonly #stored = new Set<string>();
  #unstored: RecordPut[] = [];
  #turns = 0;
  #last: { readonly turn: number; readonly earlier: readonly PositionedNote[] } = { turn: 0, earlier: [] };

  constructor(sessionId: SessionId) {
    this.#sessionId = sessionId;
  }

  async load(records: RecordStore): Promise<void> {
    const [last] = await records.list(requestRecordKind, { idPrefix: `${this.#sessionId}:`, limit: 1 });
    this.#turns = Number(last?.id.slice(this.#sessionId.length + 1) ?? 0);
  }

  /** The record is stored with the conversation's next write. */
  add({ runId, model, request, sections, from, conversation }: ModelRequest): Omit<RequestFingerprint, 'askedAt'> {
    const { tools, note, earlier = [], messages, cacheKey: _, ...rest } = request;
    const pictures = listPictureHashes(messages);
    const frame: StoredRequestFrame = {
      ...rest,
      system: this.#text(digestText(request.system), { sections }),
      tools: this.#text(computeToolsDigest(tools), { tools }),
      ...(note !== undefined && { note: this.#note(note) }),
    };
    const requestHash = computeRequestHash(frame, { messages: conversation, earlier, pictures });
    const turn = this.#turns + 1;
    const notes = this.#storeNotes(turn, earlier);
    const doc: StoredRequest = { ...frame, ...notes, turn, runId, model, requestHash, from, pictures, chained: true };
    this.#turns = turn;
    this.#put(requestRecordKind, requestIdOf(turn), { doc, sort: turn });
    return { turn, requestHash };
  }

  takeUnstored(): RecordPut[] {
    return this.#unstored.splice(0);
  }

  #storeNotes(turn: number, earlier: readonly PositionedNote[]): Pick<StoredRequest, 'notes'> {
    const before = this.#last;
    let kept = continues(earlier, before.earlier) ? before.earlier.length : 0;
    while (kept < earlier.length && earlier[kept] === before.earlier[kept]) kept++;
    this.#last = { turn, earlier };
    const more = earlier.slice(kept).map((note) => ({ before: note.before, note: this.#note(note.text) }));
    return toStoredRequestNotes({ turn: before.turn, kept }, more);
  }

  #note = (text: string): string => this.#text(digestText(text), { text });

  #text(hash: string, doc: object): string {
    if (!this.#stored.has(hash)) this.#put(requestTextRecordKind, hash, { doc });
    this.#stored.add(hash);
    return hash;
  }
  #put(kind: string, id: string, rest: Pick<RecordPut, 'doc' | 'sort'>): void {
    this.#unstored.push({ kind, id: `${this.#sessionId}:${id}`, ...rest });
  }
}

/** Comparing one note is enough, because lists are only appended to or replaced. */
const continues = (list: readonly PositionedNote[], before: readonly PositionedNote[]): boolean =>
  before.length > 0 && list[before.length - 1] === before.at(-1);

const Place = z.object({ after: z.object({ sort: z.number(), id: z.string() }).nullable() });
const place = { kind: 'server', id: 'request-notes' } as const;
const perPage = 20; // an old record can be as large as 100 KB
const restMs = 20;

/** Removes repeated notes from request records of earlier versions. Runs once per store. */
export async function upgradeStoredRequests(records: RecordStore, clock: Clock, signal: AbortSignal): Promise<void> {
  const known = await records.get(place.kind, place.id);
  let after = known ? Place.parse(known.doc).after : undefined;
  while (after !== null) {
    // Newest first, so that the previous request still has its complete list of notes.
    const page = await records.list(requestRecordKind, { limit: perPage, ...(after && { after }) });
    for (const record of page) {
      throwIfAborted(signal);
      await shorten(records, record);
    }
    const last = page.at(-1);
    after = last ? { sort: turnIn(last.id), id: last.id } : null;
    await records.put({ ...place, doc: { after } });
    if (after) await sleep(restMs, signal, clock);
  }
}

const turnIn = (id: string): number => Number(id.slice(id.indexOf(':') + 1));

async function shorten(records: RecordStore, { id, doc, version }: StoredRecord): Promise<void> {
  const stored = StoredRequest.safeParse(doc);
  if (!stored.success || !stored.data.earlier) return;
  const { earlier, ...request } = stored.data;
  const turn = turnIn(id);
  const before = await records.get(requestRecordKind, `${id.slice(0, id.indexOf(':') + 1)}${requestIdOf(turn - 1)}`);
  const known = StoredRequest.safeParse(before?.doc).data?.earlier ?? [];
  const differs = earlier.findIndex(({ before: at, note }, n) => known[n]?.before !== at || known[n]?.note !== note);
  const kept = differs < 0 ? earlier.length : differs;
  const notes = toStoredRequestNotes({ turn: turn - 1, kept }, earlier.slice(kept));
  await records
    .put({ kind: requestRecordKind, id, doc: { ...request, ...notes }, sort: turn, expect: version })
    .catch((thrown: unknown) => {
      if (toAppError(thrown).code !== 'conflict') throw thrown; // another server did the same, or the session is gone
    });
}
