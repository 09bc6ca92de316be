import { z } from 'zod';
import type { Message, PositionedNote, ToolDeclaration, TurnPhase } from '../../../agents/models/model.ts';
import { digestJson, digestText } from '../../../core/text/digest.ts';
import { createListFold, memoizeByKey } from '../../../core/text/list-fold.ts';
import { MessageSelection, type PromptSection } from '../context/message-selection.ts';
import { findMessagesWithPictures } from '../context/meter.ts';

// Requests have the id `<session>:<turn>`, and their texts `<session>:<hash>`.

export const modelRequestKind = 'request';
export const modelRequestTextKind = 'request-text';
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
  /** See `computeRequestHash`. */
  requestHash: Hash,
  from: MessageSelection,
  phase: z.custom<TurnPhase>(),
  system: Hash,
  tools: Hash,
  note: Hash.optional(),
  noteAt: z.int().optional(),
  /** Notes of earlier turns: the first `first` notes of request `of`, then `more`. */
  notes: z.object({ of: z.int().optional(), first: z.int().default(0), more: z.array(PlacedNote) }).optional(),
  /** All notes, in records of versions without `notes`. */
  earlier: z.array(PlacedNote).optional(),
  hint: z.string().optional(),
  mustCall: z.string().optional(),
  runFrom: z.int().optional(),
  sampling: z.custom<object>().optional(),
  /** Hashes of the sent pictures (base64), by file. */
  pictures: z.record(z.string(), Hash).optional(),
  /** The hash is a chain. Absent in older records, whose hash covers the complete lists. */
  chained: z.literal(true).optional(),
});
export type StoredRequest = z.infer<typeof StoredRequest>;

export type StoredRequestFrame = Omit<
  StoredRequest,
  'turn' | 'runId' | 'model' | 'requestHash' | 'from' | 'notes' | 'earlier' | 'pictures' | 'chained'
>;
export type PictureHashes = Readonly<Record<string, string>>;
export interface RequestContents {
  readonly messages: readonly Message[];
  readonly earlier: readonly PositionedNote[];
  readonly pictures: PictureHashes;
}

/**
 * Hash of a request, reproducible from stored data. Conversation and notes are hash chains that continue those of the previous
 * request.
 */
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

/** Omits pictures without content. */
export const listPictureHashes = (messages: readonly Message[]): PictureHashes =>
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

export function toStoredRequestNotes(
  before: { readonly turn: number; readonly kept: number },
  more: readonly StoredPositionedNote[],
): Pick<StoredRequest, 'notes'> {
  if (before.kept > 0) return { notes: { of: before.turn, first: before.kept, more: [...more] } };
  return more.length > 0 ? { notes: { first: 0, more: [...more] } } : {};
}
