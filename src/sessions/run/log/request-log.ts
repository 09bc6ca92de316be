import type { Message, PositionedNote, TurnRequest } from '../../../agents/models/model.ts';
import type { RecordPut, RecordStore } from '../../../core/contracts/ports.ts';
import type { RunId, SessionId } from '../../../core/model/ids.ts';
import { digestText } from '../../../core/text/digest.ts';
import type { MessageSelection, PromptSection, RequestFingerprint } from '../context/message-selection.ts';
import {
  computeRequestHash,
  computeToolsDigest,
  listPictureHashes,
  modelRequestKind,
  modelRequestTextKind,
  requestIdOf,
  type StoredRequest,
  type StoredRequestFrame,
  toStoredRequestNotes,
} from './stored-request.ts';

export interface ModelRequest {
  readonly runId: RunId;
  /** The model called first; a fallback may answer. */
  readonly model: string;
  readonly request: TurnRequest;
  readonly sections: readonly PromptSection[];
  readonly from: MessageSelection;
  readonly conversation: readonly Message[];
}

/**
 * Records a session's requests. To store nothing twice, a record refers to the conversation by length, to other texts by hash,
 * and to the notes of the previous request.
 */
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
    const [last] = await records.list(modelRequestKind, { idPrefix: `${this.#sessionId}:`, limit: 1 });
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
    this.#put(modelRequestKind, requestIdOf(turn), { doc, sort: turn });
    return { turn, requestHash };
  }

  takeUnstored(): RecordPut[] {
    return this.#unstored.splice(0);
  }

  /** Stores the new notes. Notes that are the same objects as in the previous request become a reference to it. */
  #storeNotes(turn: number, earlier: readonly PositionedNote[]): Pick<StoredRequest, 'notes'> {
    const before = this.#last;
    let kept = continues(earlier, before.earlier) ? before.earlier.length : 0;
    while (kept < earlier.length && earlier[kept] === before.earlier[kept]) kept++;
    this.#last = { turn, earlier };
    const more = earlier.slice(kept).map((note) => ({ before: note.before, note: this.#note(note.text) }));
    return toStoredRequestNotes({ turn: before.turn, kept }, more);
  }

  #note = (text: string): string => this.#text(digestText(text), { text });

  /** After a restart, a text can be written a second time, which has no effect. */
  #text(hash: string, doc: object): string {
    if (!this.#stored.has(hash)) this.#put(modelRequestTextKind, hash, { doc });
    this.#stored.add(hash);
    return hash;
  }
  #put(kind: string, id: string, rest: Pick<RecordPut, 'doc' | 'sort'>): void {
    this.#unstored.push({ kind, id: `${this.#sessionId}:${id}`, ...rest });
  }
}

/** Whether `list` starts with all of `before`. Comparing one note is enough, because lists are only appended to or replaced. */
const continues = (list: readonly PositionedNote[], before: readonly PositionedNote[]): boolean =>
  before.length > 0 && list[before.length - 1] === before.at(-1);
