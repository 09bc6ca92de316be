import { z } from 'zod';
import type { Message, ToolDeclaration, TurnRequest } from '../../../agents/models/model.ts';
import type { RecordedRequest } from '../../../agents/models/seen-request.ts';
import type { RecordStore } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { digestText } from '../../../core/text/digest.ts';
import { PromptSection } from '../context/message-selection.ts';
import { computeModelView, createShortResultsCompaction } from '../context/view.ts';
import { parseConversation, sortResultsByCall } from './conversation.ts';
import {
  collectRequestNotes,
  computeRequestHash,
  computeToolsDigest,
  computeUnchainedRequestHash,
  joinPromptSections,
  requestIdOf,
  requestRecordKind,
  requestTextRecordKind,
  StoredRequest,
} from './stored-request.ts';

const SectionsText = z.object({ sections: z.array(PromptSection) });
const ToolsText = z.object({ tools: z.array(z.custom<ToolDeclaration>()) });
const NoteText = z.object({ text: z.string() });

/** `turn` defaults to the newest turn. Rejects: not_found. */
export async function readRecordedRequest(
  records: RecordStore,
  id: SessionId,
  turn?: number,
): Promise<RecordedRequest> {
  const stored = await storedRequest(records, id, turn);
  const { from, pictures = {}, turn: at, runId, model, requestHash, chained, notes, earlier: _, ...frame } = stored;
  const readText = async (hash: string) => (await records.get(requestTextRecordKind, `${id}:${hash}`))?.doc;
  const { sections } = SectionsText.parse(await readText(frame.system));
  const { tools } = ToolsText.parse(await readText(frame.tools));
  const readNote = async (hash: string) => NoteText.parse(await readText(hash)).text;
  const note = frame.note === undefined ? undefined : await readNote(frame.note);
  const placed = collectRequestNotes(stored, notes?.of === undefined ? () => undefined : await loadTurns(records, id));
  const texts = new Map<string, string>();
  for (const hash of new Set(placed.map((one) => one.note))) texts.set(hash, await readNote(hash));
  const earlier = placed.map((one) => ({ before: one.before, text: texts.get(one.note) ?? '' }));
  const system = joinPromptSections(sections);
  const messages = await readMessages(records, id, from);
  const isSame =
    digestText(system) === frame.system &&
    computeToolsDigest(tools) === frame.tools &&
    (note === undefined || digestText(note) === frame.note) &&
    [...texts].every(([hash, text]) => digestText(text) === hash);
  const hashOf = chained ? computeRequestHash : computeUnchainedRequestHash;
  const proved = isSame && hashOf(frame, { messages, earlier, pictures }) === requestHash;
  const own = { ...(note !== undefined && { note }), ...(earlier.length > 0 && { earlier }) };
  const parts = { ...frame, system, tools, messages, ...own };
  const request = parts as TurnRequest; // zod's types cannot express missing keys
  return { turn: at, runId, model, requestHash, proved, sections, request, pictures };
}

async function storedRequest(records: RecordStore, id: SessionId, turn: number | undefined): Promise<StoredRequest> {
  const [last] = await records.list(requestRecordKind, { idPrefix: `${id}:`, limit: 1 });
  const found = turn === undefined ? last : await records.get(requestRecordKind, `${id}:${requestIdOf(turn)}`);
  if (found) return StoredRequest.parse(found.doc);
  const newest = last && StoredRequest.parse(last.doc).turn;
  const what = newest === undefined ? 'No model was called in this session yet' : `There is no turn ${turn}`;
  throw new AppError('not_found', `${what}${newest === undefined ? '' : `; the newest is ${newest}`}.`);
}

async function loadTurns(records: RecordStore, id: SessionId): Promise<(turn: number) => StoredRequest | undefined> {
  const all = await records.list(requestRecordKind, { idPrefix: `${id}:` });
  const docs = new Map(all.map(({ id: name, doc }) => [name, doc]));
  return (turn) => StoredRequest.optional().parse(docs.get(`${id}:${requestIdOf(turn)}`));
}

async function readMessages(
  records: RecordStore,
  id: SessionId,
  { length, upto, most, begun }: StoredRequest['from'],
): Promise<readonly Message[]> {
  const stored = await records.list('transcript', { idPrefix: `${id}:` });
  const docs = stored.map(({ doc }) => doc).reverse();
  const { entries, compactions } = parseConversation(docs.slice(0, length));
  const short = upto === undefined || most === undefined ? [] : [createShortResultsCompaction(upto, most)];
  const seen = computeModelView(sortResultsByCall(entries.map(({ message }) => message)), [...compactions, ...short]);
  const messages = seen.flatMap(({ at, message }) => (upto === undefined || at < upto ? [message] : []));
  return begun ? [...messages, begun] : messages;
}
